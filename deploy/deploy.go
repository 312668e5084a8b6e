// Package deploy brings an exported tree to its hosts: each host in one
// transaction, the leader last, healthy or back where it was. What a host does by
// itself is the business of deploy/host, how it is reached of deploy/remote.
package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/remote"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/live"
)

// Options are what a rollout needs besides the cluster and its tree.
type Options struct {
	SSH *remote.Config
	// Leader reads the apiserver, to tell who leads; nil: nobody can tell.
	Leader *live.Client
	Who    string        // says to others whose lock it is
	Nonce  func() string // sets a host's answers off from what programs print
	Now    func() time.Time
	// Thorough reads long files of hosts, too, to compare them.
	Thorough bool
	// Poll is how long to wait before looking again; 0 is half a second.
	Poll time.Duration
}

// Event is something that happened, for people who watch.
type Event struct {
	Node string // "" for the whole cluster
	Step string // a word: connect, stage, restart, …
	Text string
}

// machine is a host of a rollout.
type machine struct {
	node *spec.Node
	unit host.Unit
	want *Want

	mu      sync.Mutex
	conn    *remote.Conn
	session *host.Session
	sftp    *host.Client // tried, and not used yet

	answer   chan error // of /healthz, where it was asked when the connection was made
	seen     *host.Seen
	was      *Set      // what runs there, nil if nothing does or it can't be told
	walled   error     // connections to its network can't be made through it
	unwell   string    // why it isn't healthy, before anything was done; "" if it is
	unlocked bool      // its lock may be our old session's, which is gone
	reverts  time.Time // when it goes back by itself, once it is on trial
	settled  pulse     // its process, once the new generation was healthy
	subject  string    // the user of its kubeconfig, once that was read
	pardoned bool      // its process ended, and not by a fault of the host
	server   string    // where it was seen to get the apiserver's answers
	back     string    // the generation that it went back to
	same     bool      // it had the new generation before, healthy
	report   HostReport
}

// pulse is a process at one moment: it changes if the process ends.
type pulse struct{ pid, restarts int }

// Rollout is a number of hosts that something is done to, connected.
type Rollout struct {
	cluster  *spec.Cluster
	o        Options
	machines []*machine // by name
	beside   []*machine // those that nobody named
	id       string     // names what is deployed to all hosts
	by       string     // what people asked for
	led      bool       // the new configuration has led
	seenLead string     // whose lead was told
	started  time.Time
	hear     func(Event)
	first    leaseRead // who led when the rollout began
	out      outage    // of the apiserver, until the rollout ends or goes back
}

// leaseRead is what the apiserver said once.
type leaseRead struct {
	lease *live.Lease
	err   error
}

// Begin connects to hosts and looks at them, all at once. The error names every host
// that can't be reached.
func Begin(ctx context.Context, c *spec.Cluster, nodes []string, wants map[string]*Want, o Options) (*Rollout, error) {
	if o.Poll == 0 {
		o.Poll = time.Second / 2
	}
	r := &Rollout{cluster: c, o: o, started: o.Now(), by: "deploy", id: idOf(wants)}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		for _, name := range nodes {
			if name == n.Name {
				r.machines = append(r.machines, newMachine(c, n, wants[name]))
			}
		}
	}
	asked := make(chan leaseRead, 1)
	go func() {
		l, err := r.lease(ctx)
		asked <- leaseRead{l, err}
	}()
	err := r.each(func(m *machine) error {
		if err := r.connect(ctx, m); err != nil {
			return err
		}
		return r.look(ctx, m)
	})
	r.first = <-asked
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// idOf names what hosts are to have: the same again is the same rollout, resumed.
func idOf(wants map[string]*Want) string {
	sum := sha256.New()
	for _, node := range slices.Sorted(maps.Keys(wants)) {
		fmt.Fprintf(sum, "%s=%s\n", node, wants[node].Generation)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

func newMachine(c *spec.Cluster, n *spec.Node, w *Want) *machine {
	m := &machine{node: n, want: w, unit: unitOf(c)}
	m.report = HostReport{Node: n.Name}
	if n.Address().IsValid() {
		m.report.Target = &Target{n.Address().String(), n.SSH}
	}
	if w != nil {
		m.report.To = w.Generation
	}
	return m
}

// each does something to all named hosts at once, and joins the errors.
func (r *Rollout) each(do func(*machine) error) error { return each(r.machines, do) }

func each(machines []*machine, do func(*machine) error) error {
	errs := make([]error, len(machines))
	var all sync.WaitGroup
	for i, m := range machines {
		all.Go(func() { errs[i] = m.named(do(m)) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// HostError is what went wrong with one host.
type HostError struct {
	Node string
	Err  error
}

func (e *HostError) Error() string { return e.Node + ": " + e.Err.Error() }

// Unwrap returns what went wrong.
func (e *HostError) Unwrap() error { return e.Err }

func (m *machine) named(err error) error {
	var he *HostError
	var re *remote.Error
	switch {
	case err == nil || errors.As(err, &he):
		return err
	case errors.As(err, &re) && re.Node == m.node.Name:
		return err // says so itself
	}
	return &HostError{m.node.Name, err}
}

// connect opens a connection and a session on it.
func (r *Rollout) connect(ctx context.Context, m *machine) error {
	conn, err := r.o.SSH.Dial(ctx, r.target(m.node))
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.conn = conn
	m.mu.Unlock()
	m.answer = r.ask(ctx, m) // on its way while the session begins
	s, err := r.session(ctx, conn)
	if err != nil {
		_ = conn.Close()
		return err
	}
	m.mu.Lock()
	m.session = s
	m.mu.Unlock()
	m.report.Address, m.report.User = conn.Host(), conn.User()
	return nil
}

// sessionLimit bounds the beginning of a session: sudo may ask a directory service.
const sessionLimit = 30 * time.Second

func (r *Rollout) session(ctx context.Context, conn *remote.Conn) (*host.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, sessionLimit)
	defer cancel()
	p, err := started(conn.Start(ctx, host.Shell(conn.User() == "root")))
	if err != nil {
		return nil, err
	}
	s, err := host.Open(ctx, p, r.o.Nonce())
	if err != nil {
		return nil, &NoShellError{Root: conn.User() == "root", Err: err}
	}
	return s, nil
}

// NoShellError is a login that gets no root shell.
type NoShellError struct {
	Root bool
	Err  error
}

func (e *NoShellError) Error() string {
	if e.Root {
		return fmt.Sprintf("no shell: %v", e.Err)
	}
	return fmt.Sprintf("no root shell by sudo -n: %v", e.Err)
}

// Unwrap returns why.
func (e *NoShellError) Unwrap() error { return e.Err }

func (r *Rollout) target(n *spec.Node) remote.Target {
	address := ""
	if n.Address().IsValid() {
		address = n.Address().String()
	}
	return remote.Target{
		Name: n.Name, Address: address, Host: n.SSH.Host, Port: n.SSH.Port, User: n.SSH.User,
		IdentityFile: r.identity(n.SSH.IdentityFile), ProxyJump: n.SSH.ProxyJump, HostKeys: n.SSH.HostKeys,
	}
}

// identity is a key's file that the cluster names: below its own folder, unless it begins
// at a home or is put together by ssh's rules.
func (r *Rollout) identity(file string) string {
	if file == "" || strings.ContainsAny(file[:1], "~$%") {
		return file
	}
	return r.cluster.Local(file)
}

// dial reaches an address from the host's own network.
func (m *machine) dial(ctx context.Context, network, address string) (net.Conn, error) {
	m.mu.Lock()
	conn := m.conn
	m.mu.Unlock()
	if conn == nil { // it is being made anew, or couldn't be
		return nil, errNoSession
	}
	return conn.DialContext(ctx, network, address)
}

// probe looks at a host's process and log. A connection that broke meanwhile is made
// anew, once: what it may have been through is no fault of the host.
func (r *Rollout) probe(ctx context.Context, m *machine, within time.Duration) (*host.Probed, error) {
	if err := r.relock(ctx, m); err != nil {
		return nil, err
	}
	if m.session != nil {
		p, err := m.session.Probe(ctx, m.unit, m.subject, within)
		if ce := (*host.CommandError)(nil); err == nil || errors.As(err, &ce) || ctx.Err() != nil {
			return p, err
		}
	}
	if err := r.reconnect(ctx, m); err != nil {
		return nil, err
	}
	return m.session.Probe(ctx, m.unit, m.subject, within)
}

// reconnect begins a session anew, and takes the lock again.
func (r *Rollout) reconnect(ctx context.Context, m *machine) error {
	m.hangUp()
	if err := r.connect(ctx, m); err != nil {
		return err
	}
	m.answer = nil // nobody asks for it
	m.unlocked = true
	return r.relock(ctx, m)
}

// relock takes the lock of a session that was begun anew. Our old one may have it still:
// then that is tried again, whenever the host is looked at.
func (r *Rollout) relock(ctx context.Context, m *machine) error {
	if !m.unlocked || m.session == nil {
		return nil
	}
	_, err := m.session.Lock(ctx, m.unit, r.o.Who)
	var locked *host.LockedError
	var broken *host.CommandError
	switch {
	case err == nil:
		m.unlocked = false
	case errors.As(err, &locked) && !strings.HasPrefix(locked.Holder, r.o.Who+" "):
		return err
	case errors.As(err, &broken):
		return err
	}
	return nil // a connection that broke again is found out by what comes next
}

// log is the end of a host's log, where it can be had.
func (m *machine) log(ctx context.Context) []string {
	if m.session == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	out, _ := m.session.Log(ctx, m.unit, 5)
	return out
}

// Close ends all sessions, and with them the locks.
func (r *Rollout) Close() {
	for _, m := range slices.Concat(r.machines, r.beside) {
		m.hangUp()
	}
}

func (m *machine) hangUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.session != nil {
		m.session.Close()
	}
	if m.sftp != nil {
		_ = m.sftp.Close()
		m.sftp = nil
	}
	if m.conn != nil {
		_ = m.conn.Close()
	}
	m.session, m.conn = nil, nil
}

func (r *Rollout) tell(m *machine, step, format string, args ...any) {
	e := Event{Step: step, Text: fmt.Sprintf(format, args...)}
	if m != nil {
		e.Node = m.node.Name
	}
	if r.hear != nil {
		r.hear(e)
	}
}
