package e2e

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
)

// TestStays: a failed rollout takes back only its own changes, and its exit code says whether
// anything stays changed.
func TestStays(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	s.ledAlready(t)
	s.deploy(t, 0)
	s.restartedInPlace(t)
	s.changedMeanwhile(t)
	s.undoneTwice(t)
	figure(t, "a rollout that fails", "leaves what leads, what was only restarted, and what changed since its plan")
}

// ledAlready: the first host leads with the new configuration, and the second has its own
// fault: the first stays as it is, and the outcome isn't "rolled back".
func (s *scene) ledAlready(t *testing.T) {
	t.Helper()
	second := s.Hosts[1]
	bad := alteredAt(t, s.o.Repository+"/out", second.Name, unpaired)
	r := s.deploy(t, 1, "-o", bad)
	has(t, r.Err, second.Name+": it ended ")
	has(t, r.Out, "cp-1: done", "cp-2: rolled back", "cp-3: untouched")
	if got, want := runs(pictureOf(t, s.Ground, s.Hosts[0])), s.exported(t, "cp-1"); got != want {
		t.Errorf("cp-1 leads with %s, and runs %s", want, got)
	}
	nothing(t, second)
}

// restartedInPlace: a host that was only started has nothing to go back to when another one
// fails.
func (s *scene) restartedInPlace(t *testing.T) {
	t.Helper()
	stopped, bad := s.Hosts[0], s.Hosts[1]
	s.flag(t, "concurrent-gc-syncs", 21) // now there is an older generation
	s.deploy(t, 0)
	before := pictures(t, s.Ground)
	do(t, stopped, "systemctl", "stop", unit)
	r := s.deploy(t, 5, "--without-lease", "-o", alteredAt(t, s.o.Repository+"/out", bad.Name, unpaired))
	has(t, r.Out, stopped.Name+": done", bad.Name+": rolled back")
	s.asBefore(t, before)
}

// prompted starts a deployment that waits for the operator's answer.
func (s *scene) prompted(t *testing.T) (answer func(string) (said string, err error)) {
	t.Helper()
	cmd := s.o.Command("script", "-qec", strings.Join([]string{kcmgen, "deploy", "--kubeconfig", s.o.Kubeconfig, "."}, " "), "/dev/null")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said shared
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if text := said.String(); !strings.Contains(text, "? [no]: ") {
			return fmt.Errorf("no question: %s", text)
		}
		return nil
	})
	return func(word string) (string, error) {
		_, err := io.WriteString(in, word+"\n")
		if err == nil {
			err = cmd.Wait()
		}
		return said.String(), err
	}
}

// shared is a process's output, safe to read while it is written.
type shared struct {
	sync.Mutex
	bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.Lock()
	defer s.Unlock()
	return s.Buffer.Write(p)
}

func (s *shared) String() string {
	s.Lock()
	defer s.Unlock()
	return s.Buffer.String()
}

// changedMeanwhile: a plan isn't carried out if another operator deployed before it was
// approved.
func (s *scene) changedMeanwhile(t *testing.T) {
	t.Helper()
	s.flag(t, "concurrent-gc-syncs", 22)
	answer := s.prompted(t)
	another := s.another(t)
	another.flag(t, "concurrent-gc-syncs", 23)
	another.deploy(t, 0)
	before := pictures(t, s.Ground)
	said, err := answer("yes")
	if err == nil || !strings.Contains(said, "it has changed since the plan was made") || !strings.Contains(said, "hint: the same command again") {
		t.Errorf("%v\n%s", err, said)
	}
	s.asBefore(t, before)
}

// undoneTwice: a second undo, as after a lost answer, changes nothing.
func (s *scene) undoneTwice(t *testing.T) {
	t.Helper()
	s.deploy(t, 0)
	h := s.Hosts[2]
	home, from := "/"+homeOnHost, s.exported(t, h.Name)
	var was string
	for i := range 2 {
		told := do(t, h, "sh", home+"/recover", "undo", home, from)
		if says := []string{": back from " + from + " to ", "nothing to go back from: it has " + was}[i]; !strings.Contains(told, says) {
			t.Errorf("undone %d times it says %q, not %q", i+1, told, says)
		}
		is := runs(pictureOf(t, s.Ground, h))
		if is == from || i > 0 && is != was {
			t.Errorf("undone %d times it runs %s, and had %s", i+1, is, from)
		}
		was = is
	}
	s.deploy(t, 0)
	s.newEverywhere(t)
}
