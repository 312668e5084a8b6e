package plan

import (
	"regexp"
	"slices"
	"strings"
)

// inGeneration matches a generation's directory in a path.
var inGeneration = regexp.MustCompile(`/[0-9a-f]{16}\b`)

// unitChanges returns the lines of a unit that change, without its flags: "- " before,
// "+ " after. Generations in paths are left out, since they always change.
func unitChanges(was, want *Config) []string {
	if was == nil || len(was.Unit) == 0 {
		return nil
	}
	if (was.Pod == nil) != (want.Pod == nil) {
		return []string{"- " + was.layout(), "+ " + want.layout()}
	}
	old, fresh := was.lines(), want.lines()
	var out []string
	for _, l := range old {
		if !slices.Contains(fresh, l) {
			out = append(out, "- "+redacted(l, IsFound(was.Generation)))
		}
	}
	for _, l := range fresh {
		if !slices.Contains(old, l) {
			out = append(out, "+ "+redacted(l, IsFound(want.Generation)))
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

// redacted hides the value of a line that may hold a password: the environment, and any
// line of a foreign unit.
func redacted(line string, foreign bool) string {
	name, _, _ := strings.Cut(line, "=")
	if key, _, ok := strings.Cut(line, ": "); ok && (foreign || key == "value") { // of a manifest
		return key + ": …"
	}
	if foreign || slices.Contains([]string{"Environment", "SetCredential", "SetCredentialEncrypted"}, strings.TrimSpace(name)) {
		return name + "=…"
	}
	return line
}

// lines returns the settings of a unit, one per line, without comments and ExecStart.
func (s *Config) lines() []string {
	text := strings.ReplaceAll(string(s.Unit), "\\\n", " ")
	text = inGeneration.ReplaceAllString(text, "/GENERATION")
	var out []string
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if s.Pod != nil && slices.Contains(s.Pod.Argv, strings.Trim(strings.TrimPrefix(l, "- "), `"'`)) {
			continue // shown as flags
		}
		if l != "" && !strings.ContainsAny(l[:1], "#;[") && !strings.HasPrefix(l, "ExecStart=") {
			out = append(out, l)
		}
	}
	return out
}
