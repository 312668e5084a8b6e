package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// readerProgram builds e2e/_reader, as part of kcmgen's own module.
var readerProgram = sync.OnceValues(func() (string, error) {
	file := filepath.Join(filepath.Dir(kcmgen), "reader")
	build := exec.Command("go", "build", "-trimpath", "-o", file, "./e2e/_reader/main.go")
	build.Dir, build.Env = "..", append(os.Environ(), "CGO_ENABLED=0") // it also runs on hosts
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the reader: %w\n%s", err, out)
	}
	return file, nil
})

// hostFile is a file of a host, by its path there.
type hostFile struct{ Name, Data string }

// command is what kcmgen reads in a host's files.
type command struct {
	Args  [][]byte
	Notes []string
	Err   string
}

// commandsIn returns what kcmgen reads in the files of each host.
func commandsIn(t *testing.T, hosts [][]hostFile) []command {
	t.Helper()
	in, err := json.Marshal(hosts)
	if err != nil {
		t.Fatal(err)
	}
	var out []command
	reads(t, in, &out)
	if len(out) != len(hosts) {
		t.Fatalf("%d answers for %d hosts", len(out), len(hosts))
	}
	return out
}

// fromYAML reads a document.
func fromYAML(t *testing.T, text string, out any) {
	t.Helper()
	reads(t, []byte(text), out, "yaml")
}

func reads(t *testing.T, in []byte, out any, args ...string) {
	t.Helper()
	program, err := readerProgram()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &stderr
	answer, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(answer, out)
	}
	if err != nil {
		t.Fatalf("%v: %s\n%.2000s", err, strings.TrimSpace(stderr.String()), in)
	}
}
