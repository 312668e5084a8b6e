//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/kcmgen/kcmgen/internal/need"
)

// documents returns the files with commands for readers.
func documents(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(found) < 3 {
		t.Fatalf("docs/*.md matches %d files (%v): the documents are lost", len(found), err)
	}
	return append([]string{"../../README.md"}, found...)
}

// TestDocuments runs every command of the documentation in order, and compares its output.
// Each document has its own directory: a copy of the CUE module with the ready clusters,
// the files in docs/ci and the Makefile.
func TestDocuments(t *testing.T) {
	ran := 0
	for _, name := range documents(t) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		doc := readTranscript(string(data))
		t.Run(filepath.Base(name), func(t *testing.T) {
			for _, wrong := range doc.other {
				t.Errorf("%s:%s", name, wrong)
			}
			if len(doc.steps) == 0 {
				return
			}
			ran += len(doc.steps)
			steps, got := follow(t, name, doc)
			if *update && len(steps) > 0 {
				if err := os.WriteFile(name, []byte(doc.rewrite(steps, got)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	if ran < 10 {
		t.Errorf("the documents have %d commands: their blocks are lost", ran)
	}
}

// follow runs a document's commands. It returns the steps that -update can rewrite: those
// that differ and leave nothing out.
func follow(t *testing.T, name string, doc *transcript) (steps []step, got [][]string) {
	sh := newShell(t)
	for _, s := range doc.steps {
		at := fmt.Sprintf("%s:%d: %s", name, s.line, s.command)
		if s.hosts {
			t.Logf("needs hosts, not run: %s", at)
			sh.parse(t, at, s.command)
			continue
		}
		if target := dryRun.FindStringSubmatch(s.command); target != nil {
			if out, code := sh.run(t, at, "make -C '"+sh.dir+"' -n "+target[1]); code != 0 {
				t.Errorf("%s: exit code %d\n%s", at, code, text(out))
			}
			continue
		}
		for _, name := range need.Typed(s.command) {
			need.Program(t, name) // without it the rest is skipped too
		}
		out, code := sh.run(t, at, s.command)
		want := doc.want(s)
		if code != 0 && !doc.saysMore(s) {
			t.Errorf("%s: exit code %d, and the document doesn't show why\n%s", at, code, text(out))
			continue
		}
		difference := compare(want, out)
		switch {
		case difference == "":
		case *update && !strings.Contains(string(text(want)), "…"):
			steps, got = append(steps, s), append(got, out)
		default:
			t.Errorf("%s\n%s", at, difference)
		}
	}
	return steps, got
}

// dryRun are make targets that can't run inside a test: it only checks that make finds them
// and their files.
var dryRun = regexp.MustCompile(`^make (test|race|e2e|lint|fmt|fuzz|bench|facts|snapshot)\b`)

// goForDocuments replaces go, because its result exists already: this test binary is the
// package ./cmd/kcmgen. So make demo and make build run as in the Makefile; other go
// commands are refused.
const goForDocuments = `case "$*" in
"build "*" ./cmd/kcmgen") mkdir -p bin && exec ln -sf "$(command -v kcmgen)" bin/kcmgen ;;
esac
[ "$*" = "install github.com/kcmgen/kcmgen/cmd/kcmgen@latest" ] && exit # cmd/installed does it
echo "go $*: nothing that the documents' tests know" >&2
exit 97`

// reaching are programs that act outside a document's directory: on the machine's images,
// hosts, or registries. A test that ran them would do so too.
var reaching = []string{
	"crane", "crictl", "ctr", "docker", "nerdctl", "podman", "rsync", "scp", "sftp", "skopeo", "ssh", "sudo", "systemctl", "wget",
}

// shell is one sh that runs a document's commands, so that each has the directory and the
// variables of those before it.
type shell struct {
	dir   string // where it begins: the checkout
	stdin io.Writer
	out   *bufio.Reader
}

func newShell(t *testing.T) *shell {
	t.Helper()
	work := t.TempDir()
	for _, dir := range []string{"schemas", "cue.mod", "cue", "docs/ci"} {
		if err := os.CopyFS(filepath.Join(work, dir), os.DirFS(filepath.Join("../..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	bin := t.TempDir()
	kcmgen, err := exec.LookPath("kcmgen")
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.WriteFile(filepath.Join(work, "Makefile"), makefile, 0o644),
		os.WriteFile(filepath.Join(bin, "go"), []byte("#!/bin/sh\n"+goForDocuments+"\n"), 0o755),
		os.Mkdir(filepath.Join(work, "bin"), 0o755),
		os.Symlink(kcmgen, filepath.Join(work, "bin", "kcmgen")),
		os.Symlink(kcmgen, filepath.Join(bin, "kcmgen")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range reaching {
		text := fmt.Sprintf("#!/bin/sh\necho '%s reaches out of this directory: put %s above its block' >&2\nexit 97\n", name, needsHosts)
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(need.Time(t))
	cmd := exec.CommandContext(ctx, "sh")
	cmd.Dir = work
	cmd.Env = []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LC_ALL=C", "CUE_REGISTRY=none",
		"HTTP_PROXY=http://127.0.0.1:9", "HTTPS_PROXY=http://127.0.0.1:9", "http_proxy=http://127.0.0.1:9", "https_proxy=http://127.0.0.1:9", // offline
		"GIT_AUTHOR_NAME=reader", "GIT_AUTHOR_EMAIL=reader@example.com", "GIT_COMMITTER_NAME=reader", "GIT_COMMITTER_EMAIL=reader@example.com",
	}
	cmd.Env = append(append(cmd.Env, internet(t)...), storage(t)...)
	// Its children end with it, and so does reading their output.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // killed
	})
	return &shell{work, stdin, bufio.NewReader(stdout)}
}

// ended is the line that the shell prints after each command's output.
const ended = "-- the command ended with exit code "

// run runs a command and returns its output and its exit code.
func (s *shell) run(t *testing.T, at, command string) ([]string, int) {
	t.Helper()
	// The braces keep this shell, so that cd has an effect; the second line leaves $? as it was.
	_, err := fmt.Fprintf(s.stdin, "{\n%s\n} </dev/null 2>&1\n_code=$?; printf '\\n%s%%d\\n' $_code; (exit $_code)\n", command, ended)
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	var out []string
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: the shell ended or took too long (%v)\n%s%s", at, err, text(out), line)
		}
		line = strings.TrimSuffix(line, "\n")
		digits, last := strings.CutPrefix(line, ended)
		if !last {
			out = append(out, line)
			continue
		}
		code, err := strconv.Atoi(digits)
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		// The newline before the last line is ours unless the output ends without one.
		if n := len(out); n > 0 && out[n-1] == "" {
			out = out[:n-1]
		}
		return out, code
	}
}

// parse checks a command's syntax with sh, without running it.
func (s *shell) parse(t *testing.T, at, command string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-n")
	cmd.Stdin = strings.NewReader(command + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", at, err, out)
	}
}

// TestTranscript: what the comparison of documents accepts, and what not.
func TestTranscript(t *testing.T) {
	for _, c := range []struct {
		want, got string
		same      bool
	}{
		{"a\nb", "a\nb", true},
		{"a\nb", "a", false},
		{"a", "a\nb", false},
		{"a\n…\nd", "a\nb\nc\nd", true},
		{"a\n…\nd", "a\nd", true},
		{"a\n…\nd", "a\nb", false},
		{"a … d", "a b c d", true},
		{"a … d", "a b\nc d", false},
		{"…", "", true},
		{"in 0123456789abcdef", "in fedcba9876543210", true},
		{"in 0123456789abcdef", "in 01234567", false},
		{"schemas/pki.cue:1:2: x", "schemas/pki.cue:3:4: x", true},
		{"cue/a.cue:1:2: x", "cue/a.cue:3:4: x", false},
		{"HEAD (0123456789ab) → x", "HEAD (ba9876543210) → x", true},
		{"HEAD (0123456789ab) → x", "HEAD → x", false},
		{"0123456 → 789abcd: 1", "fedcba9 → 8765432: 1", true},
		{"0123456 → 789abcd: 1", "0123456 → 789abcd: 2", false},
		{"until 2026-01-02", "until 2036-11-12T01:02:03Z", true},
	} {
		lines := func(s string) []string {
			return slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return l == "" })
		}
		if difference := compare(lines(c.want), lines(c.got)); (difference == "") != c.same {
			t.Errorf("%q and %q: same is not %v\n%s", c.want, c.got, c.same, difference)
		}
	}
	doc := readTranscript("```console\n$ a \\\n  b\nc\n$ d\n```\n\n<!-- needs hosts -->\n```console\n$ e\n```\n" +
		needsHosts + "\n\n```console\nf\n```\n```sh\ng\n```\n")
	var got []string
	for _, s := range doc.steps {
		got = append(got, fmt.Sprintf("%d %q %v %q", s.line, s.command, s.hosts, doc.want(s)))
	}
	want := []string{`2 "a \\\n  b" false ["c"]`, `5 "d" false []`, `10 "e" true []`}
	if !slices.Equal(got, want) {
		t.Errorf("read %q\nmeant %q", got, want)
	}
	if len(doc.other) != 3 { // f is no command, g in ```sh, two blocks need hosts
		t.Errorf("%d faults, not 3: %q", len(doc.other), doc.other)
	}
	if got := doc.rewrite(doc.steps[:1], [][]string{{"x", "y"}}); !strings.HasPrefix(got, "```console\n$ a \\\n  b\nx\ny\n$ d\n```\n\n<!--") {
		t.Errorf("rewritten: %q", got)
	}
}
