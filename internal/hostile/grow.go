package hostile

import (
	"fmt"
	"strings"
)

// doubling has values each of which holds the one before twice.
func doubling() []Input {
	var out []Input
	add := func(name, imports, first, format string, sizes ...int) {
		for _, n := range sizes {
			out = append(out, of(fmt.Sprintf("%s-%d", name, n), imports, chain(n, first, format), use(fmt.Sprintf("len(a%d)", n))))
		}
	}
	add("double-string", "", `a0: "0123456789"`, `a%d: a%[2]d + a%[2]d`, 26, 32, 64)
	add("double-interpolation", "", `a0: "0123456789"`, `a%d: "\(a%[2]d)\(a%[2]d)"`, 26, 40)
	add("double-let", "", `let a0 = "0123456789"`, `let a%d = a%[2]d + a%[2]d`, 30)
	add("double-hidden", "", `_b0: "0123456789", a0: ""`, `_b%d: _b%[2]d + _b%[2]d, a%[1]d: _b%[1]d`, 30)
	add("double-bytes", "", `a0: '0123456789'`, `a%d: a%[2]d + a%[2]d`, 30)
	add("double-list", "list", `a0: [1, 2]`, `a%d: list.Concat([a%[2]d, a%[2]d])`, 18, 30)
	add("double-nested-list", "", `a0: [1, 2]`, `a%d: [a%[2]d, a%[2]d]`, 18, 30)
	add("double-loop", "", `a0: [1, 2]`, `a%d: [for x in a%[2]d for y in [0, 1] {x}]`, 16, 30)
	add("double-struct", "", `a0: {x: 1}`, `a%d: {x: a%[2]d, y: a%[2]d}`, 16, 22, 40)
	add("double-embedding", "", `a0: {x: 1}`, `a%d: {a%[2]d, "y%[1]d": a%[2]d}`, 16, 30)
	add("double-definition", "", `#A0: {x: 1}, a0: #A0`, `#A%d: {x: #A%[2]d, y: #A%[2]d}, a%[1]d: #A%[1]d`, 22)
	add("tenfold-replace", "strings", `a0: "a"`, `a%d: strings.Replace(a%[2]d, "a", "aaaaaaaaaa", -1)`, 9, 12)
	add("fold-join", "strings", `a0: "aa"`, `a%d: strings.Join([a%[2]d, a%[2]d, a%[2]d, a%[2]d], a%[2]d)`, 14)
	add("double-json", "encoding/json", `a0: "\\\""`, `a%d: json.Marshal(a%[2]d)`, 26, 40)
	add("double-yaml", "encoding/yaml", `a0: "a"`, `a%d: yaml.Marshal({x: a%[2]d, y: a%[2]d})`, 26)
	add("double-base64", "encoding/base64", `a0: "0123456789"`, `a%d: base64.Encode(null, a%[2]d + a%[2]d)`, 26)
	add("double-regexp", "regexp", `a0: "aa"`, `a%d: regexp.ReplaceAll("a", a%[2]d, "aa")`, 27)
	return out
}

// ranges makes very many elements by one call.
func ranges() []Input {
	var out []Input
	add := func(name, imports, value string) {
		out = append(out, of(name, imports, "a: "+value, use("len(a)")))
	}
	add("range-million", "list", "list.Range(0, 3000000, 1)")
	add("range-billion", "list", "list.Range(0, 1000000000, 1)")
	add("range-fine", "list", "list.Range(0, 1, 1e-9)")
	add("repeat-list", "list", "list.Repeat(list.Repeat([1, 2, 3], 1000000), 100)")
	add("repeat-lists", "list", "list.Repeat(list.Repeat([1], 10000), 10000)")
	add("repeat-string", "strings", `strings.Repeat(strings.Repeat("0123456789", 100000), 700)`)
	add("repeat-string-more", "strings", `strings.Repeat(strings.Repeat("0123456789", 1000000), 1000)`)
	add("repeat-string-most", "strings", `strings.Repeat(strings.Repeat("0123456789", 1000000), 1000000)`)
	add("times-string", "", `("0123456789" * 1000000) * 100`)
	add("times-list", "", `([1] * 1000000) * 100`)
	add("flatten", "list", "list.FlattenN(["+repeat("[", 500)+"1"+repeat("]", 500)+"], 500)")
	add("split", "strings", `strings.Split(strings.Repeat("aaa", 1000000), "")`)
	add("sort", "list", "list.Sort([for x in list.Range(0, 100000, 1) {-x}], {x: _, y: _, less: x < y})")
	add("unique", "list", "list.Sort(list.Range(0, 300000, 1), list.Ascending)")
	add("and-many", "list", "\"x\\(and([for x in list.Range(0, 100000, 1) {>=0}]))\"")
	add("or-many", "list", "or([for x in list.Range(0, 100000, 1) {\"\\(x)\"}]) & \"99999\"")
	add("runes", "strings", `strings.Runes(strings.Repeat(strings.Repeat("a", 1000), 20000))`)
	return out
}

// numbers has very large ones.
func numbers() []Input {
	var out []Input
	add := func(name, imports, top, value string) { out = append(out, of(name, imports, top, use(value))) }
	add("square-24", "", chain(24, "a0: 99999", "a%d: a%[2]d * a%[2]d"), "a24")
	add("square-40", "", chain(40, "a0: 99999", "a%d: a%[2]d * a%[2]d"), "a40")
	add("square-sum", "", chain(64, "a0: 3", "a%d: a%[2]d * a%[2]d + 1"), "a64 > 1")
	add("shift", "math/bits", "a: bits.Lsh(1, 4000000000)", "a > 1")
	add("shift-often", "math/bits", chain(12, "a0: 1", "a%d: bits.Lsh(a%[2]d, 100000000)"), "a12 > 1")
	add("power", "math", "a: math.Pow(10, 1000000000)", "a > 1")
	add("power-tower", "math", chain(8, "a0: 9", "a%d: math.Pow(a%[2]d, 9)"), "a8")
	add("exponent", "", "a: 1e999999999 + 1", "a > 1")
	add("exponent-int", "", "a: int & 1e99999999", "a")
	add("digits", "", "a: "+repeat("9", 4<<20), "a")
	add("digits-square", "", "a: "+repeat("9", 1<<20)+"\nb: a * a", "b")
	add("division", "", chain(40, "a0: 7", "a%d: a%[2]d * a%[2]d / 3.1"), "a40 > 1")
	return out
}

// choices has products of alternatives.
func choices() []Input {
	var out []Input
	for _, n := range []int{8, 14, 20} {
		out = append(out, of(fmt.Sprintf("choice-structs-%d", n), "", "a: "+alternatives(n)+"\n", use("a.x0")))
	}
	out = append(out,
		of("choice-often", "", "a: {"+lines(30, "\tx%d: {p: 1} | {q: 2} | {p: int, q: int}")+"}\nb: a & a & a", use("len(b)")),
		of("choice-wide", "", "a: "+repeat("{x: 1} | ", 3000)+"{y: 1}\nb: a & a", use("b.y")),
		of("choice-scalars", "", "a: "+list(2000, `"a%d"`, " | ")+"\nb: a & a & a & a", use("b")),
		of("choice-in-lists", "", "a: ["+list(18, "1 | 2", ", ")+"] | ["+list(18, "2 | 3", ", ")+"]\nb: a & a & a", use("b[0]")),
		of("choice-nested", "", chain(14, "#C0: {x: 1} | {y: 1}", "#C%d: {a: #C%[2]d} | {b: #C%[2]d}"), use("#C14.a")),
		of("choice-defaults", "", "a: "+list(16, "(*{x%[1]d: 1} | {x%[1]d: 2} | {y%[1]d: 3})", " & "), use("a.x0")),
	)
	return out
}

// alternatives is a conjunction of n disjunctions that multiply.
func alternatives(n int) string { return list(n, "({x%[1]d: 1} | {x%[1]d: 2} | {y%[1]d: 3})", " & ") }

// list joins n texts of a format with their number.
func list(n int, format, by string) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = format
		if strings.Contains(format, "%") {
			texts[i] = fmt.Sprintf(format, i)
		}
	}
	return strings.Join(texts, by)
}

// loops has comprehensions in comprehensions.
func loops() []Input {
	digits := "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
	var out []Input
	for _, n := range []int{5, 7, 12} {
		text := "a: ["
		for i := range n {
			text += fmt.Sprintf("for x%d in %s ", i, digits)
		}
		out = append(out, of(fmt.Sprintf("loops-%d", n), "", text+"{1}]", use("len(a)")))
	}
	out = append(out,
		of("loops-fields", "", "a: {for x in d for y in d for z in d for u in d for v in d for w in d {\"\\(x)\\(y)\\(z)\\(u)\\(v)\\(w)\": 1}}\nd: "+digits, use("len(a)")),
		of("loops-squares", "list", "a: [for x in list.Range(0, 3000, 1) {[for y in list.Range(0, x, 1) {y}]}]", use("len(a)")),
		of("loops-nodes", "list", "", "\tnodes: {for i in list.Range(0, 60000, 1) {\"n-\\(i)\": address: \"10.\\(mod(i, 200)).0.1\"}}"),
		of("loops-dependent", "", chain(24, "a0: {x: 1}", "a%d: {for k, v in a%[2]d {\"\\(k)p\": v, \"\\(k)q\": v}}"), use("len(a24)")),
		of("loops-strings", "strings", "a: strings.Join([for x in d for y in d for z in d for u in d for v in d {strings.Repeat(\"x\", 1000)}], \"\")\nd: "+digits, use("len(a)")),
	)
	return out
}
