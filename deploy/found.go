package deploy

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// FoundHost is what starts kube-controller-manager on a host that kcmgen doesn't know yet.
type FoundHost struct {
	Node    string
	Address netip.Addr
	SSH     spec.SSH
	Files   []FoundFile
	// Running are the arguments of the process, each with a NUL after it; empty if none runs.
	Running []byte
	Version string // of the program, such as v1.34.2; "" if it isn't known
	session *host.Session
}

// FoundFile is a file of a host.
type FoundFile struct {
	Path string
	Data []byte
}

// ParseFoundHosts parses hosts as [NAME=][USER@]HOST[:PORT].
func ParseFoundHosts(hosts []string) ([]*FoundHost, error) {
	var out []*FoundHost
	for _, h := range hosts {
		one, err := parseFoundHost(h)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func parseFoundHost(s string) (*FoundHost, error) {
	out := &FoundHost{}
	if name, rest, ok := strings.Cut(s, "="); ok {
		if out.Node, s = name, rest; !spec.IsName(name) {
			return nil, fmt.Errorf("%q is no name of a node", name)
		}
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		out.SSH.User, s = s[:i], s[i+1:]
	}
	if a, err := netip.ParseAddrPort(s); err == nil {
		out.SSH.Host, out.SSH.Port = a.Addr().String(), int(a.Port())
	} else if h, port, ok := strings.Cut(s, ":"); ok && strings.Count(s, ":") == 1 {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%q is no port", port)
		}
		out.SSH.Host, out.SSH.Port = h, int(n)
	} else {
		out.SSH.Host = strings.Trim(s, "[]")
	}
	if a, err := netip.ParseAddr(out.SSH.Host); err == nil {
		out.Address = a
	} else if out.SSH.Host == "" || strings.ContainsAny(out.SSH.Host, " \t/'\"$") {
		return nil, fmt.Errorf("%q is no host: write [NAME=][USER@]HOST[:PORT]", s)
	}
	return out, nil
}

// FindHosts connects to hosts and reads what starts the program there. It changes nothing and
// reads no private key. The error names every host that can't be read.
func FindHosts(ctx context.Context, hosts []*FoundHost, o Options) (*FoundHosts, error) {
	out := &FoundHosts{hosts: &Hosts{cluster: &spec.Cluster{}, options: o}, of: map[string]*FoundHost{}}
	errs := make([]error, len(hosts))
	var all sync.WaitGroup
	for i, h := range hosts {
		n := &spec.Node{Name: h.SSH.Host, SSH: h.SSH, Addresses: []netip.Addr{h.Address}}
		m := out.hosts.machine(n, nil)
		out.hosts.named = append(out.hosts.named, m)
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, hostLimit)
			defer cancel()
			if err := m.connect(ctx); err != nil {
				errs[i] = m.withNode(err)
			} else if err := h.read(ctx, m.session); err != nil {
				errs[i] = fmt.Errorf("%s: %w", h.SSH.Host, err)
			}
		})
	}
	all.Wait()
	for i, h := range hosts {
		if errs[i] != nil {
			continue
		}
		if other, twice := out.of[h.Node]; twice {
			errs[i] = fmt.Errorf("%s and %s are both named %s: write NAME=%s", other.SSH.Host, h.SSH.Host, h.Node, h.SSH.Host)
		}
		out.of[h.Node] = h
	}
	if err := errors.Join(errs...); err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

// FoundHosts are hosts with a connection each.
type FoundHosts struct {
	hosts *Hosts
	of    map[string]*FoundHost
}

// Close ends the connections.
func (f *FoundHosts) Close() { f.hosts.Close() }

// Public returns the certificates in a file of a node, or what isn't secret of a kubeconfig
// there; nil if it can't be read.
func (f *FoundHosts) Public(ctx context.Context, node, file string) []byte {
	h := f.of[node]
	if h == nil || h.session == nil {
		return nil
	}
	data, err := h.session.Public(ctx, file)
	if err != nil {
		return nil
	}
	return data
}

// NoProgramError is a host on which nothing starts the program.
type NoProgramError struct{ Why string }

func (e *NoProgramError) Error() string { return e.Why }

// read reads the host.
func (h *FoundHost) read(ctx context.Context, s *host.Session) error {
	found, err := s.Found(ctx)
	if err != nil {
		return err
	}
	h.session = s
	if h.Node == "" {
		if h.Node = strings.ToLower(found.Host); !spec.IsName(h.Node) {
			return fmt.Errorf("its kernel's name %q is no name of a node: write NAME=%s", found.Host, h.SSH.Host)
		}
	}
	h.addressOf(found)
	p, err := onlyProcess(found)
	if err != nil {
		return err
	}
	files := append(slices.Clone(p.Files), p.Env...)
	files = append(files, p.Manifests...)
	if len(files) == 0 {
		return unstarted(p.Name())
	}
	texts, faults := s.Texts(ctx, files)
	for _, f := range files {
		switch {
		case faults[f] != nil && slices.Contains(p.Env, f):
			return &EnvFileError{p.Unit, f, faults[f]}
		case faults[f] != nil:
			return faults[f]
		}
		h.Files = append(h.Files, FoundFile{f, texts[f]})
	}
	if p.PID != 0 {
		if h.Running, err = s.CommandLine(ctx, p.PID); err != nil {
			return err
		}
	}
	if _, v, ok := strings.Cut(p.Version, "v"); ok {
		if v, err := spec.ParseVersion("v" + strings.Fields(v + " ")[0]); err == nil {
			h.Version = v.String()
		}
	}
	return nil
}

// EnvFileError is an environment file that a unit needs and that can't be read.
type EnvFileError struct {
	Unit, File string
	Err        error
}

func (e *EnvFileError) Error() string {
	return fmt.Sprintf("%s names the environment file %s, and it can't be read, so the flags aren't known (%v): put it back, or write EnvironmentFile=-%s if the unit starts without it", e.Unit, e.File, e.Err, e.File)
}

// Unwrap returns why it can't be read.
func (e *EnvFileError) Unwrap() error { return e.Err }

// unstarted is the error for processes that nothing is known to start.
func unstarted(processes string) error {
	return &NoProgramError{"kube-controller-manager runs (" + processes + "), and no unit and no static pod starts it: give its files instead"}
}

// onlyProcess returns the process of the program, or what would start it.
func onlyProcess(found *host.Found) (*host.FoundProcess, error) {
	switch {
	case len(found.Processes) == 1:
		return &found.Processes[0], nil
	case len(found.Processes) > 1:
		var names []string
		for i := range found.Processes {
			names = append(names, found.Processes[i].Name())
		}
		return nil, fmt.Errorf("%d things there start kube-controller-manager: %s; remove what is left over, or give the files of one", len(names), strings.Join(names, "; "))
	case len(found.Strays) > 0:
		var pids []string
		for _, pid := range found.Strays {
			pids = append(pids, "process "+strconv.Itoa(pid))
		}
		return nil, unstarted(strings.Join(pids, ", "))
	}
	return nil, &NoProgramError{"no process of kube-controller-manager runs, and nothing starts one: no unit's ExecStart names it, and no static pod does"}
}

// addressOf takes the host's address, unless that is known: the first of its interfaces.
func (h *FoundHost) addressOf(found *host.Found) {
	for _, a := range found.Addresses {
		if h.Address.IsValid() {
			return
		}
		if ip, err := netip.ParseAddr(a); err == nil && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			h.Address = ip
		}
	}
}

// Label is what messages call a file of a host.
func (h *FoundHost) Label(file string) string { return h.Node + ":" + path.Clean(file) }
