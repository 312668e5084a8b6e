package plan

import (
	"net"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Config is what a host runs or should run: a generation, its unit, and the files the
// unit names. Fields that can't be read from a foreign unit are empty.
type Config struct {
	Generation string
	Unit       []byte
	Argv       []string          // the program and its arguments
	flags      map[string]string // of Argv
	Kubeconfig keys.Secret
	Serving    []byte // PEM of the serving certificate
	Bound      bool   // the unit bind-mounts the generation, so the process sees it
	// Pod is the manifest's pod; nil if the unit is systemd's.
	Pod *artefact.HostPod
	at  func(string) (string, bool) // where a path of the process is: on the host, or in its image
}

// A Reader returns a file by its path on the host or, if inImage, in the pod's image.
type Reader func(path string, inImage bool) ([]byte, error)

// ParseConfig reads a unit or a manifest. If the command can't be parsed, it returns an
// error and what it has read so far.
func ParseConfig(u Unit, generation string, text []byte, read Reader) (*Config, error) {
	s := &Config{Generation: generation, Unit: text, flags: map[string]string{}}
	parse := s.parseUnit
	if u.IsPod() {
		parse = s.parsePod
	}
	at, err := parse()
	if at == nil {
		return nil, err
	}
	s.at = at
	if err != nil || len(s.Argv) == 0 {
		return s, err
	}
	if err := s.parseFlags(); err != nil {
		return s, err
	}
	if p := s.flags["kubeconfig"]; p != "" {
		data, err := read(at(p))
		if err != nil {
			return s, err
		}
		s.Kubeconfig = keys.NewSecret(data)
	}
	if p := s.flags["tls-cert-file"]; p != "" {
		s.Serving, err = read(at(p))
	}
	return s, err
}

// parseFlags parses the flags of Argv. A flag without a value is taken for a switch.
func (s *Config) parseFlags() error {
	fs, err := flags.Parse(s.arguments(), func(string) bool { return true })
	if err != nil {
		return err
	}
	s.flags = map[string]string{}
	for _, f := range fs {
		s.flags[f.Name] = f.Value
	}
	return nil
}

// parseUnit parses a systemd unit. It returns a function that maps a path that the process
// sees to the host's or the image's; nil if it can't be parsed at all.
func (s *Config) parseUnit() (at func(string) (string, bool), err error) {
	u, err := artefact.ParseUnit(s.Unit)
	if err != nil {
		return nil, err
	}
	s.Argv, err = u.Args()
	binds := u["Service"]["BindReadOnlyPaths"]
	s.Bound = strings.Contains(strings.Join(binds, " "), "/"+s.Generation)
	return func(p string) (string, bool) {
		for _, b := range binds {
			from, to, _ := strings.Cut(b, ":")
			if p == to || strings.HasPrefix(p, to+"/") {
				return from + strings.TrimPrefix(p, to), false
			}
		}
		return p, false
	}, err
}

// parsePod parses a static pod's manifest, like parseUnit.
func (s *Config) parsePod() (at func(string) (string, bool), err error) {
	p, err := artefact.ParseHostPod(s.Unit)
	if err != nil {
		return nil, err
	}
	s.Pod, s.Argv, err = p, p.Argv, p.ArgvErr
	s.Bound = slices.ContainsFunc(p.Mounts, func(m artefact.Mount) bool { return strings.Contains(m.From, "/"+s.Generation) })
	return func(at string) (string, bool) {
		from, mounted := p.Host(at)
		return from, !mounted
	}, err
}

// arguments returns what follows the program's name. A pod's container may start another
// program, which starts it.
func (s *Config) arguments() []string {
	if s.Pod != nil {
		if i := slices.IndexFunc(s.Argv, func(w string) bool { return path.Base(w) == spec.PodName }); i >= 0 {
			return s.Argv[i+1:]
		}
	}
	return s.Argv[1:]
}

// value returns a flag's value, or its default in the newest version. The flags that this
// package needs have the same default in all versions.
func (s *Config) value(flag string) string {
	if v, ok := s.flags[flag]; ok {
		return v
	}
	return flags.Default(flags.Newest(), flag)
}

// HealthzAddress returns the host:port where the process serves /healthz on its own host;
// "" if it serves none there, if its command line isn't known, or if s is nil.
func (s *Config) HealthzAddress() string {
	if s == nil || s.unknownWords() || s.Pod != nil && !s.Pod.HostNetwork {
		return ""
	}
	port := s.value("secure-port")
	if n, err := strconv.Atoi(port); err != nil || n == 0 {
		return ""
	}
	address := s.value("bind-address")
	if ip := net.ParseIP(address); ip != nil && ip.IsUnspecified() {
		address = "127.0.0.1"
	}
	return net.JoinHostPort(address, port)
}

// Lease returns the lease that the process competes for. It fails if the process doesn't
// take part in leader election.
func (s *Config) Lease() (namespace, name string, err error) {
	var fs spec.Flags
	for name, value := range s.flags {
		fs = append(fs, spec.Flag{Name: name, Value: value})
	}
	slices.SortFunc(fs, func(a, b spec.Flag) int { return strings.Compare(a.Name, b.Name) })
	return policy.Lease(fs)
}

func (s *Config) leaseName() string {
	namespace, name, _ := s.Lease()
	return namespace + "/" + name
}

// Elects reports whether the process takes part in leader election.
func (s *Config) Elects() bool {
	if s.Generation == None {
		return false
	}
	_, _, err := s.Lease()
	return err == nil
}

// Program returns the path of the program on the host; "" if it isn't known, or in an image.
func (s *Config) Program() string {
	if len(s.Argv) == 0 || s.Pod != nil {
		return ""
	}
	return s.Argv[0]
}

// Feature gates of leader election.
const (
	releaseGate     = "ControllerManagerReleaseLeaderElectionLockOnExit" // a leader releases its lease when it exits
	coordinatedGate = "CoordinatedLeaderElection"                        // the apiserver chooses the leader
)

// ReleasesLease reports whether a process releases its lease when it exits.
func (s *Config) ReleasesLease() bool { return s.gate(releaseGate, "AllAlpha") }

// Coordinated reports whether the apiserver chooses the leader.
func (s *Config) Coordinated() bool { return s.gate(coordinatedGate, "AllBeta") }

// gate reports whether a feature gate is on, by itself or with all of its stage.
func (s *Config) gate(name, stage string) bool {
	on := map[string]string{}
	for gate := range strings.SplitSeq(s.flags["feature-gates"], ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(gate), "=")
		on[strings.TrimSpace(key)] = strings.ToLower(strings.TrimSpace(value))
	}
	value, said := on[name]
	if !said {
		value = on[stage]
	}
	return value == "true" || value == "t" || value == "1"
}

// ServingCertificate returns the serving certificate as PEM; nil if s is nil.
func (s *Config) ServingCertificate() []byte {
	if s == nil {
		return nil
	}
	return s.Serving
}

// Flag returns a flag's value, or its default.
func (s *Config) Flag(name string) string { return s.value(name) }

// Flags returns the flags that are set, by name.
func (s *Config) Flags() map[string]string { return s.flags }

// File returns where on the host a file is that a flag names; "" if the flag isn't set, or if
// the file is in an image.
func (s *Config) File(flag string) string {
	if s.at == nil || s.flags[flag] == "" {
		return ""
	}
	file, inImage := s.at(s.flags[flag])
	if inImage {
		return ""
	}
	return file
}

// LeaseOf returns the lease that a node's process is to compete for. It fails if the process
// takes no part in leader election.
func LeaseOf(c *spec.Cluster, n *spec.Node) (namespace, name string, err error) {
	return policy.Lease(policy.NodeFlags(c.For(n), n))
}
