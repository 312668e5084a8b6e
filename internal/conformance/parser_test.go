package conformance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/internal/need"
)

// systemdArgs has systemd parse a unit and returns the command line, before variables are
// expanded: "$$" is still two characters. It needs no privileges, and no running systemd.
func systemdArgs(t testing.TB, unit string) []string {
	t.Helper()
	systemd := need.Program(t, "systemd")
	dir, err := os.MkdirTemp(scratch, "unit-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "judged.service"), unit)
	for _, target := range []string{"basic", "shutdown", "multi-user", "network-online"} {
		write(t, filepath.Join(dir, target+".target"), "[Unit]\nDefaultDependencies=no\n")
	}
	cmd := exec.CommandContext(t.Context(), systemd, "--test", "--user", "--unit=judged.service", "--no-pager")
	cmd.Env = []string{"HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, "SYSTEMD_UNIT_PATH=" + dir, "SYSTEMD_LOG_TARGET=console", "LC_ALL=C.UTF-8"}
	if os.Getuid() == 0 {
		// It says "Don't run test mode as root".
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		runAs(cmd, 65534)
	}
	r := finish(t, cmd)
	if r.code != 0 {
		t.Fatalf("systemd --test: exit %d\n%s", r.code, r.err)
	}
	_, dump, ok := strings.Cut(r.out, "-> Unit judged.service:")
	if !ok {
		t.Fatalf("systemd didn't load the unit:\n%s%s", r.err, r.out)
	}
	dump, _, _ = strings.Cut(dump, "\n-> Unit ")
	var found [][]string
	for line := range strings.SplitSeq(dump, "\n") {
		if text, ok := strings.CutPrefix(strings.TrimLeft(line, "\t "), "Command Line: "); ok {
			found = append(found, shellWords(text))
		}
	}
	if len(found) != 1 {
		t.Fatalf("systemd understood %d commands where one is meant: %q\n%s", len(found), found, r.err)
	}
	return found[0]
}

// shellWords splits the output of systemd's dump, which puts some words in double quotes,
// with a backslash before " \ ` and $.
func shellWords(line string) []string {
	var out []string
	for i := 0; i < len(line); {
		var w strings.Builder
		if line[i] != '"' {
			end := strings.IndexByte(line[i:], ' ')
			if end < 0 {
				end = len(line) - i
			}
			w.WriteString(line[i : i+end])
			i += end
		} else {
			for i++; i < len(line) && line[i] != '"'; i++ {
				if line[i] == '\\' {
					i++
				}
				w.WriteByte(line[i])
			}
			i++
		}
		out = append(out, w.String())
		i++ // the space
	}
	return out
}
