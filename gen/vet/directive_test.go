package vet

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/spec"
	machine "github.com/kcmgen/kcmgen/internal/need"
)

var directiveCases = map[string]testCase{
	"a misspelt directive":         {func(c *spec.Cluster) { service(c, "Environmnt", "A=b") }, []string{"directive-unknown"}},
	"a directive in another case":  {func(c *spec.Cluster) { service(c, "PIDfile", "/run/x") }, []string{"directive-unknown"}},
	"a directive of [Unit]":        {func(c *spec.Cluster) { service(c, "Wants", "a.service") }, []string{"directive-unknown"}},
	"a directive of [Install]":     {func(c *spec.Cluster) { c.Unit.Unit = []spec.Directive{{Name: "WantedBy", Value: "x.target"}} }, []string{"directive-unknown"}},
	"a directive of sockets":       {func(c *spec.Cluster) { service(c, "ListenStream", "80") }, []string{"directive-unknown"}},
	"a directive":                  {func(c *spec.Cluster) { service(c, "Environment", "A=b") }, nil},
	"a directive of a new systemd": {func(c *spec.Cluster) { service(c, "RestartSteps", "3") }, nil},
	"a directive of an old one":    {func(c *spec.Cluster) { service(c, "MemoryLimit", "1G") }, nil},
}

func TestDirectiveHints(t *testing.T) {
	for _, tc := range []struct{ section, name, expected, hint string }{
		{"Service", "Environmnt", "Environment", "did you mean Environment?"},
		{"Service", "EnvironmentFIle", "EnvironmentFile", "did you mean EnvironmentFile?"},
		{"Service", "Wants", "unit: Unit: Wants", ""},
		{"Unit", "Restart", "unit: Service: Restart", ""},
		{"Install", "WantdBy", "WantedBy", "did you mean WantedBy?"},
		{"Service", "Descriptn", "Description", "did you mean Description?"},
		{"Service", "Frobnicate", "a directive of systemd.service(5), systemd.exec(5) or systemd.resource-control(5)", ""},
	} {
		c := base()
		d := []spec.Directive{{Name: tc.name, Value: "x"}, {Name: tc.name, Value: "y"}}
		of := map[string]*[]spec.Directive{"Unit": &c.Unit.Unit, "Service": &c.Unit.Service, "Install": &c.Unit.Install}[tc.section]
		*of = append(*of, d...)
		got := Check(c, Facts{})
		if len(got) != 1 || got[0].Expected != tc.expected || got[0].Hint != tc.hint || got[0].Field != "unit."+tc.section+"."+tc.name {
			t.Errorf("[%s] %s: %+v", tc.section, tc.name, got)
		}
	}
}

// versions returns the first and the last version of systemd that have a directive, by
// section and name.
func versions(t *testing.T) map[[2]string][2]int {
	out := map[[2]string][2]int{}
	for line := range strings.Lines(directivesText) {
		f := strings.Fields(line)
		if f[0] == "#" {
			continue
		}
		first, err1 := strconv.Atoi(f[2])
		last, err2 := strconv.Atoi(f[3])
		if err1 != nil || err2 != nil || !slices.Contains(unitSections, f[0]) {
			t.Fatalf("directives.txt: %q", line)
		}
		out[[2]string{f[0], f[1]}] = [2]int{first, last}
	}
	return out
}

// odd returns a misspelt name, or the name itself.
func odd(r *rand.Rand, name string) string {
	b := []byte(name)
	i := r.IntN(len(b))
	switch r.IntN(5) {
	case 0:
		return string(slices.Delete(b, i, i+1))
	case 1:
		return string(slices.Insert(b, i, byte('a'+r.IntN(26))))
	case 2:
		b[i] ^= 0x20
		return string(b)
	case 3:
		if i > 0 {
			b[i], b[i-1] = b[i-1], b[i]
		}
		return string(b)
	}
	return name
}

// TestDirectivesBySystemd: systemd ignores the directives that this package reports,
// and no others. One unit has thousands of them.
func TestDirectivesBySystemd(t *testing.T) {
	analyze := machine.Program(t, "systemd-analyze")
	out, err := exec.Command(analyze, "--version").Output()
	words := strings.Fields(string(out))
	if err != nil || len(words) < 2 {
		t.Fatalf("systemd-analyze --version: %v %q", err, out)
	}
	version, err := strconv.Atoi(words[1])
	if err != nil {
		t.Fatal(err)
	}
	known := versions(t)
	names := make([]string, 0, len(known))
	for at := range known {
		names = append(names, at[1])
	}
	slices.Sort(names)
	r := rand.New(rand.NewPCG(13, 1))
	lines, asked := []string{}, map[int][2]string{} // by line, from 1
	for _, section := range unitSections {
		lines = append(lines, "["+section+"]")
		if section == "Service" {
			lines = append(lines, "ExecStart=/bin/true")
		}
		for _, name := range append(slices.Clone(names), "SysVStartPriority", "TCPWrapName", "ControlGroup") {
			for _, name := range []string{name, odd(r, name), odd(r, name)} {
				if !directiveName.MatchString(name) {
					continue // the schema refuses it
				}
				value := "" // most accept that; an empty DynamicUser ends the parsing
				if name == "DynamicUser" {
					value = "yes"
				}
				lines = append(lines, name+"="+value)
				asked[len(lines)] = [2]string{section, name}
			}
		}
	}
	ignored := ignoredLines(t, analyze, lines)
	if len(asked) < 3000 || len(ignored) < 1000 || len(ignored) > len(asked)-300 {
		t.Fatalf("systemd ignores %d of %d directives", len(ignored), len(asked))
	}
	for n, at := range asked {
		if span, ok := known[at]; ok && (version < span[0] || version > span[1]) {
			continue // of another version of systemd
		}
		if known := knownDirective(at[0], at[1]); ignored[n] == known {
			t.Errorf("[%s] %s: systemd %d ignores it: %v; known here: %v", at[0], at[1], version, ignored[n], known)
		}
	}
}

var (
	directiveName = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`) // the schema's
	ignoring      = regexp.MustCompile(`:(\d+): (?:Unknown key|Support for option \S+ has been removed)`)
)

// ignoredLines returns the lines, from 1, that systemd ignores.
func ignoredLines(t *testing.T, analyze string, lines []string) map[int]bool {
	t.Helper()
	file := filepath.Join(t.TempDir(), "asked.service")
	if err := os.WriteFile(file, []byte(strings.Join(append(lines, "ReadToTheEnd="), "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(analyze, "verify", "--man=no", file)
	cmd.Env = append(os.Environ(), "SYSTEMD_LOG_LEVEL=info", "LC_ALL=C")
	out, _ := cmd.CombinedOutput() // the exit status is about the whole unit
	ignored := map[int]bool{}
	for _, m := range ignoring.FindAllSubmatch(out, -1) {
		n, _ := strconv.Atoi(string(m[1]))
		ignored[n] = true
	}
	if !ignored[len(lines)+1] {
		t.Fatalf("systemd doesn't read the unit to its end:\n%s", out[max(0, len(out)-500):])
	}
	return ignored
}
