package vendoring

import (
	"bytes"
	"strings"
	"testing"
)

// TestInspect has the changes that happen to copies.
func TestInspect(t *testing.T) {
	replace := func(name string, f func(data []byte) []byte) func([]File) []File {
		return func(files []File) []File {
			for i := range files {
				if files[i].Name == name {
					files[i].Data = f(files[i].Data)
				}
			}
			return files
		}
	}
	for name, c := range map[string]struct {
		change                 func([]File) []File
		current, edited, newer bool
	}{
		"as written":   {func(fs []File) []File { return fs }, true, false, false},
		"CRLF":         {replace("node.cue", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }), true, false, false},
		"a comment":    {replace("node.cue", func(b []byte) []byte { return append(b, "// mine\n"...) }), false, true, false},
		"file missing": {func(fs []File) []File { return fs[1:] }, false, false, false},
		"file added":   {func(fs []File) []File { return append(fs, File{"z.cue", []byte("package schemas\n")}) }, false, true, false},
		"without headers": {func([]File) []File {
			return append([]File(nil), Ours()...)
		}, true, false, false},
		"edited without a header": {func([]File) []File {
			return []File{{"node.cue", []byte("package schemas\n")}}
		}, false, true, false},
		"one renewed by a newer kcmgen": {replace("node.cue", func(b []byte) []byte {
			return bytes.Replace(b, []byte("kcmgen v1.2.3"), []byte("kcmgen v1.3.0"), 1)
		}), true, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			got := Inspect(c.change(Copies("v1.2.3")))
			if got.Current() != c.current || (len(got.Edited) > 0) != c.edited || got.Newer("v1.2.3") != c.newer {
				t.Errorf("current %v, edited %q, newer %v (%s)", got.Current(), got.Edited, got.Newer("v1.2.3"), got.Version)
			}
			if partial := name == "file missing"; got.Partial != partial {
				t.Errorf("partial: %v", got.Partial)
			}
			if (len(got.Changes()) == 0) != c.current {
				t.Errorf("changes: %v", got.Changes())
			}
		})
	}
	for _, version := range []string{"(devel)", "v0.0.0-20261122090000-0123456789ab", ""} {
		if Inspect(Copies("v1.2.3")).Newer(version) {
			t.Errorf("a build of version %q can't know what is newer", version)
		}
	}
	if Inspect(Copies("v0.0.0-20261122090000-0123456789ab")).Newer("v0.0.0-20260101000000-0123456789ab") {
		t.Error("neither knows of a release")
	}
}

// FuzzInspect: a repository may hold any text.
func FuzzInspect(f *testing.F) {
	f.Add("node.cue", string(Copies("v1.2.3")[0].Data))
	f.Add("x.cue", "// From kcmgen v1, schemas 0, file 0. \n\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		c := Inspect([]File{{name, []byte(text)}})
		if len(c.Files) != 1 || strings.Contains(string(c.Files[0].Data), "\r\n") {
			t.Errorf("%q became %v", text, c.Files)
		}
		if again := Inspect(c.Files); c.Version != "" && again.Current() != c.Current() {
			t.Error("the text without its header is another vocabulary")
		}
	})
}
