package e2e

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
)

// figures are the tests' measurements. TestMain prints them.
var figures figureTable

type figureTable struct {
	sync.Mutex
	rows [][2]string
}

// figure adds a row to the table at the end of a run.
func figure(t testing.TB, name, format string, args ...any) {
	t.Helper()
	value := fmt.Sprintf(format, args...)
	t.Logf("%s: %s", name, value)
	figures.Lock()
	defer figures.Unlock()
	figures.rows = append(figures.rows, [2]string{name, value})
}

// print writes the table, in the tests' order. It also writes the file that figuresFile
// names, since a runner may show a package's output only after a failure.
func (f *figureTable) print(w io.Writer) error {
	f.Lock()
	defer f.Unlock()
	if len(f.rows) == 0 {
		return nil
	}
	width := 0
	for _, row := range f.rows {
		width = max(width, len(row[0]))
	}
	var b strings.Builder
	fmt.Fprintln(&b, "== figures")
	for _, row := range f.rows {
		fmt.Fprintf(&b, "%-*s  %s\n", width, row[0], row[1])
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	if file := os.Getenv(figuresFile); file != "" {
		return os.WriteFile(file, []byte(b.String()), 0o644)
	}
	return nil
}

const figuresFile = "KCMGEN_E2E_FIGURES"
