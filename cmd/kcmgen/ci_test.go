//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kcmgen/kcmgen/internal/need"
)

// ciStep is a step of a CI file: a script, and when it runs.
type ciStep struct {
	script string
	always bool   // also after a step that failed
	event  string // on this event alone; "" for all
	env    map[string]string
}

// ciFile is a CI file with its steps as they are written.
type ciFile struct {
	name  string
	shell []string // how the server runs a script
	// change are the variables that say what a change is compared with.
	change  []string
	reports map[string]string // by the judge of each
	steps   func(t *testing.T, text string) []ciStep
}

var ciFiles = []ciFile{
	{ // https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#exit-codes-and-error-action-preference
		name: "github.yml", shell: []string{"bash", "-e"}, reports: map[string]string{"sarif": "kcmgen.sarif"}, steps: githubSteps,
	},
	{
		name: "gitlab.yml", shell: []string{"bash", "-eo", "pipefail"}, change: []string{"CI_MERGE_REQUEST_DIFF_BASE_SHA=BASE"},
		reports: map[string]string{"gitlab": "gl-code-quality-report.json", "junit": "kcmgen.xml"}, steps: gitlabSteps,
	},
	{
		name: "Jenkinsfile", shell: []string{"sh", "-xe"}, change: []string{"CHANGE_TARGET=main"},
		reports: map[string]string{"junit": "kcmgen.xml"}, steps: jenkinsSteps,
	},
	{
		name: "tekton.yaml", shell: []string{"bash"}, change: []string{"BASE=BASE"},
		reports: map[string]string{"junit": "kcmgen.xml"}, steps: tektonSteps,
	},
}

// reviewFiles are those that say what a change means. TestReviewHistory runs them.
var reviewFiles = []string{"github-review.yml", "gitlab-review.yml", "pre-push"}

// TestCIFiles runs the steps of each CI file as they are written, in clones as the servers
// make them: of a branch and of a change, without findings and with one, and of a change
// to a branch that has a finding already.
func TestCIFiles(t *testing.T) {
	need.Program(t, "judge")
	need.Program(t, "xmllint")
	found, err := filepath.Glob("../../docs/ci/*")
	if err != nil || len(found) != len(ciFiles)+len(reviewFiles) {
		t.Fatalf("docs/ci has %q (%v), and the tests %d and %d files", found, err, len(ciFiles), len(reviewFiles))
	}
	for _, file := range ciFiles {
		data, err := os.ReadFile(filepath.Join("../../docs/ci", file.name))
		if err != nil {
			t.Fatal(err)
		}
		steps := file.steps(t, string(data))
		for _, c := range []struct {
			name         string
			main, change string // what each breaks
			event        string
			fails        bool
			shows        string
		}{
			{"a good branch", "", "", "push", false, ""},
			{"a bad branch", "bad", "", "push", true, "service-range-differs"},
			{"a good change", "", "good", "pull_request", false, ""},
			{"a bad change", "", "bad", "pull_request", true, "service-range-differs"},
			{"a good change to a bad branch", "bad", "good", "pull_request", false, ""},
			{"a badly formatted change", "", "format", "pull_request", true, "cluster.cue"},
			{"a change with its review trees", "trees", "flag and trees", "pull_request", false, "review: current"},
			{"a change without its review trees", "trees", "flag", "pull_request", true, "isn't current: kcmgen export --review mends it"},
		} {
			t.Run(file.name+"/"+strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
				t.Parallel()
				at := newCIRepository(t, c.main, c.change)
				out, failed := at.run(t, file, steps, c.event)
				if failed != c.fails || !strings.Contains(out, c.shows) {
					t.Errorf("failed: %v, expected %v with %q\n%s", failed, c.fails, c.shows, out)
				}
				for format, name := range file.reports {
					judge := exec.Command("judge", format, filepath.Join(at.dir, name))
					if format == "junit" {
						judge = exec.Command("xmllint", "--noout", "--schema", "../../gen/finding/report/testdata/jenkins-junit.xsd", filepath.Join(at.dir, name))
					}
					if said, err := judge.CombinedOutput(); err != nil {
						t.Errorf("%s: %v: %s", name, err, said)
					}
					data, _ := os.ReadFile(filepath.Join(at.dir, name))
					if bad := c.main == "bad" || c.change == "bad"; strings.Contains(string(data), "the service range is 10.32.0.0/16") != bad {
						t.Errorf("%s has the finding: %v", name, !bad)
					}
				}
			})
		}
	}
}

// ciRepository is a clone as a server makes it.
type ciRepository struct{ dir, base, bin string }

// newCIRepository makes a repository with a branch main and, if change says so, a branch
// with a change, and clones the merge of both with the last two commits.
func newCIRepository(t *testing.T, main, change string) *ciRepository {
	t.Helper()
	origin, clone := filepath.Join(t.TempDir(), "origin"), filepath.Join(t.TempDir(), "clone")
	git := func(dir string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(need.Time(t), "git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if out, err := exec.Command("kcmgen", "init", origin, "--name", "prod", "--layout", "systemd").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cluster := filepath.Join(origin, "clusters", "prod", "cluster.cue")
	git(origin, "init", "-q", "-b", "main")
	edit := func(how string) {
		t.Helper()
		data, err := os.ReadFile(cluster)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		switch how {
		case "bad":
			text = strings.Replace(text, `"service-cluster-ip-range": "10.32.0.0/16"`, `"service-cluster-ip-range": "10.96.0.0/16"`, 1)
		case "good":
			text = strings.Replace(text, "\nflags", "\n// a comment\nflags", 1) + "\n// the end\n"
		case "format":
			text = strings.Replace(text, "flags: v: 2", "flags:   v: 2", 1)
		case "flag", "flag and trees":
			text = strings.Replace(text, "flags: v: 2", "flags: v: 3", 1)
		case "trees":
		default:
			t.Fatalf("no change is called %q", how)
		}
		if text == string(data) && how != "trees" {
			t.Fatalf("%s changes nothing", how)
		}
		if err := os.WriteFile(cluster, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(how, "trees") {
			cmd := exec.Command("kcmgen", "export", "--review")
			cmd.Dir = origin
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			git(origin, "add", "review")
		}
	}
	git(origin, "add", "-A")
	git(origin, "commit", "-q", "-m", "begin")
	if main != "" {
		edit(main)
		git(origin, "commit", "-q", "-a", "-m", "main")
	}
	r := &ciRepository{dir: clone, base: git(origin, "rev-parse", "HEAD"), bin: ciPrograms(t)}
	if change != "" {
		git(origin, "checkout", "-q", "-b", "change")
		edit(change)
		git(origin, "commit", "-q", "-a", "-m", "change")
		git(origin, "checkout", "-q", "-b", "merge", "main")
		git(origin, "merge", "-q", "--no-ff", "-m", "merge", "change")
	}
	git(".", "clone", "-q", "--depth", "2", "--no-single-branch", "file://"+origin, clone)
	return r
}

// ciPrograms returns a directory with kcmgen, and with what stands for programs that install
// others: nothing is installed here.
func ciPrograms(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	kcmgen, err := exec.LookPath("kcmgen")
	if err != nil {
		t.Fatal(err)
	}
	shim := "#!/bin/sh\ncase \"$*\" in\n" +
		"\"install github.com/kcmgen/kcmgen/cmd/kcmgen@v\"*) ;;\n\"env GOPATH\") echo " + bin + " ;;\n*) echo \"go $*\" >&2; exit 97 ;;\nesac\n"
	apk := "#!/bin/sh\n[ \"$*\" = \"add --no-cache curl jq\" ] || exit 97\n"
	if err := errors.Join(os.WriteFile(filepath.Join(bin, "go"), []byte(shim), 0o755), os.WriteFile(filepath.Join(bin, "apk"), []byte(apk), 0o755),
		os.Symlink(kcmgen, filepath.Join(bin, "kcmgen"))); err != nil {
		t.Fatal(err)
	}
	return bin
}

// run runs steps as a server does: after a failure only those that always run.
func (r *ciRepository) run(t *testing.T, file ciFile, steps []ciStep, event string) (out string, failed bool) {
	t.Helper()
	env := append(os.Environ(), "PATH="+r.bin+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+t.TempDir())
	for _, v := range file.change {
		if event == "pull_request" {
			env = append(env, strings.Replace(v, "=BASE", "="+r.base, 1))
		}
	}
	for i, s := range steps {
		if s.event != "" && s.event != event || failed && !s.always {
			continue
		}
		script := filepath.Join(r.bin, fmt.Sprintf("step%d", i))
		if err := os.WriteFile(script, []byte(s.script), 0o700); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(need.Time(t), file.shell[0], append(file.shell[1:len(file.shell):len(file.shell)], script)...)
		cmd.Dir, cmd.Env = r.dir, env
		said, err := cmd.CombinedOutput()
		out += string(said)
		failed = failed || err != nil
	}
	return out, failed
}

func parseCI(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

// pinned is an action by its commit, with its version behind.
var pinned = regexp.MustCompile(`uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+\n`)

func githubSteps(t *testing.T, text string) []ciStep {
	t.Helper()
	if n := strings.Count(text, "uses: "); n != len(pinned.FindAllString(text, -1)) {
		t.Errorf("not each of %d actions is named by its commit, with its version", n)
	}
	var doc struct {
		Name        string         `json:"name"`
		On          map[string]any `json:"true"` // YAML 1.1 reads "on" so
		Permissions map[string]any `json:"permissions"`
		Jobs        map[string]struct {
			RunsOn      string            `json:"runs-on"`
			Permissions map[string]string `json:"permissions"`
			Steps       []struct {
				Name string         `json:"name"`
				Uses string         `json:"uses"`
				With map[string]any `json:"with"`
				If   string         `json:"if"`
				Run  string         `json:"run"`
			} `json:"steps"`
		} `json:"jobs"`
	}
	parseCI(t, text, &doc)
	var out []ciStep
	for _, s := range doc.Jobs["vet"].Steps {
		if s.Run == "" {
			continue
		}
		step := ciStep{script: s.Run}
		switch event, ok := strings.CutPrefix(s.If, "github.event_name == "); {
		case ok:
			step.event = strings.Trim(event, "'")
		case s.If == "always()":
			step.always = true
		case s.If != "":
			t.Fatalf("this test doesn't know the condition %q", s.If)
		}
		out = append(out, step)
	}
	return steps(t, out, 5)
}

func gitlabSteps(t *testing.T, text string) []ciStep {
	t.Helper()
	var doc map[string]struct {
		Image     string            `json:"image"`
		Variables map[string]string `json:"variables"`
		Rules     []map[string]any  `json:"rules"`
		Script    []string          `json:"script"`
		Artifacts map[string]any    `json:"artifacts"`
	}
	parseCI(t, text, &doc)
	return steps(t, []ciStep{{script: strings.Join(doc["kcmgen"].Script, "\n")}}, 1)
}

func jenkinsSteps(t *testing.T, text string) []ciStep {
	t.Helper()
	parts := strings.Split(text, "'''")
	if len(parts) != 3 || !strings.HasSuffix(parts[0], "sh ") {
		t.Fatalf("the Jenkinsfile has %d scripts", len(parts)/2)
	}
	return steps(t, []ciStep{{script: parts[1]}}, 1)
}

func tektonSteps(t *testing.T, text string) []ciStep {
	t.Helper()
	var doc struct {
		APIVersion string         `json:"apiVersion"`
		Kind       string         `json:"kind"`
		Metadata   map[string]any `json:"metadata"`
		Spec       struct {
			Params     []map[string]any `json:"params"`
			Workspaces []map[string]any `json:"workspaces"`
			Steps      []struct {
				Name       string           `json:"name"`
				Image      string           `json:"image"`
				WorkingDir string           `json:"workingDir"`
				Env        []map[string]any `json:"env"`
				Script     string           `json:"script"`
			} `json:"steps"`
		} `json:"spec"`
	}
	parseCI(t, text, &doc)
	var out []ciStep
	for _, s := range doc.Spec.Steps {
		out = append(out, ciStep{script: s.Script})
	}
	return steps(t, out, 1)
}

// steps checks that no step was lost.
func steps(t *testing.T, found []ciStep, want int) []ciStep {
	t.Helper()
	if len(found) != want || !strings.Contains(found[0].script, "go install github.com/kcmgen/kcmgen/cmd/kcmgen@v") {
		t.Fatalf("%d steps, not %d: %+v", len(found), want, found)
	}
	return found
}
