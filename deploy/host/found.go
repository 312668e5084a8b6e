package host

import (
	"context"
	"strconv"
	"strings"
)

// Found is what starts kube-controller-manager on a host.
type Found struct {
	Host      string   // as the kernel names it
	Addresses []string // of its interfaces
	Processes []FoundProcess
	Strays    []int // PIDs of processes of its name that no system unit and no kubelet started
}

// FoundProcess is a process of the program, and the files that start it.
type FoundProcess struct {
	PID int // 0: it isn't running
	// Version is as it prints it, such as "Kubernetes v1.34.2"; "" if it isn't known: a program
	// is run only if root alone can have put it there.
	Version   string
	Unit      string // its systemd unit; "" if a kubelet runs it
	Files     []string
	Env       []string // environment files of the unit, without those that may be missing and are
	Manifests []string
}

// Name returns what starts it, and whether it runs.
func (p *FoundProcess) Name() string {
	is := "not running"
	if p.PID != 0 {
		is = "process " + strconv.Itoa(p.PID)
	}
	switch {
	case p.Unit != "":
		return p.Unit + " (" + is + ")"
	case len(p.Manifests) > 0:
		return "the static pod of " + strings.Join(p.Manifests, ", ") + " (" + is + ")"
	}
	return is
}

// Found looks for the program.
func (s *Session) Found(ctx context.Context) (*Found, error) {
	text, err := s.doOne(ctx, command("found"))
	if err != nil {
		return nil, err
	}
	return parseFound(text), nil
}

func parseFound(text string) *Found {
	out := &Found{}
	current := func() *FoundProcess {
		if len(out.Processes) == 0 {
			out.Processes = append(out.Processes, FoundProcess{})
		}
		return &out.Processes[len(out.Processes)-1]
	}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "host":
			out.Host = value
		case "address":
			out.Addresses = append(out.Addresses, value)
		case "pid":
			pid, _ := strconv.Atoi(value)
			out.Processes = append(out.Processes, FoundProcess{PID: pid})
		case "stray":
			pid, _ := strconv.Atoi(value)
			out.Strays = append(out.Strays, pid)
		case "version":
			current().Version = strings.TrimSpace(value)
		case "unit":
			current().Unit = value
		case "file", "dropin":
			current().Files = append(current().Files, value)
		case "env":
			current().Env = append(current().Env, value)
		case "manifest":
			current().Manifests = append(current().Manifests, value)
		}
	}
	return out
}

// CommandLine returns the arguments of a process, each with a NUL after it.
func (s *Session) CommandLine(ctx context.Context, pid int) ([]byte, error) {
	text, err := s.doOne(ctx, command("cmdline", strconv.Itoa(pid)))
	return []byte(text), err
}

// Public returns the certificates in a file, or the parts of a kubeconfig that aren't secret.
func (s *Session) Public(ctx context.Context, file string) ([]byte, error) {
	text, err := s.doOne(ctx, command("public", file))
	return []byte(text), err
}
