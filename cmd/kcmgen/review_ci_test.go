//go:build unix

package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/internal/need"
)

// reviewPrograms are what the examples of reviews run, besides kcmgen and a shell.
func reviewPrograms(t *testing.T) {
	t.Helper()
	for _, name := range []string{"bash", "curl", "git", "jq"} {
		need.Program(t, name)
	}
}

// pipeline is one of the examples that comment on a change: two jobs, of which the first one
// reads the change, and the second one has the token.
type pipeline struct {
	name  string
	bot   string // who comments
	depth int    // of the clone; 0 is all
	diff  []ciStep
	note  []ciStep
	files []string // that the first job hands on
	shell [2][]string
}

// githubReview reads the example, and checks what its safety rests on.
func githubReview(t *testing.T) pipeline {
	t.Helper()
	text := docsCI(t, "github-review.yml")
	if n := strings.Count(text, "uses: "); n != len(pinned.FindAllString(text, -1)) {
		t.Errorf("not each of %d actions is named by its commit, with its version", n)
	}
	type job struct {
		RunsOn      string            `json:"runs-on"`
		Needs       string            `json:"needs"`
		Permissions map[string]string `json:"permissions"`
		Outputs     map[string]string `json:"outputs"`
		Steps       []struct {
			ID   string            `json:"id"`
			Name string            `json:"name"`
			Uses string            `json:"uses"`
			With map[string]any    `json:"with"`
			Env  map[string]string `json:"env"`
			Run  string            `json:"run"`
		} `json:"steps"`
	}
	var doc struct {
		Name        string         `json:"name"`
		On          map[string]any `json:"true"` // YAML 1.1 reads "on" so
		Permissions map[string]any `json:"permissions"`
		Concurrency map[string]any `json:"concurrency"`
		Jobs        map[string]job `json:"jobs"`
	}
	parseCI(t, text, &doc)
	diff, note := doc.Jobs["diff"], doc.Jobs["comment"]
	if _, ok := doc.On["pull_request_target"]; !ok || len(doc.On) != 1 || len(doc.Permissions) != 0 || len(doc.Jobs) != 2 {
		t.Errorf("it runs on %v with %v, and has %d jobs", doc.On, doc.Permissions, len(doc.Jobs))
	}
	if !maps.Equal(diff.Permissions, map[string]string{"contents": "read"}) || !maps.Equal(note.Permissions, map[string]string{"pull-requests": "write"}) {
		t.Errorf("the job that reads the change has the token %v, and the one that comments %v", diff.Permissions, note.Permissions)
	}
	p := pipeline{name: "github", bot: githubBot, files: []string{"kcmgen-review"}, shell: [2][]string{{"bash", "-e"}, {"bash", "-e"}}}
	read := func(j job) (out []ciStep) {
		for _, s := range j.Steps {
			switch _, moved := s.With["ref"]; {
			case strings.Contains(s.Run, "${{"):
				t.Errorf("%s: a script that has an expression runs what a change writes into it", s.Name)
			case moved:
				t.Errorf("%s: it checks the change out", s.Uses)
			case strings.HasPrefix(s.Uses, "actions/checkout@"):
				p.depth = int(s.With["fetch-depth"].(float64))
			}
			if s.Run != "" {
				out = append(out, ciStep{script: s.Run, env: s.Env})
			}
		}
		return out
	}
	p.diff = steps(t, read(diff), 2)
	if depth := p.depth; depth != 1 {
		t.Errorf("the clone has the depth %d: this test is about a shallow one", depth)
	}
	p.note = read(note)
	if p.depth != 1 || len(p.note) != 1 {
		t.Errorf("the job that comments has %d scripts", len(p.note))
	}
	for _, s := range note.Steps {
		if strings.HasPrefix(s.Uses, "actions/checkout@") {
			t.Error("the job with the token has the repository")
		}
	}
	return p
}

func gitlabReview(t *testing.T) pipeline {
	t.Helper()
	var doc map[string]struct {
		Image     string              `json:"image"`
		Needs     []string            `json:"needs"`
		Variables map[string]string   `json:"variables"`
		Rules     []map[string]string `json:"rules"`
		Script    []string            `json:"script"`
		Artifacts struct {
			ExposeAs string   `json:"expose_as"`
			Paths    []string `json:"paths"`
		} `json:"artifacts"`
	}
	parseCI(t, docsCI(t, "gitlab-review.yml"), &doc)
	diff, note := doc["kcmgen-diff"], doc["kcmgen-note"]
	if len(doc) != 2 || diff.Artifacts.ExposeAs == "" || note.Variables["GIT_STRATEGY"] != "none" {
		t.Errorf("%d jobs, a page exposed as %q, a job with the token and the strategy %q", len(doc), diff.Artifacts.ExposeAs, note.Variables["GIT_STRATEGY"])
	}
	depth, err := strconv.Atoi(diff.Variables["GIT_DEPTH"])
	if err != nil {
		t.Error(err)
	}
	return pipeline{
		name: "gitlab", bot: gitlabBot, depth: depth, files: diff.Artifacts.Paths,
		diff: steps(t, []ciStep{{script: strings.Join(diff.Script, "\n")}}, 1), note: []ciStep{{script: strings.Join(note.Script, "\n")}},
		shell: [2][]string{{"bash", "-eo", "pipefail"}, {"sh", "-e"}},
	}
}

func docsCI(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../docs/ci", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// gitIn runs git in a directory, and returns what it prints.
func gitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(need.Time(t), "git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// reviewed is what one run of a pipeline leaves.
type reviewed struct {
	said    string // by the steps
	page    string
	comment string // what the first job hands on
	failed  bool
}

// expression is one of a workflow of GitHub.
var expression = regexp.MustCompile(`^\$\{\{ ([\w.-]+) \}\}$`)

// review runs a pipeline for a change from base to head as its server does: each job in a
// place of its own. origin is the server's repository, token "" in the pipeline of a fork.
func (p pipeline) review(t *testing.T, f *forge, origin string, number int, base, head, token string) (out reviewed) {
	t.Helper()
	work, bin := t.TempDir(), ciPrograms(t)
	clone, notes := filepath.Join(work, "clone"), filepath.Join(work, "notes")
	depth := []string{"clone", "-q"}
	if p.depth > 0 {
		depth = append(depth, "--depth", strconv.Itoa(p.depth))
	}
	// GitHub makes the merge. Its workflow is of the branch, and GitLab's of the change.
	merge := gitIn(t, origin, "commit-tree", head+"^{tree}", "-p", base, "-p", head, "-m", "merge")
	branch := fmt.Sprintf("branch-%d", number)
	gitIn(t, origin, "update-ref", fmt.Sprintf("refs/pull/%d/merge", number), merge)
	at := map[string]string{"github": base, "gitlab": head}[p.name]
	gitIn(t, origin, "update-ref", "refs/heads/"+branch, at)
	gitIn(t, work, append(depth, "--branch", branch, "file://"+origin, clone)...)
	env := append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+t.TempDir(),
		"GITHUB_API_URL="+f.URL, "GITHUB_REPOSITORY=acme/clusters",
		"CI_API_V4_URL="+f.URL+"/api/v4", "CI_PROJECT_ID=17", fmt.Sprintf("CI_MERGE_REQUEST_IID=%d", number),
		"CI_MERGE_REQUEST_DIFF_BASE_SHA="+base, "CI_COMMIT_SHA="+head)
	if p.name == "gitlab" && token != "" {
		env = append(env, "REVIEW_TOKEN="+token) // GitLab's variables are those of all jobs
	}
	known := map[string]string{
		"github.token": token, "github.event.pull_request.number": strconv.Itoa(number),
		"needs.diff.outputs.page": "https://forge.example/acme/clusters/actions/runs/12345678901/artifacts/1234567890",
	}
	run := func(dir string, shell []string, all []ciStep) bool {
		for i, s := range all {
			script := filepath.Join(bin, fmt.Sprintf("step%d", i))
			if err := os.WriteFile(script, []byte(s.script), 0o700); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(need.Time(t), shell[0], append(slices.Clone(shell[1:]), script)...)
			cmd.Dir, cmd.Env = dir, slices.Clone(env)
			for name, value := range s.env {
				m := expression.FindStringSubmatch(value)
				if m == nil {
					t.Fatalf("%s is %q, which this test doesn't know", name, value)
				}
				to, ok := known[m[1]]
				if !ok {
					t.Fatalf("%s is %q, which this test doesn't know", name, value)
				}
				cmd.Env = append(cmd.Env, name+"="+to)
			}
			said, err := cmd.CombinedOutput()
			out.said += string(said)
			if err != nil {
				out.said += err.Error()
				return false
			}
		}
		return true
	}
	if out.failed = !run(clone, p.shell[0], p.diff); out.failed {
		return out
	}
	if left := gitIn(t, clone, "rev-parse", "HEAD"); left != at {
		t.Errorf("%s: the work tree is at %s, not at %s", p.name, left, at)
	}
	if err := os.Mkdir(notes, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range p.files {
		if err := copied(filepath.Join(clone, name), filepath.Join(notes, name)); err != nil {
			t.Fatal(err)
		}
	}
	dir := notes
	if p.name == "github" {
		dir = filepath.Join(notes, "kcmgen-review")
	}
	page, err1 := os.ReadFile(filepath.Join(dir, "review.html"))
	comment, err2 := os.ReadFile(filepath.Join(dir, "comment.md"))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	out.page, out.comment = string(page), string(comment)
	out.failed = !run(notes, p.shell[1], p.note)
	return out
}

// copied copies a file or a directory, as an upload and a download do.
func copied(from, to string) error {
	fi, err := os.Stat(from)
	if err != nil {
		return err
	}
	if fi.IsDir() {
		return os.CopyFS(to, os.DirFS(from))
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}
