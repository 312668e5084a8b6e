package plan

import (
	"regexp"
	"slices"
	"strings"
)

// inGeneration is where a path goes through a generation's directory.
var inGeneration = regexp.MustCompile(`/[0-9a-f]{16}\b`)

// unitChanges are the lines of a unit that change beside its flags: "- " was, "+ " will
// be. Which generation a path goes through isn't told: it always changes.
func unitChanges(was, want *Config) []string {
	if was == nil || len(was.Unit) == 0 {
		return nil
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

// shown is a line as it may be printed: a password may be in the environment, and anywhere
// in what somebody else wrote.
func redacted(line string, foreign bool) string {
	name, _, _ := strings.Cut(line, "=")
	if foreign || slices.Contains([]string{"Environment", "SetCredential", "SetCredentialEncrypted"}, strings.TrimSpace(name)) {
		return name + "=…"
	}
	return line
}

// lines are what a unit says, a line each, without comments and the command, which is
// told by its flags.
func (s *Config) lines() []string {
	text := strings.ReplaceAll(string(s.Unit), "\\\n", " ")
	text = inGeneration.ReplaceAllString(text, "/GENERATION")
	var out []string
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if l != "" && !strings.ContainsAny(l[:1], "#;[") && !strings.HasPrefix(l, "ExecStart=") {
			out = append(out, l)
		}
	}
	return out
}
