package flags

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestEffectData: every flag of every version has an effect, and the data holds nothing
// that isn't used.
func TestEffectData(t *testing.T) {
	d := effects()
	for _, name := range Names() {
		if _, ok := d.Flags[name]; !ok {
			t.Errorf("--%s has no effect", name)
		}
	}
	usedClasses, usedSources := map[string]bool{UnknownEffect: true, RestartOnly: true}, map[string]bool{}
	check := func(what string, e entry) {
		for to, w := range e.Ways {
			checkDirection(t, what, e, to, w)
			for _, c := range w.Classes {
				usedClasses[c] = true
			}
			usedSources[w.Source] = true
		}
		for _, c := range e.Classes {
			usedClasses[c] = true
		}
		usedSources[e.Source] = true
		if e.Text == "" || len(e.Classes) == 0 {
			t.Errorf("%s has no class or no text", what)
		}
	}
	for name, e := range d.Flags {
		life, ok := LifeOf(name)
		if !ok {
			t.Errorf("--%s: no version has it", name)
		}
		if e.Compare == "" {
			e.Compare = modeOf(life.Types[len(life.Types)-1].Value)
		}
		check("--"+name, e)
		if e.Above != nil && e.Compare != byNumber {
			t.Errorf("--%s is above a number, and no number", name)
		}
		if e.Part == "" || e.Source == "" {
			t.Errorf("--%s has no part or no source", name)
		}
	}
	for name, e := range d.Others {
		check(name, e)
	}
	seen := map[string]bool{}
	for _, c := range d.Classes {
		if seen[c.ID] || c.Title == "" || c.Risk.level() < 0 || !usedClasses[c.ID] {
			t.Errorf("class %+v: twice, incomplete or unused", c)
		}
		seen[c.ID] = true
	}
	for c := range usedClasses {
		if !seen[c] {
			t.Errorf("there is no class %q", c)
		}
	}
	delete(usedSources, "")
	for s := range usedSources {
		if d.Sources[s] == "" {
			t.Errorf("there is no source %q", s)
		}
	}
	checkSources(t, d.Sources, usedSources)
}

// checkDirection: a direction is one that the entry's mode finds, and it says more than the
// entry. A risk of its own differs from that which it would have without.
func checkDirection(t *testing.T, what string, e entry, to direction, w way) {
	t.Helper()
	if !slices.Contains(e.Compare.directions(), to) {
		t.Errorf("%s: %s is no direction of %q", what, to, e.Compare)
	}
	if w.Text == "" || w.Risk != "" && w.Risk.level() < 0 {
		t.Errorf("%s: %s has no text, or a risk %q", what, to, w.Risk)
	}
	own := w
	own.Risk = ""
	if without := effects().effect(e, own); w.Risk != "" && w.Risk == without.Risk {
		t.Errorf("%s: %s has a risk that it had anyhow", what, to)
	}
}

// checkSources: sources are https URLs of Kubernetes' or systemd's documentation, or of a
// file of Kubernetes' source at a tag.
func checkSources(t *testing.T, sources map[string]string, used map[string]bool) {
	t.Helper()
	for name, s := range sources {
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "https" || u.User != nil || u.RawQuery != "" || !used[name] {
			t.Errorf("source %s: %q isn't a plain https URL, or isn't used (%v)", name, s, err)
			continue
		}
		parts := strings.Split(strings.TrimPrefix(u.Path, "/"), "/")
		switch u.Host {
		case "kubernetes.io":
			if parts[0] != "docs" && parts[0] != "releases" || !strings.HasSuffix(u.Path, "/") {
				t.Errorf("source %s: %q is no documentation", name, s)
			}
		case "github.com":
			tagged := len(parts) > 5 && strings.Join(parts[:3], "/") == "kubernetes/kubernetes/blob" && strings.HasPrefix(parts[3], "v1.")
			if !tagged || strings.Count(parts[3], ".") != 2 || !strings.HasSuffix(u.Path, ".go") {
				t.Errorf("source %s: %q is no file at a tag", name, s)
			}
		case "www.freedesktop.org":
			if !strings.HasPrefix(u.Path, "/software/systemd/man/latest/") {
				t.Errorf("source %s: %q is no manual page", name, s)
			}
		default:
			t.Errorf("source %s: %q is on another host", name, s)
		}
	}
}

// TestEffectTexts: texts are sentences, and each says something of its own.
func TestEffectTexts(t *testing.T) {
	sentence := func(what, text string) {
		if !strings.HasSuffix(text, ".") || strings.Contains(text, "  ") || strings.TrimSpace(text) != text {
			t.Errorf("%s: %q is no sentence", what, text)
		}
	}
	for _, table := range []map[string]entry{effects().Flags, effects().Others} {
		for name, e := range table {
			sentence(name, e.Text)
			seen := map[string]bool{}
			for to, w := range e.Ways {
				sentence(name, w.Text)
				if seen[w.Text] {
					t.Errorf("%s: %s says what another direction does", name, to)
				}
				seen[w.Text] = true
			}
		}
	}
}

// TestAnyEffect: flags have an effect without values, in which parts are controllers of
// some version, or words.
func TestAnyEffect(t *testing.T) {
	for _, name := range Names() {
		e, ok := AnyEffect(name)
		if !ok || e.Text == "" || e.Risk.level() < 0 || len(e.Classes) == 0 || e.Part == "" || e.Source == "" {
			t.Errorf("--%s: %+v", name, e)
		}
		for part := range strings.SplitSeq(e.Part, ", ") {
			if first, _ := ControllerMinors(part); strings.HasSuffix(part, "-controller") && first == 0 {
				t.Errorf("--%s: no version has a controller %q", name, part)
			}
		}
	}
	if _, ok := AnyEffect("leader-elekt"); ok {
		t.Error("any name has an effect")
	}
}

// TestPartsAreControllers: the part of a flag that the sections give to one controller is
// that controller.
func TestPartsAreControllers(t *testing.T) {
	m := Of(Newest())
	for _, d := range m.Flags {
		c, one := m.ControllerOf(d)
		if e, _ := AnyEffect(d.Name); one && !slices.Contains(strings.Split(e.Part, ", "), c.Name) {
			t.Errorf("--%s is of %s, and its part is %q", d.Name, c.Name, e.Part)
		}
	}
}
