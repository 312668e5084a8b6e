package deploy

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/status"
	"github.com/kcmgen/kcmgen/live"
)

// answers is what a process and its apiserver answered.
type answers struct {
	healthz, apiserver status.Answer
	metrics            *live.Metrics
	unmetered          *status.Problem
	flags              map[string]string // of /flagz; nil: not served
}

// status looks at a host. It returns the configuration on the host's disk, too; nil if
// that can't be read.
func (m *machine) status(ctx context.Context) (status.Host, *plan.Config) {
	ctx, cancel := context.WithTimeout(ctx, hostLimit)
	defer cancel()
	out := status.Host{Node: m.node.Name, Unit: m.host.Unit.Name}
	if a := m.node.Address(); a.IsValid() {
		out.Address = a.String()
	}
	failed := func(err error) (status.Host, *plan.Config) {
		out.Problem = &status.Problem{Kind: status.Silent, Text: m.withoutNode(err)}
		return out, nil
	}
	desired := m.config(true)
	early := make(chan answers, 1) // what the exported configuration would answer, while the session begins
	s, err := m.sessionWith(ctx, func() { early <- m.ask(ctx, desired) })
	if err != nil {
		return failed(err)
	}
	// The files that the exported configuration names are read in the same round trip.
	expected, _ := filesOf(desired)
	reading := make(chan fileTexts, 1)
	go func() { reading <- readTexts(ctx, s, expected) }()
	recent, err := m.observe(ctx, s)
	texts := <-reading
	if err != nil {
		return failed(err)
	}
	config, certificates := m.onDisk(ctx, s, texts)
	is := <-early
	if !sameAnswers(desired, config) {
		is = m.ask(ctx, config)
	}
	m.fill(&out, recent, is, config)
	out.Certificates = certificates
	return out, config
}

// sessionWith returns the session with the host; a new one unless there is one that works.
// meanwhile is run beside its beginning, once there is a connection.
func (m *machine) sessionWith(ctx context.Context, meanwhile func()) (*host.Session, error) {
	m.mu.Lock()
	s := m.session
	m.mu.Unlock()
	if s != nil && !s.Over() {
		go meanwhile()
		return s, nil
	}
	m.disconnect()
	conn, err := m.options.SSH.Dial(ctx, m.target())
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.conn = conn
	m.mu.Unlock()
	go meanwhile()
	if s, err = m.begin(ctx, conn); err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.session = s
	m.mu.Unlock()
	return s, nil
}

// sameAnswers reports whether the questions of one configuration are those of another, which
// was read from the host's disk: files there may have been edited.
func sameAnswers(desired, onDisk *plan.Config) bool {
	switch {
	case onDisk == nil:
		return true // there is nothing else to ask with
	case desired == nil:
		return false
	}
	return desired.Generation == onDisk.Generation && bytes.Equal(desired.ServingCertificate(), onDisk.ServingCertificate()) &&
		bytes.Equal(desired.Kubeconfig.Reveal(), onDisk.Kubeconfig.Reveal())
}

// withoutNode returns an error's text without the node's name before it, which the reader
// sees anyway.
func (m *machine) withoutNode(err error) string {
	return strings.TrimPrefix(m.withNode(err).Error(), m.node.Name+": ")
}

// observe looks at the host, and at its process's log.
func (m *machine) observe(ctx context.Context, s *host.Session) (*host.Recent, error) {
	h := m.host
	paths := append(plan.Parents(h.Unit.File), h.Unit.File, h.Unit.Other.File)
	if h.Desired != nil {
		paths = h.Desired.Paths(h.Unit)
	}
	asked := m.options.Now()
	seen, recent, err := s.LookLately(ctx, h.Unit, paths, quickRead, 5)
	if err != nil {
		return nil, err
	}
	// The host's clock is read to the second, somewhere between question and answer.
	h.Snapshot, h.Skew = seen, seen.Clock.Sub(asked).Round(time.Second)
	if h.Skew.Abs() <= time.Second {
		h.Skew = 0
	}
	return recent, nil
}

// fileTexts are files of a host, or why they can't be read, by path.
type fileTexts struct {
	texts  map[string][]byte
	faults map[string]error
}

func readTexts(ctx context.Context, s *host.Session, files []string) fileTexts {
	texts, faults := s.Texts(ctx, files)
	return fileTexts{texts, faults}
}

// filesOf returns the files on a host that a configuration names: certificates, with their uses by
// path, and the kubeconfig.
func filesOf(config *plan.Config) (files []string, uses map[string]string) {
	uses = map[string]string{}
	if config == nil {
		return nil, uses
	}
	for _, name := range slices.Sorted(maps.Keys(config.Flags())) {
		if use := certificateUse(name); use != "" {
			if file := config.File(name); file != "" && uses[file] == "" {
				uses[file] = use
			}
		}
	}
	files = slices.Sorted(maps.Keys(uses))
	if file := config.File("kubeconfig"); file != "" {
		files = append(files, file)
	}
	return files, uses
}

// onDisk reads the configuration on the host's disk, and its certificates. known are files that
// were read already.
func (m *machine) onDisk(ctx context.Context, s *host.Session, known fileTexts) (*plan.Config, []status.Certificate) {
	h := m.host
	generation, unit := m.startedUnit(ctx, s, h.Snapshot)
	if len(unit) == 0 {
		return nil, nil
	}
	u := h.Unit.At(h.Snapshot.At)
	config, _ := plan.ParseConfig(u, generation, unit, func(string, bool) ([]byte, error) { return nil, nil })
	if config == nil {
		return nil, nil
	}
	files, uses := filesOf(config)
	texts, faults := known.texts, known.faults
	missing := slices.DeleteFunc(slices.Clone(files), func(f string) bool { return texts[f] != nil || faults[f] != nil })
	if len(missing) > 0 {
		more := readTexts(ctx, s, missing)
		maps.Copy(texts, more.texts)
		maps.Copy(faults, more.faults)
	}
	full, err := plan.ParseConfig(u, generation, unit, func(p string, inImage bool) ([]byte, error) {
		if inImage {
			return nil, nil
		}
		return texts[p], faults[p]
	})
	if err == nil {
		config = full
	}
	var out []status.Certificate
	for _, file := range files {
		if use := uses[file]; use != "" {
			out = append(out, certificates(use, file, texts[file], faults[file])...)
		}
	}
	if api, err := m.client(config); err == nil && api != nil && len(api.Certificate()) > 0 {
		out = append(certificates(status.Client, config.File("kubeconfig"), api.Certificate(), nil)[:1], out...)
	}
	return config, out
}

// certificateUse returns the use of the certificate that a flag names; "" if it names none.
func certificateUse(flag string) string {
	switch {
	case flag == "tls-cert-file":
		return status.Serving
	case flag == "client-ca-file", flag == "requestheader-client-ca-file":
		return status.CA
	case flag == "root-ca-file":
		return status.RootCA
	case strings.HasPrefix(flag, "cluster-signing-") && strings.HasSuffix(flag, "cert-file"):
		return status.Signer
	}
	return ""
}

// certificates parses the certificates of a file. The first one of a chain is the process's.
func certificates(use, file string, text []byte, err error) []status.Certificate {
	if err != nil {
		return []status.Certificate{{Use: use, Path: file, Problem: err.Error()}}
	}
	var out []status.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return []status.Certificate{{Use: use, Path: file, Problem: err.Error()}}
		}
		begins, ends := c.NotBefore.UTC(), c.NotAfter.UTC()
		out = append(out, status.Certificate{Use: use, Path: file, Subject: c.Subject.String(), Begins: &begins, Ends: &ends})
		if use == status.Serving || use == status.Client || len(out) == maxCertificates {
			break
		}
	}
	if len(out) == 0 {
		return []status.Certificate{{Use: use, Path: file, Problem: file + " has no certificate"}}
	}
	return out
}

// maxCertificates bounds the certificates of a file that are shown.
const maxCertificates = 20

// ask asks the process's /healthz, /metrics and /flagz, and its apiserver, all at once.
func (m *machine) ask(ctx context.Context, config *plan.Config) (out answers) {
	address := config.HealthzAddress()
	if address == "" {
		return out
	}
	var all sync.WaitGroup
	all.Go(func() {
		out.healthz = status.Answer{Asked: true, Problem: problem(m.healthz(ctx, address, config.ServingCertificate()))}
	})
	all.Go(func() {
		api, err := m.client(config)
		if api == nil && err == nil {
			return
		}
		if err != nil { // it names files or programs, which aren't used here
			out.apiserver = status.Answer{Problem: &status.Problem{Kind: status.NotServed, Text: err.Error()}}
			return
		}
		out.apiserver = status.Answer{Asked: true, Problem: problem(m.readsOwnLease(ctx, config, api))}
	})
	own := m.options.Leader
	if own == nil {
		out.unmetered = &status.Problem{Kind: status.NoKubeconfig, Text: ErrNoKubeconfig.Error()}
		all.Wait()
		return out
	}
	server, err := own.At(address, config.ServingCertificate(), m.dialFromHost)
	if err != nil {
		out.unmetered = problem(err)
		all.Wait()
		return out
	}
	defer server.Close()
	all.Go(func() {
		got, err := server.Metrics(ctx)
		out.metrics, out.unmetered = got, problem(err)
	})
	all.Go(func() { out.flags, _ = server.Flagz(ctx) })
	all.Wait()
	return out
}

// readsOwnLease reads the lease with the host's own kubeconfig.
func (m *machine) readsOwnLease(ctx context.Context, config *plan.Config, api *live.Client) error {
	namespace, name, err := config.Lease()
	if err != nil { // no leader election
		_, err = api.Version(ctx)
		return err
	}
	if _, err = api.Lease(ctx, namespace, name); noLease(err) {
		return nil // the apiserver answered
	}
	return err
}

// fill puts together what was seen of a host.
func (m *machine) fill(out *status.Host, recent *host.Recent, is answers, config *plan.Config) {
	h, seen := m.host, m.host.Snapshot
	p := seen.Process
	out.Address, out.Hostname, out.Skew = m.conn.Host(), seen.Name, h.Skew.Seconds()
	out.Unit = h.Unit.At(seen.At).Name
	out.State, out.Running, out.Enabled, out.Restarts, out.PID = p.Active, p.Running, p.Enabled, p.Restarts, p.PID
	out.Known = seen.Runs != plan.None || p.Known
	out.Since = timePointer(recent.Since)
	if out.Since != nil { // by this machine's clock
		since := out.Since.Add(-h.Skew)
		out.Since = &since
	}
	out.Zone = recent.Zone
	out.Others, out.Errors, out.Ended = recent.Others, recent.Errors, recent.Ended
	out.OnDisk, out.DropIns, out.Drill, out.Holder = seen.Runs, p.DropIns, seen.Drill, seen.Holder
	if seen.Trial != nil {
		out.Trial = seen.Trial.Generation
	}
	out.Healthz, out.Apiserver, out.Metrics, out.Unmetered = is.healthz, is.apiserver, is.metrics, is.unmetered
	if is.metrics != nil {
		out.Version = is.metrics.Version
	}
	h.Current = config
	out.Stale = h.Stale(config)
	if p.Sees(seen.Runs) || config != nil && !config.Bound && out.Running {
		out.Runs = seen.Runs
	}
	if config != nil && is.flags != nil && out.Running {
		out.Flags = plan.LiveFlags(config, is.flags)
	}
	if h.Desired != nil {
		d := h.Drift()
		out.Drift, out.Exported = &d, h.Desired.Generation
	}
}
