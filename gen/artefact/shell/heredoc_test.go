package shell_test

import (
	"testing"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

func TestHeredocs(t *testing.T) {
	for _, c := range []struct{ src, file, body string }{
		// the file
		{"cat >f <<E\na\nE\n", "f", "a\n"},
		{"D=/etc\ncat <<E >\"$D/f\"\na\nE\n", "/etc/f", "a\n"},
		{"cat <<E | sudo tee f >/dev/null\na\nE\n", "f", "a\n"},
		{"cat <<E | sudo -u root tee -a f | cat\na\nE\n", "f", "a\n"},
		{"tee f <<E\na\nE\n", "f", "a\n"},
		{"sudo /usr/bin/tee -- f <<E\na\nE\n", "f", "a\n"},
		{"cat - <<E | cat >f\na\nE\n", "f", "a\n"},
		{"cat >>$D/f <<E\na\nE\n", "$D/f", "a\n"},
		{"if x; then\n cat >f <<E\na\nE\nfi\n", "f", "a\n"},
		{"f() { cat >f <<E\na\nE\n}\n", "f", "a\n"},
		{"cat <<E\na\nE\n", "", "a\n"},
		{"cat x >f <<E\na\nE\n", "", "a\n"},
		{"sed s/a/b/ >f <<E\na\nE\n", "", "a\n"},
		{"cat <<E | sed x >f\na\nE\n", "", "a\n"},
		{"cat 2>f <<E\na\nE\n", "", "a\n"},
		{"cat >f 3<<E\na\nE\n", "", "a\n"},
		// the body
		{"cat >f <<E\nE\n", "f", ""},
		{"cat >f <<E\n\\$A \\\\ \\` \\\" \\n 'x' \"y\" a\\\nb\nE\n", "f", "$A \\ ` \\\" \\n 'x' \"y\" ab\n"},
		{"A='x  y'\ncat >f <<E\n$A ${A} ${B} ${C:-d} $(e)\nE\n", "f", "x  y x  y ${B} d $(e)\n"},
		{"cat >f <<'E'\n$A \\$ \\\nb\nE\n", "f", "$A \\$ \\\nb\n"},
		{"cat >f <<\"E\"F\n$A\\\\\nEF\n", "f", "$A\\\\\n"},
		{"cat >f <<\\E\n\\\n$A\nE\n", "f", "\\\n$A\n"},
		{"cat >f <<-E\n\t\ta\n\tb\tc\n\tE\n", "f", "a\nb\tc\n"},
		{"cat >f <<-'E'\n\t\ta\n\tb\tc\n\tE\n", "f", "a\nb\tc\n"},
		{"cat >f <<-E\n\ta\\\n\tb\n\t$A\tc\n\tE\n", "f", "a\tb\n$A\tc\n"},
		{"A='\tx'\ncat >f <<-E\n\t$A\nE\n", "f", "\tx\n"},
		{"cat >f <<E\r\na\r\nE\r\n", "f", "a\n"},
	} {
		set, s := parsed(t, c.src)
		docs := s.Heredocs(nil)
		if len(docs) != 1 {
			t.Errorf("%q: %d here-documents", c.src, len(docs))
			continue
		}
		d := docs[0]
		if file, body := set.Show(d.File), set.Show(d.Body); file != c.file || body != c.body {
			t.Errorf("%q\n got %q %q\nwant %q %q", c.src, file, body, c.file, c.body)
		}
		if d.Body.Len() > 0 && d.At != d.Body.At(0) {
			t.Errorf("%q: is at %v", c.src, d.At)
		}
	}
}

// TestHeredocPlaces: several documents, in their order, with their places.
func TestHeredocPlaces(t *testing.T) {
	src := "A=val\ncat <<X; cat <<Y >f\nx $A\nX\n\\$y\nY\n"
	set, s := parsed(t, src)
	docs := s.Heredocs(map[string]text.Text{"A": set.Add("env", "other")})
	if len(docs) != 2 || docs[0].Body.String() != "x val\n" || docs[1].Body.String() != "$y\n" || docs[1].File.String() != "f" {
		t.Fatalf("%v", docs)
	}
	if at := set.Pos(docs[0].Body.At(2)); at.Line != 1 || at.Col != 3 {
		t.Errorf("the value of A is at %v", at)
	}
	if at := set.Pos(docs[1].Body.At(1)); at.Line != 5 || at.Col != 3 {
		t.Errorf("y is at %v", at)
	}
}
