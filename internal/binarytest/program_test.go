package binarytest

import (
	"bytes"
	"debug/elf"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// To make the headers anew, with a compiler for each architecture, which takes
// minutes the first time:
//
//	go test ./internal/binarytest -update
var update = flag.Bool("update", false, "write the headers of programs that Go compiles now")

// TestHeaders: each architecture has its header, and only that.
func TestHeaders(t *testing.T) {
	if *update {
		for _, arch := range spec.Archs {
			if err := os.WriteFile(filepath.Join("headers", arch), header(t, compile(t, arch)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := os.ReadDir("headers")
	if err != nil {
		t.Fatal(err)
	}
	var archs []string
	for _, file := range files {
		archs = append(archs, file.Name())
		data, err := os.ReadFile(filepath.Join("headers", file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		program, err := elf.NewFile(bytes.NewReader(data))
		if err != nil || len(program.Progs) == 0 || program.Entry == 0 || len(data) > 1000 {
			t.Errorf("%s: %d bytes: %v", file.Name(), len(data), err)
		}
	}
	want := slices.Sorted(slices.Values(spec.Archs))
	if !slices.Equal(archs, want) {
		t.Errorf("there are headers of %v, not %v", archs, want)
	}
}

// TestProgram: the result of Program has the header, and depends on the text.
func TestProgram(t *testing.T) {
	one, err := Program("amd64", "one")
	if err != nil {
		t.Fatal(err)
	}
	two, err := Program("amd64", "two")
	if err != nil || bytes.Equal(one, two) || !bytes.Equal(one[:size], two[:size]) {
		t.Errorf("two programs: %v", err)
	}
	if _, err := Program("vax", ""); err == nil {
		t.Error("there is a program for a machine that no cluster can name")
	}
}

// header returns the start of a program without the section table, whose sections would be
// missing.
func header(t *testing.T, data []byte) []byte {
	t.Helper()
	program, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(data)
	begin, entry, shoff, shentsize := 52, 32, out[32:36], out[46:52]
	if program.Class == elf.ELFCLASS64 {
		begin, entry, shoff, shentsize = 64, 56, out[40:48], out[58:64]
	}
	clear(shoff)
	clear(shentsize) // and e_shnum and e_shstrndx
	out = out[:begin+entry*len(program.Progs)]
	if again, err := elf.NewFile(bytes.NewReader(out)); err != nil || len(again.Progs) != len(program.Progs) || again.Progs[0].ProgHeader != program.Progs[0].ProgHeader {
		t.Fatalf("the program headers don't follow the ELF header: %v", err)
	}
	return out
}

// compile builds a program for an architecture with the installed Go.
func compile(t *testing.T, arch string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module program\n", "main.go": "package main\n\nfunc main() { println(\"a program\") }\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", "program", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build for %s: %v\n%s", arch, err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "program"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
