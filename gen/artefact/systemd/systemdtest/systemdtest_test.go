package systemdtest

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestCases: a seed makes the same cases each time, and those have all that they are for.
func TestCases(t *testing.T) {
	cases := Cases(1, 300, "/bin/printargs", "/out", "/etc/env")
	if !reflect.DeepEqual(cases, Cases(1, 300, "/bin/printargs", "/out", "/etc/env")) || reflect.DeepEqual(cases, Cases(2, 300, "/bin/printargs", "/out", "/etc/env")) {
		t.Error("the seed doesn't decide")
	}
	var all strings.Builder
	for _, c := range cases {
		all.WriteString(c.Unit)
		for _, s := range c.DropIns {
			all.WriteString(s)
		}
		for _, s := range c.Env {
			all.WriteString(s)
		}
		if !strings.Contains(c.Unit+c.DropIns["10-exec.conf"], Mark+"/out/"+c.Name) {
			t.Errorf("%s doesn't print", c.Name)
		}
	}
	for _, want := range []string{`\x41`, "%%", "$$", "${A}", "$A", "\\\n", "# a comment", "ExecStart=\n", "EnvironmentFile=-", "EnvironmentFile=\n", "'", `"`, "\r\n", "export ", ";", "@/bin/printargs"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("no case has %q", want)
		}
	}
}

func TestPrint(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	if is, err := Print([]string{"a", "b"}); is || err != nil {
		t.Errorf("%v %v", is, err)
	}
	if is, err := Print([]string{"a", Mark + name, "b c", ""}); !is || err != nil {
		t.Errorf("%v %v", is, err)
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "b c\x00\x00" { //nolint:gosec // of this test
		t.Errorf("%q %v", got, err)
	}
}
