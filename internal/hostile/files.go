package hostile

import (
	"fmt"
	"strings"
)

// embedded has files that CUE embeds.
func embedded() []Input {
	var out []Input
	add := func(name, base, text string) {
		out = append(out, Input{name, func() map[string]string {
			return map[string]string{
				file:           cluster(nil, "a: _ @embed(file="+base+")", use("len(a)")),
				"prod/" + base: text,
			}
		}})
	}
	bomb := "a0: &a0 [x, x]\n"
	for i := 1; i <= 30; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	add("embed-yaml-aliases", "a.yaml", bomb)
	add("embed-yaml-deep", "a.yaml", "a: "+repeat("[", 100_000)+repeat("]", 100_000))
	add("embed-json-deep", "a.json", repeat("[", 1_000_000)+repeat("]", 1_000_000))
	add("embed-json-long", "a.json", "["+repeat("1,", 4_000_000)+"1]")
	add("embed-json-fields", "a.json", "{"+list(100_000, `"f%d": 1`, ",")+"}")
	add("embed-toml", "a.toml", lines(200_000, "a%d = 1"))
	add("embed-text", "a.txt", repeat("0123456789", 1<<20)[:9<<20])
	return out
}

// many has many files, imports and packages.
func many() []Input {
	plain := cluster(nil, "", "")
	input := func(name string, files func() map[string]string) Input { return Input{name, files} }
	return []Input{
		input("many-files", func() map[string]string {
			out := map[string]string{file: plain}
			for i := range 4_000 {
				out[fmt.Sprintf("prod/f%d.cue", i)] = fmt.Sprintf("package prod\n\na%d: %d\n", i, i)
			}
			return out
		}),
		input("many-megabytes", func() map[string]string {
			out := map[string]string{file: plain}
			text := "package prod\n" + lines(60_000, "b%d: 1")
			for i := range 70 {
				out[fmt.Sprintf("prod/f%d.cue", i)] = strings.ReplaceAll(text, "b", fmt.Sprintf("b%d_", i))
			}
			return out
		}),
		input("many-imports", func() map[string]string {
			return map[string]string{file: plain, "prod/more.cue": "package prod\n\nimport (\n" + lines(100_000, "\t\"example.com/clusters/p%d\"") + ")\n"}
		}),
		input("many-packages-double", func() map[string]string {
			out := map[string]string{file: cluster([]string{"example.com/clusters/p25"}, "", use("len(p25.a)"))}
			out["p0/a.cue"] = "package p0\n\na: \"0123456789\"\n"
			for i := 1; i <= 25; i++ {
				out[fmt.Sprintf("p%d/a.cue", i)] = fmt.Sprintf("package p%d\n\nimport \"example.com/clusters/p%d\"\n\na: p%[2]d.a + p%[2]d.a\n", i, i-1)
			}
			return out
		}),
		input("many-parents", func() map[string]string {
			dir := "prod" + repeat("/d", 300)
			return map[string]string{file: plain, dir + "/x.cue": "package prod\n\nb: 1\n"}
		}),
		input("module-long", func() map[string]string {
			return map[string]string{file: plain, module: "module: \"example.com/clusters@v0\"\nlanguage: version: \"v0.15.0\"\n" + "deps: {\n" + lines(100_000, "\t\"example.com/m%d@v0\": v: \"v0.0.1\"") + "}\n"}
		}),
		input("module-growing", func() map[string]string {
			return map[string]string{file: plain, module: "module: \"example.com/clusters@v0\"\nlanguage: version: \"v0.15.0\"\n" + chain(40, `a0: "0123456789"`, `a%d: a%[2]d + a%[2]d`)}
		}),
		input("vocabulary-edited", func() map[string]string {
			const dir = "cue.mod/pkg/github.com/kcmgen/kcmgen/schemas/"
			return map[string]string{file: plain, dir + "cluster.cue": "package schemas\n\n" + chain(40, `_a0: "0123456789"`, `_a%d: _a%[2]d + _a%[2]d`) + "\n#Cluster: {name: string, x: len(_a40), ...}\n"}
		}),
		input("site-policy", func() map[string]string {
			const dir = "cue.mod/usr/github.com/kcmgen/kcmgen/schemas/"
			return map[string]string{file: plain, dir + "policy.cue": "package schemas\n\nimport \"strings\"\n\n#Cluster: name: strings.MaxRunes(len(strings.Repeat(\"x\", 10000000000)))\n"}
		}),
	}
}
