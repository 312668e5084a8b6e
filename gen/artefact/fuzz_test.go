package artefact

import (
	"slices"
	"testing"
)

// FuzzSplitCommand: a line is parsed or refused. The words have no NUL, which no argument
// can have, and are the same without the white space around the line.
func FuzzSplitCommand(f *testing.F) {
	for _, s := range []string{
		"", " ", "/bin/a b", `/bin/a "b c" 'd"e' f\ g`, `a"b"c`, `"unclosed`, `'`, `\`, `a\`, `\x41\101\u0041\U00000041`, `\x`, `\x0`, `\u000`, `\U0011ffff`, `\000`, `\x00`,
		"%", "%%", "%n", "$", "$$", "$HOME", "${X}", "a \\\n  b", "a;b ; c", "\"\"", "''", "\xff", "a\tb\rc", "\u00a0", `"\"`, `'\''`, "--a=\"$$%%\\\\\"",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := SplitCommand(line)
		if err != nil {
			return
		}
		if slices.Contains([]byte(line), 0) {
			return // ParseUnit excludes that
		}
		for _, w := range words {
			if slices.Contains([]byte(w), 0) {
				t.Errorf("%q has a word with a NUL: %q", line, w)
			}
		}
		again, err := SplitCommand(" " + line + "\t")
		if err != nil || !slices.Equal(words, again) {
			t.Errorf("%q reads as %q, with white space around it as %q (%v)", line, words, again, err)
		}
	})
}

// FuzzParseUnit: a unit is parsed or refused, and so is its command line.
func FuzzParseUnit(f *testing.F) {
	for _, s := range []string{
		"", "[Unit]\n", "[Service]\nExecStart=/bin/a \\\n  --b=c \\\n  --d=\"e f\"\nRestart=no\n", "[Service]\nExecStart=/a\nExecStart=/b\n", "[Service]\nExecStart=\n", "[", "[]\n=\n",
		"[Service]\nExecStart=/a\nExecStart=\nExecStart=@-/b c\n", "a=b\n", "[S]\na\n", "[S]\na=\\\n", "# c\n; d\n[S]\n# e\na=b\\\n#c\nd\n", "[S]\r\na=b\r\n", "\xef\xbb\xbf[S]\na=b\n", "[Service]\nExecStart=/a \\", "\x00", "[S]\n=a\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := ParseUnit(data)
		if err != nil {
			return
		}
		for section, directives := range u {
			for name, values := range directives {
				if len(values) == 0 {
					t.Errorf("[%s] %s has no line", section, name)
				}
			}
		}
		if args, err := u.Args(); err == nil && len(u["Service"]["ExecStart"]) == 0 {
			t.Errorf("arguments %q from %d command lines", args, len(u["Service"]["ExecStart"]))
		}
	})
}

// FuzzParsePod: a manifest is parsed as a v1 Pod, or refused.
func FuzzParsePod(f *testing.F) {
	for _, s := range []string{
		"", "{}", "apiVersion: v1\nkind: Pod\n", "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    command: [a, \"b c\"]\n    args: [d]\n",
		"apiVersion: v1\nkind: Pod\nspec: {containers: [{}, {}]}\n", "a: &a [*a]\n", "a: &a {b: 1}\nc: {<<: *a}\n", "[", "- - -\n", "? a\n: b\n", "kind: Pod\nkind: Pod\n", "---\n---\n", "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}", "\t", "!!binary x", "a: !!int x",
		"apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, resources: {limits: {cpu: 1e999999999}}}]}\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePod(data)
		if err != nil {
			return
		}
		if p.Kind != "Pod" || p.APIVersion != "v1" {
			t.Errorf("read a %s %s", p.APIVersion, p.Kind)
		}
		if args, err := PodArgs(p); err == nil && len(p.Spec.Containers) != 1 {
			t.Errorf("arguments %q of %d containers", args, len(p.Spec.Containers))
		}
	})
}
