//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/internal/need"
)

// twoCommits makes a server's repository with a cluster and a change.
func twoCommits(t *testing.T, change func(w *writer), begin ...func(w *writer)) (w *writer, origin, base, head string) {
	t.Helper()
	w = newWriter(t)
	w.run("kcmgen", "init", ".", "--name", "prod", "--layout", "systemd")
	for _, more := range begin {
		more(w)
	}
	gitIn(t, w.dir, "add", "-A")
	gitIn(t, w.dir, "commit", "-q", "-m", "begin")
	base = gitIn(t, w.dir, "rev-parse", "HEAD")
	change(w)
	gitIn(t, w.dir, "add", "-A")
	gitIn(t, w.dir, "commit", "-q", "-m", "change")
	origin = filepath.Join(t.TempDir(), "origin.git")
	gitIn(t, w.dir, "clone", "-q", "--bare", w.dir, origin)
	return w, origin, base, gitIn(t, w.dir, "rev-parse", "HEAD")
}

func moreLogs(w *writer) { w.edit(prod, "flags: v: 2", "flags: v: 4") }

// TestReviewComments: a later push edits the comment, wherever it is, and no other one.
func TestReviewComments(t *testing.T) {
	reviewPrograms(t)
	w, origin, base, head := twoCommits(t, moreLogs)
	for _, p := range []pipeline{githubReview(t), gitlabReview(t)} {
		t.Run(p.name, func(t *testing.T) {
			f := newForge(t)
			const number = 7
			undone := gitIn(t, origin, "commit-tree", base+"^{tree}", "-p", head, "-m", "undone")
			quoted := f.add(number, "mallory", "<!-- kcmgen review -->\nnothing changes")
			for i := range 130 {
				f.add(number, "reviewer", fmt.Sprintf("remark %d", i))
			}
			other := f.add(number, p.bot, "a comment of another workflow, which quotes <!-- kcmgen review -->")
			for i, to := range []string{head, head, undone} {
				if out := p.review(t, f, origin, number, base, to, forgeToken); out.failed {
					t.Fatal(out.said)
				}
				all := f.of(number, p.bot)
				if len(all) != 2 || all[1].edits != i {
					t.Fatalf("run %d: %d comments of the bot, the last with %d edits", i, len(all), all[len(all)-1].edits)
				}
				if changes := strings.Contains(all[1].body, "`--v`"); changes != (to == head) {
					t.Errorf("run %d: the comment is of another state:\n%s", i, all[1].body)
				}
			}
			if quoted.edits+other.edits > 0 || len(f.faults) > 0 {
				t.Errorf("others' comments were edited %d and %d times; refused: %q", quoted.edits, other.edits, f.faults)
			}

			// A list that can't be read doesn't become a second comment.
			f.down = true
			out := p.review(t, f, origin, number, base, head, forgeToken)
			f.down = false
			if all := f.of(number, p.bot); !out.failed || len(all) != 2 || all[1].edits != 2 {
				t.Errorf("failed: %v, %d comments\n%s", out.failed, len(all), out.said)
			}
			w.secrets(t, out.said)
		})
	}
}

// TestReviewFork: the pipeline of a fork has no token for notes on GitLab, and says so.
func TestReviewFork(t *testing.T) {
	reviewPrograms(t)
	_, origin, base, head := twoCommits(t, moreLogs)
	f := newForge(t)
	out := gitlabReview(t).review(t, f, origin, 3, base, head, "")
	if out.failed || !strings.Contains(out.said, "REVIEW_TOKEN isn't set here") || !strings.Contains(out.page, "--v") {
		t.Errorf("failed: %v\n%s", out.failed, out.said)
	}
	if len(f.comments)+len(f.faults) > 0 {
		t.Errorf("%d comments, refused: %q", len(f.comments), f.faults)
	}
}

// TestReviewLarge: a change that no comment holds is cut, and says so.
func TestReviewLarge(t *testing.T) {
	reviewPrograms(t)
	workers := []string{
		"cron-job", "daemonset", "deployment", "endpoint", "ephemeralvolume", "gc", "horizontal-pod-autoscaler", "job", "namespace",
		"rc", "replicaset", "resource-quota", "service-endpoint", "statefulset", "ttl-after-finished",
	}
	// Each of 14 clusters has its own number of them.
	clusters := func(more int) func(*writer) {
		return func(w *writer) {
			for i := range 14 {
				var flags strings.Builder
				for _, name := range workers {
					fmt.Fprintf(&flags, "\n\t\t\"concurrent-%s-syncs\": %d", name, i+more)
				}
				text := strings.ReplaceAll(w.read(prod), `"prod"`, fmt.Sprintf(`"cluster-%02d"`, i))
				w.write(fmt.Sprintf("clusters/c%02d/cluster.cue", i), strings.Replace(text, "flags: v: 2", "flags: {v: 2"+flags.String()+"\n\t}", 1))
			}
		}
	}
	_, origin, base, head := twoCommits(t, clusters(20), clusters(10))
	f := newForge(t)
	p := githubReview(t)
	out := p.review(t, f, origin, 5, base, head, forgeToken)
	comments := f.of(5, p.bot)
	if out.failed || len(comments) != 1 || len(f.faults) > 0 {
		t.Fatalf("%d comments, refused: %q\n%s", len(comments), f.faults, out.said)
	}
	body := comments[0].body
	if len(body) < 40_000 || !strings.Contains(body, "**Left out**") || !strings.Contains(body, "[As a page](") {
		t.Errorf("the comment has %d bytes, and doesn't say what is left out, or where all is\n%s", len(body), body[max(0, len(body)-1000):])
	}
}

// TestReviewShallow: without the commit that a change begins at, the pipeline fails and says
// which it is.
func TestReviewShallow(t *testing.T) {
	reviewPrograms(t)
	_, origin, base, head := twoCommits(t, moreLogs)
	p := gitlabReview(t)
	p.depth = 1
	out := p.review(t, newForge(t), origin, 4, base, head, forgeToken)
	if !out.failed || out.comment != "" {
		t.Errorf("a clone without %s compares it\n%s", base, out.said)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	gitIn(t, ".", "clone", "-q", "--depth", "1", "file://"+origin, clone)
	cmd := exec.Command("kcmgen", "diff", base, head)
	cmd.Dir = clone
	said, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(said), base[:12]) || !strings.Contains(string(said), "shallow") {
		t.Errorf("%v: kcmgen doesn't say what a shallow clone lacks:\n%s", err, said)
	}
}

// TestPrePush: branches that are new, gone or behind, and a remote without anything.
func TestPrePush(t *testing.T) {
	reviewPrograms(t)
	w, origin, base, _ := twoCommits(t, moreLogs)
	if err := os.WriteFile(filepath.Join(w.dir, ".git/hooks/pre-push"), []byte(docsCI(t, "pre-push")), 0o755); err != nil {
		t.Fatal(err)
	}
	push := func(args ...string) (string, error) {
		cmd := exec.CommandContext(need.Time(t), "git", append([]string{"-C", w.dir, "push", "-q"}, args...)...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	empty := filepath.Join(t.TempDir(), "empty.git")
	gitIn(t, ".", "init", "-q", "--bare", empty)
	gitIn(t, w.dir, "remote", "add", "empty", empty)
	if said, err := push("empty", "main"); err != nil || !strings.Contains(said, "empty has nothing that it could be compared with") {
		t.Errorf("to an empty remote: %v\n%s", err, said)
	}
	gitIn(t, origin, "update-ref", "refs/heads/main", base)
	gitIn(t, w.dir, "remote", "add", "origin", origin)
	gitIn(t, w.dir, "fetch", "-q", "origin")

	// A new branch is compared with the commit at which it leaves the remote's.
	if said, err := push("origin", "main:topic"); err != nil || !strings.Contains(said, "--v: 2 (set) → 4 (set)") {
		t.Errorf("a new branch: %v\n%s", err, said)
	}
	// Each branch of a push is looked at, and one of high risk refuses all.
	gitIn(t, w.dir, "checkout", "-q", "-b", "risky")
	w.edit(prod, "\t\t\"cp-3\": address: \"10.0.0.13\"\n", "")
	gitIn(t, w.dir, "commit", "-q", "-a", "-m", "two hosts")
	said, err := push("origin", "risky", "main")
	if err == nil || !strings.Contains(said, "refs/heads/risky") || !strings.Contains(said, "refs/heads/main") || !strings.Contains(said, "ACCEPT_RISK=high git push") {
		t.Errorf("two branches: %v\n%s", err, said)
	}
	if got := gitIn(t, origin, "rev-parse", "main"); got != base {
		t.Errorf("the remote has %s after a push that was refused", got)
	}
	// A branch that goes changes no cluster.
	if said, err := push("origin", ":topic"); err != nil || said != "" {
		t.Errorf("a branch that goes: %v\n%s", err, said)
	}
	// What the remote has and this clone lacks has to be fetched before.
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	gitIn(t, ".", "clone", "-q", origin, elsewhere)
	gitIn(t, elsewhere, "commit", "-q", "--allow-empty", "-m", "meanwhile")
	gitIn(t, elsewhere, "push", "-q", "origin", "HEAD:main")
	if said, err := push("--force", "origin", "main"); err == nil || !strings.Contains(said, "isn't here: git fetch origin") {
		t.Errorf("to a branch that moved: %v\n%s", err, said)
	}
}
