package report

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/internal/need"
)

// TestCodeClimateTypes: the types that others wrote for reports of code quality accept ours,
// and refuse what is broken. TypeScript's compiler compares.
func TestCodeClimateTypes(t *testing.T) {
	modules, node := need.NPM(t, "../../.."), need.Program(t, "node")
	compile := func(report string) (string, error) {
		file := filepath.Join(t.TempDir(), "report.ts")
		types := filepath.ToSlash(filepath.Join(modules, "codeclimate-types", "index.js"))
		text := fmt.Sprintf("import type { Issue } from %q\nexport const report: Issue[] = %s", types, report)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(node, filepath.Join(modules, "typescript", "bin", "tsc"), "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", file).CombinedOutput()
		return string(out), err
	}
	waived := sample()
	waived.Waived = true
	for name, r := range map[string]*Report{"sample": sample(), "waived": waived, "none": {}} {
		if out, err := compile(write(t, r, "gitlab")); err != nil {
			t.Errorf("%s: %v\n%.2000s", name, err, out)
		}
	}
	for _, broken := range [][2]string{{`"fingerprint"`, `"print"`}, {`"critical"`, `"fatal"`}, {`"begin":`, `"begin":"1", "x":`}, {`"issue"`, `"fault"`}} {
		text := write(t, sample(), "gitlab")
		if !strings.Contains(text, broken[0]) {
			t.Fatalf("there is no %s in\n%s", broken[0], text)
		}
		if _, err := compile(strings.ReplaceAll(text, broken[0], broken[1])); err == nil {
			t.Errorf("%s in place of %s is accepted", broken[1], broken[0])
		}
	}
}
