package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// markdown is a help text, which is plain text, as cobra/doc wants it: nothing
// in it means anything, and what is indented stays as it is.
func markdown(text string) string {
	var out strings.Builder
	indented := false
	for line := range strings.Lines(text) {
		if now := strings.HasPrefix(line, "  "); now != indented && line != "\n" {
			out.WriteString("```\n")
			indented = now
		}
		if !indented {
			line = escape(line)
		}
		out.WriteString(line)
	}
	if indented {
		out.WriteString("\n```")
	}
	return out.String()
}

// special is what Markdown may take for its own.
var special = regexp.MustCompile("[\\\\`*_{}\\[\\]<>#|~]")

func escape(text string) string { return special.ReplaceAllString(text, `\$0`) }

// eachPage rewrites every page in a directory, in which there must be some.
func eachPage(dir string, f func(string) string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("no page was made in %s", dir)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(f(string(data))), 0o666); err != nil {
			return err
		}
	}
	return nil
}

var (
	title = regexp.MustCompile(`(?m)^(\.TH "[^"]*" "1") "[^"]*"`)
	flags = regexp.MustCompile(`(?m)^(?:\.PP\n)?(\\fB-.*)\n\t(.*)$`)
)

// tidy puts right what mandoc -Tlint warns of: a date without a day, tabs before
// the text of flags, and empty lines but where the text is shown as it is.
func tidy(page string, date time.Time) string {
	page = title.ReplaceAllString(page, `$1 "`+date.Format(time.DateOnly)+`"`)
	page = flags.ReplaceAllString(page, ".TP\n$1\n$2")
	var out strings.Builder
	asIs := false
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, " \t\n")
		switch line {
		case ".EX":
			asIs = true
		case ".EE":
			asIs = false
		}
		if line != "" || asIs {
			out.WriteString(line + "\n")
		}
	}
	return strings.ReplaceAll(out.String(), "\n\n.EE\n", "\n.EE\n")
}
