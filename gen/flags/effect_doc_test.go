package flags

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the table of classes in docs/flags.md")

const (
	classesDoc  = "../../docs/flags.md"
	classesHead = "| class | risk | a change of this class |\n|---|---|---|\n"
)

// TestClassesDocument: docs/flags.md has a table of all classes.
func TestClassesDocument(t *testing.T) {
	text, err := os.ReadFile(classesDoc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), classesHead)
	got, after, ended := strings.Cut(rest, "\n## ")
	if !found || !ended {
		t.Fatalf("%s has no table of classes, or nothing after it", classesDoc)
	}
	var want strings.Builder
	for _, c := range Classes() {
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", c.ID, c.Risk, c.Title)
	}
	if got == want.String() {
		return
	}
	if !*update {
		t.Fatalf("the classes in %s aren't those of the data; type: go test ./gen/flags -update", classesDoc)
	}
	if err := os.WriteFile(classesDoc, []byte(before+classesHead+want.String()+"\n## "+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
