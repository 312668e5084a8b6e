//go:build amd64 || arm64

package main_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kcmgen/kcmgen/internal/treetest/inject"
)

// A scene is a command over an out directory, and what may be there afterwards.
type scene struct {
	name    string
	site    *site
	from    string   // a copy of out/ before
	args    []string // the command
	want    variant  // of the new tree
	foreign []string // other files in the new tree
	old     picture  // out/demo before
	aside   bool     // the old tree may lie in .demo.old
	every   int      // sample one call in so many
}

// foreignFiles are users' notes among the generated files.
var foreignFiles = []string{"notes.txt", "pki/link", "theirs/deep/file"}

// scenes returns the ways in which an export changes an out directory, or doesn't.
func scenes(t *testing.T, l *lab) []*scene {
	t.Helper()
	mixed := filepath.Join(quickDir(t), "out")
	copyTree(t, l.one, mixed)
	demo := filepath.Join(mixed, "demo")
	writeFile(t, demo+"/notes.txt", "mine\n", 0o640)
	mkdir(t, demo+"/theirs/deep")
	writeFile(t, demo+"/theirs/deep/file", strings.Repeat("x", 5000), 0o400)
	if err := os.Symlink("/nowhere", demo+"/pki/link"); err != nil {
		t.Fatal(err)
	}
	plain := func(s *site) []string { return s.args(two) }
	prune := func(s *site) []string { return s.args(two, "--prune") }
	unchanged := func(s *site) []string { return s.args(one) }
	slow := func(s *site) []string { return append([]string{l.as, "noexchange", "--"}, s.args(two)...) }
	var out []*scene
	for _, c := range []struct {
		name    string
		from    string
		args    func(*site) []string
		want    variant
		foreign []string
		every   int
	}{
		{"first", "", plain, two, nil, 1},
		{"change", mixed, plain, two, foreignFiles, 1},
		{"unchanged", mixed, unchanged, one, foreignFiles, 1},
		{"prune", mixed, prune, two, nil, 9},
		{"two renames", mixed, slow, two, foreignFiles, 9},
	} {
		s := l.site(t)
		sc := &scene{name: c.name, site: s, from: c.from, args: c.args(s), want: c.want, foreign: c.foreign, every: c.every}
		sc.aside = c.name == "two renames"
		sc.old = picture{}
		if c.from != "" {
			sc.old = look(t, filepath.Join(c.from, "demo"), "")
		}
		out = append(out, sc)
	}
	return out
}

// sample returns every, or 1 with KCMGEN_FAULTS=all.
func (sc *scene) sample() int {
	if os.Getenv("KCMGEN_FAULTS") == "all" {
		return 1
	}
	return sc.every
}

// swapOf returns the index of the call that puts the new tree in place, or -1.
func swapOf(calls []inject.Call) int {
	return slices.IndexFunc(calls, func(c inject.Call) bool {
		return strings.HasPrefix(c.Name, "rename") && slices.Contains([]string{filepath.Base(c.Path), filepath.Base(c.To)}, "demo")
	})
}

// before restores the site's state before the command.
func (sc *scene) before(t *testing.T) { sc.site.reset(t, sc.from) }

// judge returns which tree there is: "old", "new", or "aside" for the old one that the next
// run restores. Anything else is an error: the tree is torn.
func (sc *scene) judge(t *testing.T) (string, error) {
	t.Helper()
	now := look(t, sc.site.demo(), "")
	if sc.old.differs(now) == "" {
		return "old", nil
	}
	if len(now) == 0 && sc.aside {
		if d := sc.old.differs(look(t, filepath.Join(sc.site.out(), ".demo.old"), "")); d != "" {
			return "", fmt.Errorf("neither old nor new, and aside:\n%s", d)
		}
		return "aside", nil
	}
	if err := whole(sc.site.demo(), sc.want, sc.foreign); err != nil {
		return "", fmt.Errorf("not the old tree:\n%s\nnor a new one: %w", sc.old.differs(now), err)
	}
	for _, p := range sc.foreign {
		if sc.old[p] != now[p] {
			return "new", &foreignError{fmt.Sprintf("%s: was %s, is %s", p, sc.old[p], now[p])}
		}
	}
	return "new", nil
}

// foreignError is a foreign file that was kept, but changed.
type foreignError struct{ text string }

func (e *foreignError) Error() string { return "foreign " + e.text }

// converge returns an error unless the same command, run again, succeeds with the complete
// tree, and a third run changes nothing and says so.
func (sc *scene) converge(t *testing.T) error {
	t.Helper()
	s := sc.site
	code, stdout, stderr := s.run(t, sc.args...)
	if code != 0 {
		return fmt.Errorf("run again: exit %d\n%s%s", code, stdout, stderr)
	}
	if err := whole(s.demo(), sc.want, sc.foreign); err != nil {
		return fmt.Errorf("run again: %w", err)
	}
	if left := leftovers(t, s); left != nil {
		return &leftError{left}
	}
	first := look(t, s.out(), "")
	code, stdout, _ = s.run(t, sc.args...)
	if code != 0 || stdout != "demo: nothing changed, nothing written\n" {
		return fmt.Errorf("a third run: exit %d, %q", code, stdout)
	}
	if d := first.differs(look(t, s.out(), "")); d != "" {
		return fmt.Errorf("a third run changed\n%s", d)
	}
	return nil
}

// leftError is files that no later run would remove.
type leftError struct{ names []string }

func (e *leftError) Error() string { return fmt.Sprintf("left behind: %q", e.names) }

// leftovers returns the files in out/ and in the temporary directory that should not exist
// after a successful run.
func leftovers(t *testing.T, s *site) []string {
	t.Helper()
	var left []string
	for _, dir := range []string{s.out(), filepath.Join(s.dir, "tmp")} {
		es, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			if !slices.Contains([]string{".gitignore", ".kcmgen.lock", "demo"}, e.Name()) {
				left = append(left, e.Name())
			}
		}
	}
	return left
}

// tally counts the outcomes of runs.
type tally struct{ old, new, aside, torn, converged atomic.Int64 }

func (c *tally) count(state string) {
	switch state {
	case "old":
		c.old.Add(1)
	case "new":
		c.new.Add(1)
	case "aside":
		c.aside.Add(1)
	default:
		c.torn.Add(1)
	}
}

func (c *tally) all() int64 { return c.old.Load() + c.new.Load() + c.aside.Load() + c.torn.Load() }

func (c *tally) String() string {
	return fmt.Sprintf("%d: %d old, %d new, %d aside, %d torn; %d run again", c.all(),
		c.old.Load(), c.new.Load(), c.aside.Load(), c.torn.Load(), c.converged.Load())
}

// testKill is promises 1 and 5: killed at any system call, an export leaves the
// old tree or the new one, and the next run repairs the rest.
func testKill(t *testing.T, l *lab) {
	var sum tally
	t.Run("at", func(t *testing.T) {
		for _, sc := range scenes(t, l) {
			t.Run(sc.name, func(t *testing.T) {
				t.Parallel()
				killEverywhere(t, sc, &sum)
			})
		}
		t.Run("broken writer", func(t *testing.T) {
			t.Parallel()
			killBrokenWriter(t, l)
		})
	})
	t.Logf("promise 1: kills: %v", &sum)
	if sum.torn.Load() != 0 || sum.all() < 500 || sum.old.Load() < 100 || sum.new.Load() < 50 || sum.aside.Load() < 1 || sum.converged.Load() < 50 {
		t.Errorf("kills: %v; at least 500 with both outcomes and none torn wanted", &sum)
	}
}

// killEverywhere kills before each call, after some, and twice in a row.
func killEverywhere(t *testing.T, sc *scene, sum *tally) {
	sc.before(t)
	all, err := inject.Trace(t.Context(), sc.site.program(sc.args))
	if err != nil || all.Exit != 0 {
		t.Fatalf("exit %d: %v\n%s", all.Exit, err, all.Output)
	}
	swap := swapOf(all.Calls)
	rnd := rand.New(rand.NewPCG(1, uint64(len(all.Calls))))
	for n := 1; n <= len(all.Calls)+1; n++ {
		near := swap >= 0 && n > swap-3 && n < swap+5
		if n%sc.sample() != 0 && !near && n <= len(all.Calls) {
			continue
		}
		sc.before(t)
		own := look(t, sc.site.dir, sc.site.out())
		kills := []func() (inject.Result, error){
			func() (inject.Result, error) { return inject.Kill(t.Context(), sc.site.program(sc.args), n) },
		}
		if n%40 == 0 || near { // and, with what that left, once more
			m := 1 + rnd.IntN(len(all.Calls))
			kills = append(kills, func() (inject.Result, error) {
				return inject.KillAfter(t.Context(), sc.site.program(sc.args), m)
			})
		}
		for _, kill := range kills {
			res, err := kill()
			if err != nil {
				t.Fatal(err)
			}
			if !res.Hit {
				continue
			}
			state, err := sc.judge(t)
			sum.count(state)
			if err != nil {
				t.Errorf("killed at %v: %v", res.Last(), err)
			}
			if d := own.differs(look(t, sc.site.dir, sc.site.out())); d != "" {
				t.Errorf("killed at %v: outside out/:\n%s", res.Last(), d)
			}
		}
		if n%20 == 0 || near || n > len(all.Calls) {
			sum.converged.Add(1)
			sc.mustConverge(t, n)
		}
	}
	t.Logf("%d calls", len(all.Calls))
}

func (sc *scene) mustConverge(t *testing.T, n int) {
	t.Helper()
	err := sc.converge(t)
	var left *leftError
	switch {
	case errors.As(err, &left):
		t.Errorf("after a kill at call %d: %v", n, err)
	case err != nil:
		t.Errorf("after a kill at call %d: %v", n, err)
	}
}

// killBrokenWriter shows that the same kills expose a writer that writes in place.
func killBrokenWriter(t *testing.T, l *lab) {
	sc := brokenScene(t, l, "in place")
	var found tally
	for n := 3; ; n += 16 {
		sc.before(t)
		res, err := inject.Kill(t.Context(), sc.site.program(sc.args), n)
		if err != nil {
			t.Fatal(err)
		}
		state, _ := sc.judge(t)
		if !res.Hit {
			if state != "new" {
				t.Errorf("undisturbed it leaves %q", state)
			}
			break
		}
		found.count(state)
	}
	t.Logf("a writer in place: kills: %v", &found)
	if found.torn.Load() < 5 {
		t.Error("its torn trees were not found")
	}
}

// brokenScene has a broken writer replace the tree of cue/one with that of cue/two.
func brokenScene(t *testing.T, l *lab, writer string) *scene {
	t.Helper()
	s := l.site(t)
	from := filepath.Join(s.dir, "two")
	copyTree(t, filepath.Join(l.two, "demo"), from)
	sc := &scene{name: writer, site: s, from: l.one, want: two, args: []string{l.as, writer, from, s.demo()}}
	sc.old = look(t, filepath.Join(l.one, "demo"), "")
	return sc
}
