//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kcmgen/kcmgen/internal/need"
)

// TestScriptsAsk: scripts ask for the programs that they use, so that the rest of a script
// is skipped if one is missing.
func TestScriptsAsk(t *testing.T) {
	found, err := filepath.Glob(scripts)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s matches nothing (%v)", scripts, err)
	}
	wrappers := map[string]string{"unpriv": "setpriv", "readonly": "namespaces", "offline": "namespaces", "builder": "buildah"}
	for _, name := range found {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, program := range need.Unasked(string(data), wrappers) {
			t.Errorf("%s starts %s: say \"needs %[2]s\" before it", name, program)
		}
	}
}

// versions are the commands that print versions of outside programs, where they matter.
var versions = map[string]struct{ args, version string }{
	"buildah": {"--version", "buildah version"},
	"cue":     {"version", "cue version v0.17.1"},
	"openssl": {"version", "OpenSSL"},
}

// asked is the key of the programs that a script asked for.
type asked struct{}

// needs NAME... says which outside programs a script uses from here on. If one is missing,
// the rest is skipped. "namespaces" stands for the namespaces of the wrappers.
func needs(ts *testscript.TestScript, _ bool, args []string) {
	t := ts.Value(asked{}).(need.T)
	for _, name := range args {
		if name == "namespaces" {
			ts.Setenv("NAMESPACES", need.Namespaces(t))
			continue
		}
		if name == "root" {
			need.Root(t)
			continue
		}
		at := need.Program(t, name)
		j := versions[name]
		if j.version == "" {
			continue
		}
		out, err := exec.Command(at, strings.Fields(j.args)...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), j.version) {
			ts.Fatalf("%s on PATH is not %s: %v\n%s", name, j.version, err, out)
		}
	}
}
