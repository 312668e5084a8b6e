package command

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

var (
	logFlag = lazy.Regexp(`FLAG: (--[A-Za-z0-9_.-]+)=(".*)$`)
	// logOf matches the name of the program that journald or a container's runtime puts first.
	logOf = lazy.Regexp(`(kube-[a-z-]+|kubelet|etcd)\[[0-9]+\]: [IWEF][0-9]{4}`)
	// logLine matches a line that klog, journald or syslog writes.
	logLine = lazy.Regexp(`^(?:[IWEF][0-9]{4} [0-9]{2}:[0-9]{2}:|[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} |[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:)`)
)

func isLog(s string) bool { return strings.Contains(s, "] FLAG: --") }

// log reads the flags that the program logged when it started last. They are all that it
// has, those at their defaults too.
func (r *reader) log(t text.Text) (Command, error) {
	c := Command{Form: Log, Defaults: true}
	seen := map[string]bool{}
	foreign := text.Text{} // a flag that the program doesn't have
	for _, line := range t.Lines() {
		line = line.Trim(" \t\r\n")
		m := logFlag().FindStringSubmatchIndex(line.String())
		if m == nil {
			continue
		}
		if of := logOf().FindStringSubmatch(line.String()[:m[0]]); of != nil && of[1] != Program {
			continue // another program's, in the same journal
		}
		name := line.Slice(m[2], m[3])
		if seen[name.String()] { // it started again
			c, seen, foreign = Command{Form: Log, Defaults: true}, map[string]bool{}, text.Text{}
		}
		seen[name.String()] = true
		if otherFlags().MatchString(name.String()) && foreign.Len() == 0 {
			foreign = name
		}
		if len(c.Args) == 0 {
			c.At = name.At(0)
		}
		c.Args = append(c.Args, Arg{Text: text.Join(name, text.Literal("=", name.At(name.Len())), r.quoted(line.Slice(m[4], m[5])))})
	}
	switch {
	case len(c.Args) == 0:
		return c, faultf(t.At(0), "the log has no flags of %s", Program)
	case foreign.Len() > 0:
		return c, faultf(foreign.At(0), "this is the log of another program: %s has no flag %s", Program, foreign)
	}
	return c, nil
}

// otherFlags matches flags that another program of Kubernetes always logs.
var otherFlags = lazy.Regexp(`^--(etcd-servers|advertise-address|container-runtime-endpoint|pod-manifest-path|hostname-override|proxy-mode|pod-max-in-unschedulable-pods-duration)$`)

// quoted decodes a value in Go's quotes. One that is cut off is a hole.
func (r *reader) quoted(t text.Text) text.Text {
	var b text.Builder
	s := t.String()
	for rest := s[1:]; rest != ""; {
		at := t.At(len(s) - len(rest))
		if rest == `"` {
			return b.Text()
		}
		c, wide, after, err := strconv.UnquoteChar(rest, '"')
		if err != nil {
			break
		}
		if wide || c < 0x80 {
			b.Literal(string(c), at)
		} else {
			b.Byte(byte(c), at)
		}
		rest = after
	}
	return r.set.Hole("cut_off", fmt.Sprintf("%s…", s), t.At(0))
}

var (
	flagzHead = lazy.Regexp(`(?m)^` + Program + ` flagz\s*$`)
	flagzLine = lazy.Regexp(`^([a-z][a-z0-9-]*)=(.*)$`)
)

func isFlagz(s string) bool { return flagzHead().MatchString(s) }

// flagz reads /flagz of a running process: every flag with its value.
func (r *reader) flagz(t text.Text) (Command, error) {
	c := Command{Form: Flagz, Defaults: true}
	for _, line := range t.Lines() {
		line = line.Trim("\r\n")
		m := flagzLine().FindStringSubmatchIndex(line.String())
		if m == nil {
			continue
		}
		value := line.Slice(m[4], m[5])
		if strings.Contains(value.String(), "[REDACTED]") || value.String() == "CLASSIFIED" {
			value = r.set.Hole(line.String()[m[2]:m[3]], value.String(), value.At(0))
		}
		if len(c.Args) == 0 {
			c.At = line.At(0)
		}
		c.Args = append(c.Args, Flag(line.String()[m[2]:m[3]], value, line.At(0)))
	}
	return c, nil
}
