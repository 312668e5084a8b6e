package e2e

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// The places on a host for units of this test, which are gone after a reset.
const (
	wordsDir     = "/run/words"
	wordsProgram = wordsDir + "/kube-controller-manager"
)

// unitCase is a unit with its drop-ins and environment files, as the generator makes it.
type unitCase struct {
	Name, Unit   string
	DropIns, Env map[string]string
}

// files are the unit's, by their paths on the host.
func (c unitCase) files() []hostFile {
	const units = "/run/systemd/system/"
	out := []hostFile{{units + c.Name, c.Unit}}
	for name, text := range c.DropIns {
		out = append(out, hostFile{units + c.Name + ".d/" + name, text})
	}
	for name, text := range c.Env {
		out = append(out, hostFile{name, text})
	}
	slices.SortFunc(out, func(a, b hostFile) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// TestUnitWords: kcmgen reads the words of units as systemd does.
func TestUnitWords(t *testing.T) {
	n := 800
	if testing.Short() {
		n = 60
	}
	var cases []unitCase
	out, err := json.Marshal(map[string]any{"Seed": 7, "N": n, "Program": wordsProgram, "Out": wordsDir + "/out", "Dir": wordsDir})
	if err != nil {
		t.Fatal(err)
	}
	reads(t, out, &cases, "units")
	hosts := make([][]hostFile, len(cases))
	for i, c := range cases {
		hosts[i] = c.files()
	}
	read := commandsIn(t, hosts)
	h := onGround(t).Hosts[0]
	start := time.Now()
	ran := startUnits(t, h, cases)
	took := time.Since(start)
	v, broken := verdicts{}, verdicts{}
	for i, c := range cases {
		v.count(t, c, ran[c.Name], read[i])
		simple := command{Args: [][]byte{}}
		for _, word := range strings.Fields(execStart(c)) {
			simple.Args = append(simple.Args, []byte(word))
		}
		broken.count(nil, c, ran[c.Name], simple)
	}
	figure(t, "words of units", "%d units in %.1f s: %d the same, %d have values that are left open, and %d have files that they don't use; systemd refuses %d", len(cases), took.Seconds(), v.same, v.open, v.faulty, v.refused)
	if v.same < len(cases)/2 {
		t.Errorf("%d of %d units were compared", v.same, len(cases))
	}
	if broken.different < v.same/2 {
		t.Errorf("words at white space alone differ in %d of %d units: the test sees too little", broken.different, len(cases))
	}
}

// verdicts count units.
type verdicts struct{ same, open, different, refused, faulty int }

// count compares what ran with what was read. ran is nil if systemd refused the unit.
func (v *verdicts) count(t *testing.T, c unitCase, ran []string, read command) {
	if ran == nil {
		v.refused++
		if t != nil && read.Err == "" {
			t.Errorf("%s: systemd refuses it, and kcmgen reads\n%q (%q)\n%s", c.Name, words(read), read.Notes, show(c))
		}
		return
	}
	if read.Err != "" {
		v.faulty++
		// What units don't use, such as an environment file before a reset, may be anything.
		if t != nil && strings.Contains(read.Err, "/run/systemd/system") {
			t.Errorf("%s: %s\n%s", c.Name, read.Err, show(c))
		}
	}
	var got []string
	if len(read.Args) > 0 {
		var open bool
		if got, open = c.filled(words(read)[1:]); open { // the first one is the test's own
			v.open++
		}
	}
	if slices.Equal(got, ran) {
		v.same++
		return
	}
	v.different++
	if t != nil && v.different <= 20 {
		t.Errorf("%s: systemd passes\n%q, and kcmgen reads\n%q %s\n%s", c.Name, ran, got, read.Err, show(c))
	}
}

// opened is a value that kcmgen leaves open.
var opened = regexp.MustCompile("\ufdd0([^\ufdd1]*)\ufdd1")

// filled gives values that are left open the ones of this host: a variable is not set, and
// specifiers are the unit's name.
func (c unitCase) filled(words []string) (out []string, open bool) {
	out = []string{}
	for _, w := range words {
		open = open || opened.MatchString(w)
		if m := opened.FindStringSubmatch(w); m != nil && m[0] == w && strings.HasPrefix(m[1], "$") && !strings.HasPrefix(m[1], "${") {
			continue // such a variable alone is no word
		}
		out = append(out, opened.ReplaceAllStringFunc(w, func(s string) string {
			switch expression := opened.FindStringSubmatch(s)[1]; {
			case expression == "%n":
				return c.Name
			case expression == "%N":
				return strings.TrimSuffix(c.Name, ".service")
			case strings.HasPrefix(expression, "$"):
				return ""
			default:
				return s
			}
		}))
	}
	return out, open
}

// startUnits starts all units on a host, and returns the arguments of each. One that isn't
// there didn't start.
func startUnits(t *testing.T, h *ground.Host, cases []unitCase) map[string][]string {
	t.Helper()
	program, err := readerProgram()
	if err != nil {
		t.Fatal(err)
	}
	feed(t, h, textOf(t, program), "sh", "-euc", `mkdir -p "$1/out" && cat >"$2" && chmod 755 "$2"`, "sh", wordsDir, wordsProgram)
	var script strings.Builder
	var names []string
	for _, c := range cases {
		names = append(names, c.Name)
		for _, f := range c.files() {
			fmt.Fprintf(&script, "mkdir -p %s\nprintf %%s %s >%s\n", quoted(path.Dir(f.Name)), quoted(f.Data), quoted(f.Name))
		}
	}
	feed(t, h, script.String(), "sh", "-eu")
	do(t, h, "systemctl", "daemon-reload")
	// A unit that is refused is no error here: its arguments are missing.
	if _, err := h.Run(t.Context(), append([]string{"systemctl", "start"}, names...)...); err != nil {
		t.Fatal(err)
	}
	return printed(t, h)
}

// printed returns what programs on a host printed, by the name of the file.
func printed(t *testing.T, h *ground.Host) map[string][]string {
	t.Helper()
	const script = `cd "$1" && for f in *; do case $f in "*" | *.new) continue ;; esac; printf "%s " "$f"; od -An -v -tx1 "$f" | tr -d " \n"; echo; done`
	list := do(t, h, "sh", "-c", script, "sh", wordsDir+"/out")
	out := map[string][]string{}
	for line := range strings.Lines(list) {
		name, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		args := strings.Split(string(data), "\x00")
		out[name] = args[:len(args)-1]
	}
	return out
}

// feed runs a program on a host with a standard input.
func feed(t *testing.T, h *ground.Host, stdin string, args ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd := h.Command(args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out.String())
	}
}

// quoted is a word of a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// execStart is the last command of a unit, without its program.
func execStart(c unitCase) string {
	text := c.Unit
	for _, d := range c.DropIns {
		text += d
	}
	_, line, _ := strings.Cut(text, wordsProgram)
	line, _, _ = strings.Cut(line, "\n")
	return line
}

// show prints the files of a unit.
func show(c unitCase) string {
	out := ""
	for _, f := range c.files() {
		out += fmt.Sprintf("-- %s --\n%q\n", f.Name, f.Data)
	}
	return out
}
