package plan

import (
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// inGeneration matches a generation's directory in a path.
var inGeneration = lazy.Regexp(`/[0-9a-f]{16}\b`)

// unitChanges returns the lines of a unit that change, without its flags: "- " before,
// "+ " after. Generations in paths are left out, since they always change.
func unitChanges(was, want *Config) []string {
	if was == nil || len(was.Unit) == 0 {
		return nil
	}
	switch {
	case (was.Pod == nil) != (want.Pod == nil):
		return []string{"- " + was.layout(), "+ " + want.layout()}
	case was.Pod != nil && IsFound(was.Generation):
		return []string{"- a manifest that kcmgen didn't write"}
	case was.Pod != nil && IsFound(want.Generation):
		return []string{"+ a manifest that kcmgen didn't write"}
	}
	old, fresh := was.lines(), want.lines()
	var out []string
	for _, l := range old {
		if !slices.Contains(fresh, l) {
			out = append(out, "- "+was.redacted(l))
		}
	}
	for _, l := range fresh {
		if !slices.Contains(old, l) {
			out = append(out, "+ "+want.redacted(l))
		}
	}
	if was.Pod != nil {
		for _, name := range was.Pod.ChangedEnv(want.Pod) {
			out = append(out, "~ another value of the variable "+name)
		}
	}
	return out
}

// layout returns what the configuration starts.
func (s *Config) layout() string {
	if s.Pod != nil {
		return "a static pod"
	}
	return "a systemd unit"
}

// redacted hides the value of a unit's line that may hold a password: the environment, and any
// line of a foreign unit. Lines of a pod have none any more.
func (s *Config) redacted(line string) string {
	name, _, _ := strings.Cut(line, "=")
	if s.Pod != nil {
		return line
	}
	if IsFound(s.Generation) || slices.Contains([]string{"Environment", "SetCredential", "SetCredentialEncrypted"}, strings.TrimSpace(name)) {
		return name + "=…"
	}
	return line
}

// lines returns the settings of a unit, one per line, without comments and the command line. Of
// a pod, what may hold a password is hidden.
func (s *Config) lines() []string {
	var out []string
	if s.Pod != nil {
		lines, _ := artefact.PodLines(s.Unit) // it was parsed before
		for _, l := range lines {
			out = append(out, inGeneration().ReplaceAllString(l, "/GENERATION"))
		}
		return out
	}
	text := strings.ReplaceAll(string(s.Unit), "\\\n", " ")
	text = inGeneration().ReplaceAllString(text, "/GENERATION")
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if l != "" && !strings.ContainsAny(l[:1], "#;[") && !strings.HasPrefix(l, "ExecStart=") {
			out = append(out, l)
		}
	}
	return out
}
