//go:build unix

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/internal/need"
)

// TestReviewHistory reviews each commit of a repository with the examples in docs/ci: as a
// pull request, as a merge request, and by a push.
func TestReviewHistory(t *testing.T) {
	reviewPrograms(t)
	w := newWriter(t)
	f := newForge(t)
	t.Cleanup(func() {
		for _, fault := range f.faults {
			t.Errorf("the forge refused %s", fault)
		}
	})
	pipelines := []pipeline{githubReview(t), gitlabReview(t)}
	if len(history) != 30 {
		t.Fatalf("the history has %d commits, not 30", len(history))
	}
	origin := filepath.Join(t.TempDir(), "origin.git")
	gitIn(t, ".", "init", "-q", "--bare", "-b", "main", origin)
	gitIn(t, w.dir, "remote", "add", "origin", origin)
	gitIn(t, w.dir, "push", "-q", "origin", "main")
	if err := os.WriteFile(filepath.Join(w.dir, ".git/hooks/pre-push"), []byte(docsCI(t, "pre-push")), 0o755); err != nil {
		t.Fatal(err)
	}
	for i, c := range history {
		base := gitIn(t, w.dir, "rev-parse", "HEAD")
		c.change(w)
		gitIn(t, w.dir, "add", "-A")
		gitIn(t, w.dir, "commit", "-q", "-m", c.subject)
		head := gitIn(t, w.dir, "rev-parse", "HEAD")
		t.Run(strings.ReplaceAll(c.subject, " ", "_"), func(t *testing.T) {
			pushed := w.push(t, c)
			t.Parallel() // when all are pushed
			for _, p := range pipelines {
				out := p.review(t, f, origin, i+1, base, head, forgeToken)
				comments := f.of(i+1, p.bot)
				if out.failed || len(comments) != 1 {
					t.Fatalf("%s: %d comments\n%s", p.name, len(comments), out.said)
				}
				body := comments[0].body
				c.judge(t, p.name, body)
				for _, text := range append([]string{out.said, out.page, out.comment, body}, pushed...) {
					w.secrets(t, text)
				}
				if !strings.HasPrefix(out.page, "<!doctype html>") {
					t.Errorf("%s: the page begins with %.40q", p.name, out.page)
				}
			}
		})
	}
}

// judge compares a comment with what the list expects.
func (c commit) judge(t *testing.T, by, body string) {
	t.Helper()
	for _, want := range c.says {
		if !strings.Contains(body, want) {
			t.Errorf("%s: the comment doesn't say %q\n%s", by, want, body)
		}
	}
	if nothing := strings.Contains(body, ": nothing differs"); nothing != (c.risk == none) {
		t.Errorf("%s: the comment says that nothing changes: %v\n%s", by, nothing, body)
	}
	if named := strings.Contains(body, "#### Shared files"); named && !strings.Contains(strings.Join(c.says, " "), "is read by") {
		t.Errorf("%s: a shared file is said to have changed\n%s", by, body)
	}
	high, medium := strings.Contains(body, "- **high** "), strings.Contains(body, "- **medium** ")
	if high != (c.risk == highRisk) || medium && c.risk < mediumRisk || !medium && c.risk == mediumRisk {
		t.Errorf("%s: of high risk: %v, of medium risk: %v, expected %d\n%s", by, high, medium, c.risk, body)
	}
}

// push pushes the last commit, as the hook permits it, and returns what the hook says.
func (w *writer) push(t *testing.T, c commit) (said []string) {
	t.Helper()
	push := func(accept string, args ...string) error {
		cmd := exec.CommandContext(need.Time(t), "git", append([]string{"-C", w.dir, "push", "-q"}, args...)...)
		cmd.Env = append(os.Environ(), "ACCEPT_RISK="+accept)
		out, err := cmd.CombinedOutput()
		said = append(said, string(out))
		return err
	}
	err := push("", "origin", "main")
	refused := c.risk == highRisk || c.broken
	if (err != nil) != refused {
		t.Errorf("the push is refused: %v, expected %v\n%s", err != nil, refused, said)
	}
	switch {
	case c.broken:
		if !strings.Contains(said[0], "refs/heads/main brings errors") {
			t.Errorf("the hook doesn't say why\n%s", said)
		}
		err = push("high", "origin", "main")
		if err == nil {
			t.Errorf("ACCEPT_RISK accepts an error\n%s", said)
		}
		err = push("", "--no-verify", "origin", "main")
	case refused:
		if !strings.Contains(said[0], "ACCEPT_RISK=high git push") {
			t.Errorf("the hook doesn't say how a risk is accepted\n%s", said)
		}
		err = push("high", "origin", "main")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, said)
		_ = push("", "--no-verify", "origin", "main") // for the next commit
	}
	return said
}

// secrets fails if a text has a part of a key, of a token or of what a cluster embeds.
func (w *writer) secrets(t *testing.T, text string) {
	t.Helper()
	for name, key := range w.keys {
		for what, chunk := range spelled(key) {
			if strings.Contains(text, chunk) {
				t.Errorf("%s of the key in %s is in %q", what, name, text)
			}
		}
	}
	for _, canary := range []string{embedded, forgeToken} {
		for what, chunk := range spelled(canary) {
			if strings.Contains(text, chunk) {
				t.Errorf("%s of %s is in %q", what, canary, text)
			}
		}
	}
}

// spelled returns a text in the forms in which it may be found.
func spelled(secret string) map[string]string {
	digits := hex.EncodeToString([]byte(secret))
	out := map[string]string{"the text": secret, "the hex": digits, "the HEX": strings.ToUpper(digits)}
	for i := range 3 { // at each place that base64 may begin
		rest := secret[i:]
		out["the base64 from "+string(rune('0'+i))] = base64.RawStdEncoding.EncodeToString([]byte(rest[:len(rest)/3*3]))
	}
	return out
}

// TestReviewSecrets: the search for secrets finds them.
func TestReviewSecrets(t *testing.T) {
	for what, chunk := range spelled(embedded) {
		if chunk == "" || !bytes.Contains([]byte("a "+chunk+" b"), []byte(chunk)) {
			t.Errorf("%s is %q", what, chunk)
		}
	}
	for i := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", i) + embedded + "tail"))
		found := false
		for _, chunk := range spelled(embedded) {
			found = found || strings.Contains(text, chunk)
		}
		if !found {
			t.Errorf("%d bytes before it, the secret isn't found in base64: %s", i, text)
		}
	}
}
