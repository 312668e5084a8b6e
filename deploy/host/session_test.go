//go:build linux

package host_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/internal/need"
)

// session opens a session with this machine's shell. /run, with the script's lock and
// scratch directory, is a private file system.
func session(t *testing.T) *host.Session {
	t.Helper()
	s, err := host.Open(within(t), start(t, private(t, host.Shell(true))), "0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// private wraps a command so that it has a private /run.
func private(t *testing.T, command string) string {
	t.Helper()
	return "exec " + need.Namespaces(t) + " --mount sh -c " + host.Quote("mount -t tmpfs tmpfs /run && "+command)
}

func within(t *testing.T) context.Context {
	t.Helper()
	return need.Time(t)
}

// TestBusy: the watchdog of a session may read the beat file while it is being written. An
// empty file doesn't end the session.
func TestBusy(t *testing.T) {
	impatient := strings.Replace(host.Shell(true), `serve "$nonce" 15`, `serve "$nonce" 1`, 1)
	s, err := host.Open(within(t), start(t, private(t, impatient)), "0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if _, err := s.Do(within(t), host.Raw(`: >"$scratch/beat"; sleep 3`)); err != nil {
		t.Errorf("the session: %v", err)
	}
	if !strings.Contains(impatient, `serve "$nonce" 1`) || impatient == host.Shell(true) {
		t.Error("the session isn't impatient")
	}
}

// TestLook: attributes of files are right, and links aren't followed.
func TestLook(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	unit := "[Service]\nExecStart=/bin/true\n# no line end"
	for name, data := range map[string]string{"unit.service": unit, "empty": "", "long": strings.Repeat("x", 100)} {
		if err := os.WriteFile(at(name), []byte(data), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{os.Symlink("empty", at("link")), os.Mkdir(at("home"), 0o700), os.Mkdir(at("home/0123456789abcdef"), 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	u := plan.Unit{GenerationsDir: at("home"), File: at("unit.service"), Name: "kcmgen-test-none.service"}
	names := []string{"unit.service", "empty", "long", "link", "home", "nothing", "it's|odd"}
	var paths []string
	for _, n := range names {
		paths = append(paths, at(n))
	}
	before := time.Now().Truncate(time.Second) // the host's resolution
	seen, err := session(t).Look(within(t), u, plan.ImageOf{}, paths, 50)
	after := time.Now()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(unit))
	none := sha256.Sum256(nil)
	for name, want := range map[string]plan.File{
		"unit.service": {Type: "regular file", Mode: "640", Size: int64(len(unit)), SHA256: hex.EncodeToString(sum[:])},
		"empty":        {Type: "regular empty file", Mode: "640", SHA256: hex.EncodeToString(none[:])},
		"long":         {Type: "regular file", Mode: "640", Size: 100},
		"link":         {Type: plan.Link, Mode: "777", Size: 5},
		"home":         {Type: plan.Directory, Mode: "700"},
		"nothing":      {Type: plan.Missing},
		"it's|odd":     {Type: plan.Missing},
	} {
		got := seen.Files[at(name)]
		want.Path = at(name)
		want.Owner, want.IDs, got.Size = got.Owner, got.IDs, map[bool]int64{true: want.Size, false: got.Size}[want.Type == plan.Directory]
		if got != want {
			t.Errorf("%s: %+v, expected %+v", name, got, want)
		}
	}
	if string(seen.Unit) != unit || seen.Runs != plan.Found || seen.Process.Running || seen.Process.Known {
		t.Errorf("the unit is %q, runs %q", seen.Unit, seen.Runs)
	}
	if seen.Clock.Before(before) || seen.Clock.After(after) {
		t.Errorf("its clock said %v between %v and %v", seen.Clock, before, after)
	}
	if err := os.WriteFile(at("home/0123456789abcdef/unit.service"), []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	if seen, err = session(t).Look(within(t), u, plan.ImageOf{}, nil, 50); err != nil || seen.Runs != "0123456789abcdef" {
		t.Errorf("runs %q, %v: expected the unit's generation", seen.Runs, err)
	}
}

// TestSeal: only verified files get their final name.
func TestSeal(t *testing.T) {
	sum := func(s string) string {
		h := sha256.Sum256([]byte(s))
		return hex.EncodeToString(h[:])
	}
	for _, c := range []struct {
		name, lies, want string
	}{
		{"as it was meant", "data", ""},
		{"another content", "dat", "read back, it isn't what was sent: a: FAILED"},
		{"nothing", "", "No such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(dir+"/g.partial", 0o700); err != nil {
				t.Fatal(err)
			}
			if c.lies != "" {
				if err := os.WriteFile(dir+"/g.partial/a", []byte(c.lies), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := session(t).Seal(within(t), dir+"/g.partial", dir+"/g", []string{sum("data") + "  a"}, nil)
			_, there := os.Lstat(dir + "/g")
			if c.want == "" && (err != nil || there != nil) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || there == nil) {
				t.Errorf("%v; the sealed directory: %v", err, there)
			}
		})
	}
}

// TestSession: no output and no argument of a command ends a session.
func TestSession(t *testing.T) {
	s := session(t)
	dir := t.TempDir()
	for _, text := range []string{"", "x", "x\n", "\n\n", "#0123456789abcde 0\n", "#0123456789abcdef\n", "'\"$(touch owned)`touch owned`\\", strings.Repeat("long ", 50000)} {
		file := filepath.Join(dir, "it's a $file")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := s.Text(within(t), file)
		if err != nil || string(got) != text {
			t.Errorf("%.30q came back as %.30q, %v", text, got, err)
		}
	}
	_, err := s.Text(within(t), dir+"/nothing")
	if ce := (*host.CommandError)(nil); !errors.As(err, &ce) || !strings.Contains(ce.Text, "No such file") {
		t.Errorf("%v", err)
	}
	// The second line would be a command of its own.
	for _, evil := range []string{"x\ntouch " + dir + "/owned\n:", "x\rtouch", "x\x00"} {
		if _, err := s.Text(within(t), evil); err == nil || !strings.Contains(err.Error(), "more than a line") {
			t.Errorf("%q: %v", evil, err)
		}
		if _, err := s.Look(within(t), plan.Unit{GenerationsDir: dir, File: dir + "/u", Name: "u"}, plan.ImageOf{}, []string{evil}, 1); err == nil {
			t.Errorf("%q is taken as a path", evil)
		}
	}
	if _, err := s.Text(within(t), dir+"/nothing"); err == nil {
		t.Error("a file that isn't there is read")
	}
	if _, err := os.Lstat(dir + "/owned"); err == nil {
		t.Error("a file's name was run")
	}
	s.Close()
	if _, err := s.Text(within(t), dir); err == nil {
		t.Error("a closed session answers")
	}
}

// TestParse: a program's version, or why it refuses its arguments, if it says so.
func TestParse(t *testing.T) {
	s := session(t)
	for program, want := range map[string]string{
		`echo "Kubernetes $2"`: "Kubernetes --version",
		`exit 3`:               "it ends with exit status 3 and says nothing",
		`echo; exit 1`:         "it ends with exit status 1 and says nothing",
		`echo usage; echo "Error: unknown flag: $1" >&2; exit 1`: "Error: unknown flag: --x",
	} {
		file := filepath.Join(t.TempDir(), "program")
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+program+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		got, err := s.Parse(within(t), []string{file, "--x"})
		if err != nil {
			got = err.Error()
		}
		if got != want || (err != nil) != strings.Contains(program, "exit") {
			t.Errorf("%s: %q, %v: expected %q", program, got, err, want)
		}
	}
}

// TestNothingOnTrial: recover, called by hand, says if there is nothing to do.
func TestNothingOnTrial(t *testing.T) {
	home := t.TempDir()
	recover := filepath.Join(home, "recover")
	if err := os.WriteFile(recover, []byte(host.Script()), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ state, word, from, says string }{
		{"", "revert", "", "nothing to go back from\n"},
		{"", "undo", "", "there is nothing to go back to\n"},
		{"generation a\nprevious b\n", "undo", "other", "nothing to go back from: it has a\n"},
		{"generation a\nprevious -\n", "undo", "", "there is nothing to go back to\n"},
	} {
		if err := os.WriteFile(filepath.Join(home, "state"), []byte(c.state), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(within(t), "sh", "-c", private(t, "sh "+host.Quote(recover)+" "+c.word+" "+host.Quote(home)+" "+c.from)).CombinedOutput()
		if string(out) != c.says {
			t.Errorf("%s of %q says %q, not %q, %v", c.word, c.state, out, c.says, err)
		}
	}
}

// TestNoShell: a login that gets no root shell says why.
func TestNoShell(t *testing.T) {
	for command, want := range map[string]string{
		"echo sudo: a password is required >&2; exit 1": "sudo: a password is required",
		"exit 0":  "the host ended the session",
		"cat; :":  "", // it echoes its input, never with an answer
		"sleep 4": "",
	} {
		ctx, cancel := within(t), context.CancelFunc(func() {})
		if want == "" { // it doesn't end by itself
			ctx, cancel = context.WithTimeout(ctx, 3*time.Second)
		}
		_, err := host.Open(ctx, start(t, command), "0123456789abcdef")
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", command, err)
		}
	}
}

// FuzzReplies: no answer of a host crashes the operator's side.
func FuzzReplies(f *testing.F) {
	f.Add("uid 0\nname h\nclock 1\ntrial.generation x\n", "regular file|644|root:root|1|abc|/x\n", "MainPID=1\narg=a\nmount=/a /b\n")
	f.Add("", "", "")
	f.Fuzz(func(_ *testing.T, about, files, state string) { host.ParseReplies(about, files, state) })
}
