package hostile

import "fmt"

// chains has long rows of operators, labels and selectors.
func chains() []Input {
	var out []Input
	add := func(name, top, value string) { out = append(out, of(name, "", top, use(value))) }
	for _, n := range []int{20_000, 400_000} {
		add(fmt.Sprintf("chain-sum-%d", n), "a: 1"+repeat(" + 1", n), "a")
		add(fmt.Sprintf("chain-strings-%d", n), `a: "x"`+repeat(` + "x"`, n), "len(a)")
		add(fmt.Sprintf("chain-and-%d", n), "a: 1"+repeat(" & int", n), "a")
		add(fmt.Sprintf("chain-or-%d", n), "a: 1"+repeat(" | 2", n), "a")
	}
	add("chain-or-names", "a: "+list(3000, `"name-%d"`, " | "), "a & \"name-1\"")
	add("chain-bools", "a: true"+repeat(" && true", 200_000), "a")
	add("chain-not", "a: "+repeat("!", 9_000)+"true", "a")
	add("chain-minus", "a: "+repeat("-", 400_000)+"1", "a")
	add("chain-labels-9000", repeat("a: ", 9_000)+"1", "len(a)")
	add("chain-labels-million", repeat("a: ", 1_000_000)+"1", "len(a)")
	add("chain-selectors", "a: a: 1\nb: a"+repeat(".a", 300_000), "b")
	add("chain-indices", "a: [1]\nb: a"+repeat("[0]", 300_000), "b")
	add("chain-references", chain(20_000, "a0: 1", "a%d: a%[2]d"), "a20000")
	add("chain-references-back", chain(50_000, "a0: 1", "a%d: a%[2]d + 1"), "a50000")
	add("chain-lets", chain(5_000, "let a0 = 1", "let a%d = a%[2]d"), "a5000")
	return out
}

// expressions has regular expressions.
func expressions() []Input {
	var out []Input
	add := func(name, imports, top, value string) { out = append(out, of(name, imports, top, use(value))) }
	words := list(20_000, "word%d", "|")
	add("regexp-nested", "", `a: "x" =~ "`+repeat("(", 900)+"a"+repeat("{1,9})", 900)+`"`, "a")
	add("regexp-counted", "", `a: "x" =~ "((((a{1,30}){1,30})b){1,30})`+repeat("(a{1,999})", 2000)+`"`, "a")
	add("regexp-large", "", `a: "x" =~ "`+words+`"`, "a")
	add("regexp-generated", "strings", `a: "x" =~ strings.Repeat("(a|b|c)+[a-z]{1,9}", 100000)`, "a")
	add("regexp-subject", "strings", `a: strings.Repeat(strings.Repeat("ab", 1000), 10000) =~ "^(a*b*)*c$"`, "a")
	add("regexp-find-all", "regexp strings", `a: regexp.FindAll("a", strings.Repeat(strings.Repeat("a", 1000), 10000), -1)`, "len(a)")
	add("regexp-groups", "regexp strings", `a: regexp.FindSubmatch(strings.Repeat("(a)", 900), strings.Repeat("a", 900))`, "len(a)")
	add("regexp-unicode", "", `a: "x" =~ "`+repeat(`[\\pL\\pN\\pS]{1,100}`, 300)+`"`, "a")
	return out
}

// templates has those that loop.
func templates() []Input {
	var out []Input
	add := func(name, imports, top, value string) { out = append(out, of(name, imports, top, use(value))) }
	add("template-recursion", "text/template", "a: template.Execute(\"{{define \\\"t\\\"}}x{{template \\\"t\\\"}}{{end}}{{template \\\"t\\\"}}\", {})", "len(a)")
	add("template-loops", "text/template list", "l: list.Range(0, 1000, 1)\na: template.Execute(\"{{range .}}{{range $}}{{range $}}x{{end}}{{end}}{{end}}\", l)", "len(a)")
	add("template-printf", "text/template", "a: template.Execute(\"{{printf \\\"%1000000000d\\\" 1}}\", {})", "len(a)")
	add("template-many", "text/template", "a: template.Execute(\""+repeat("{{printf \\\"%99999d\\\" 1}}", 9000)+"\", {})", "len(a)")
	return out
}

// long has files of many megabytes.
func long() []Input {
	var out []Input
	add := func(name, top, body string) { out = append(out, of(name, "", top, body)) }
	add("long-fields", lines(900_000, "a%d: 1"), "")
	add("long-fields-hidden", lines(600_000, "_a%d: 1"), "")
	add("long-flags", "", "\tflags: {\n"+lines(300_000, "\t\t\"flag-%d\": \"value\"")+"\t}")
	add("long-errors", lines(600_000, "a%d: 1 & 2"), "")
	add("long-wrong-nodes", "", "\tnodes: {\n"+lines(200_000, "\t\t\"cp-%d\": address: 1")+"\t}")
	add("long-unknown", "", lines(400_000, "\tunknown%d: 1"))
	add("long-references", "a: 1\n"+lines(500_000, "b%d: a"), "")
	add("long-unresolved", lines(400_000, "b%d: nothing"), "")
	add("long-list", "a: [\n"+lines(800_000, "\t%d,")+"]", use("len(a)"))
	add("long-string", "a: \""+repeat("0123456789", 900_000)+"\"", "\tflags: \"cluster-name\": a")
	add("long-string-wrong", "", "\tprofile: \""+repeat("0123456789", 900_000)+"\"")
	add("long-comment", "// "+repeat("x", 9<<20), "")
	add("long-lines", repeat("\n", 9<<20), "")
	add("long-label", "\""+repeat("x", 9<<20)+"\": 1", "")
	add("long-attributes", "a: 1 "+repeat("@x(y) ", 900_000), "")
	add("long-waivers", "", "\twaivers: {\n"+lines(150_000, "\t\t\"rule-%d\": reason: \"x\"")+"\t}")
	add("long-sans", "", "\tpki: client: sans: extra: [\n"+lines(300_000, "\t\t\"host-%d.example.com\",")+"\t]")
	add("long-pods", "", "\tnetworks: nodes: [\n"+lines(200_000, "\t\t\"10.0.%d.0/24\",")+"\t]")
	add("odd-binary", repeat("\x01\x02\xff\xfe", 1<<20), "")
	add("odd-unclosed", "a: \"\"\"\n"+repeat("x\n", 1<<20), "")
	return out
}

// recursion has values that contain or need themselves.
func recursion() []Input {
	var out []Input
	add := func(name, imports, top, body string) { out = append(out, of(name, imports, top, body)) }
	add("recursion-struct", "", "a: {b: a}", use("a.b.b"))
	add("recursion-cluster", "", "", "\tflags: cluster")
	add("recursion-cluster-inside", "", "", "\tunit: Service: cluster")
	add("recursion-definition", "", "#A: {n: int, next: #A & {n: 1}}\na: #A & {n: 0}", use("a.n"))
	add("recursion-list", "", "a: [a, a]", use("len(a)"))
	add("recursion-count", "", "#A: {n: int, next: (#A & {\"n\": n + 1}).n}\na: #A & {n: 0}", use("a.next"))
	add("recursion-fibonacci", "", "#F: {\nn: int\nif n < 2 {r: n}\nif n >= 2 {\nlet A = #F & {\"n\": n - 1}\nlet B = #F & {\"n\": n - 2}\nr: A.r + B.r\n}\n}\na: (#F & {n: 60}).r", use("a"))
	add("recursion-if", "", "#F: {n: int, if n > 0 {next: #F & {\"n\": n - 1}}}\na: #F & {n: 100000}", use("a.n"))
	add("recursion-wide", "", "#F: {n: int, if n > 0 {l: #F & {\"n\": n - 1}, r: #F & {\"n\": n - 1}}}\na: #F & {n: 24}", use("a.n"))
	add("recursion-lists", "", "#F: {n: int, r: [if n < 2 {n}, (#F & {\"n\": n - 1}).r + (#F & {\"n\": n - 2}).r][0]}\na: (#F & {n: 40}).r", use("a"))
	add("cycle-sum", "", "a: b + 1\nb: a - 1", use("a"))
	add("cycle-many", "", lines(3_000, "a%d: z & {b: 1}")+"z: a0 & a1", use("z.b"))
	add("cycle-strings", "", "a: \"\\(b)x\"\nb: \"\\(a)y\"", use("a"))
	add("cycle-loop", "", "a: {for k, v in a {\"\\(k)x\": v}, b: 1}", use("a.b"))
	add("cycle-pattern", "", "a: {[string]: a, b: {}}", use("len(a)"))
	add("cycle-let", "", "let x = {y: x, z: 1}\na: x", use("a.z"))
	return out
}

// deep has nesting.
func deep() []Input {
	var out []Input
	for _, n := range []int{2_000, 9_000, 1_000_000} {
		for _, c := range [][3]string{{"structs", "{a: ", "}"}, {"lists", "[", "]"}, {"parentheses", "(", ")"}} {
			out = append(out, of(fmt.Sprintf("deep-%s-%d", c[0], n), "", "a: "+repeat(c[1], n)+"1"+repeat(c[2], n), ""))
		}
	}
	out = append(out,
		of("deep-interpolation", "", "a: "+repeat(`"\(`, 3_000)+"1"+repeat(`)"`, 3_000), use("a")),
		of("deep-comprehensions", "", "a: "+repeat("{if true {b: ", 2_000)+"1"+repeat("}}", 2_000), ""),
		of("deep-open", "", "a: "+repeat("{b: ", 2_000_000), ""),
	)
	return out
}

// patterns has pattern constraints.
func patterns() []Input {
	return []Input{
		of("patterns-alternations", "", `a: {[=~"`+list(5_000, "word%d", "|")+`"]: int, `+list(2_000, "word%d: 1", ", ")+"}", ""),
		of("patterns-many", "", "a: {"+lines(3_000, `[=~"x%d"]: int`)+lines(3_000, "x%d: 1")+"}", ""),
		of("patterns-nested", "", "a: {[string]: [string]: [string]: {p: 1, q: 2}}\n"+
			"a: {for x in d for y in d for z in d {\"\\(x)\": \"\\(y)\": \"\\(z)\": {}}}\nd: ["+list(60, "%d", ", ")+"]", ""),
		of("patterns-self", "", "a: {[X=string]: {name: X, all: a}, b: {}, c: {}}", use("a.b.name")),
		of("patterns-nodes", "", "a: ["+list(3_000, "%d", ", ")+"]", "\tnodes: {for i in a {\"n-\\(i)\": address: \"10.0.0.1\"}}\n\tnodes: [string]: flags: {for i in a {\"flag-\\(i)\": \"x\"}}"),
	}
}
