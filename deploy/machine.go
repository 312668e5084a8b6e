package deploy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/remote"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/live"
)

// machine is a host, and the connection to it.
type machine struct {
	cluster *spec.Cluster
	node    *spec.Node
	options *Options
	host    *plan.Host // as observed when the plan was made

	dialling  sync.Mutex // held while a connection is made
	mu        sync.Mutex // for what follows
	conn      *remote.Conn
	session   *host.Session
	sftp      *host.Client // opened by the plan, not used yet
	needsLock bool         // the session is new, and its lock may still be held by the old one
	current   *plan.Config // what it was last seen to run
	clients   map[*plan.Config]*live.Client

	healthAnswer chan error // of /healthz, asked while the session began
}

func (h *Hosts) machine(n *spec.Node, w *plan.Desired) *machine {
	called := n.Hostname
	if called == "" {
		called = n.Name
	}
	return &machine{
		cluster: h.cluster, node: n, options: &h.options, clients: map[*plan.Config]*live.Client{},
		host: &plan.Host{Node: n.Name, ClusterHostname: called, Unit: plan.UnitOf(h.cluster.For(n)), Desired: w},
	}
}

// withNode adds the node's name to an error, unless it has it.
func (m *machine) withNode(err error) error {
	var he *plan.HostError
	var re *remote.Error
	switch {
	case err == nil || errors.As(err, &he):
		return err
	case errors.As(err, &re) && re.Node == m.node.Name:
		return err
	}
	return &plan.HostError{Node: m.node.Name, Err: err}
}

// connect opens a connection and a session on it.
func (m *machine) connect(ctx context.Context) error {
	conn, s, err := m.dial(ctx)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conn, m.session = conn, s
	return nil
}

// dial opens another connection, and a session on it.
func (m *machine) dial(ctx context.Context) (*remote.Conn, *host.Session, error) {
	conn, err := m.options.SSH.Dial(ctx, m.target())
	if err != nil {
		return nil, nil, err
	}
	s, err := m.begin(ctx, conn)
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return conn, s, nil
}

// sessionLimit bounds the beginning of a session: sudo may ask a directory service.
const sessionLimit = 30 * time.Second

func (m *machine) begin(ctx context.Context, conn *remote.Conn) (*host.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, sessionLimit)
	defer cancel()
	p, err := asProcess(conn.Start(ctx, host.Shell(conn.User() == "root")))
	if err != nil {
		return nil, err
	}
	s, err := host.Open(ctx, p, m.options.Nonce())
	if err != nil {
		return nil, &NoShellError{Root: conn.User() == "root", Err: err}
	}
	return s, nil
}

// NoShellError is a login without a root shell.
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

func (m *machine) target() remote.Target {
	n := m.node
	address := ""
	if n.Address().IsValid() {
		address = n.Address().String()
	}
	return remote.Target{
		Name: n.Name, Address: address, Host: n.SSH.Host, Port: n.SSH.Port, User: n.SSH.User,
		IdentityFile: m.identity(), ProxyJump: n.SSH.ProxyJump, HostKeys: n.SSH.HostKeys,
	}
}

// identity returns the key file that the cluster names: relative to the cluster's
// directory, unless it begins with ~, $ or %, which ssh expands.
func (m *machine) identity() string {
	file := m.node.SSH.IdentityFile
	if file == "" || strings.ContainsAny(file[:1], "~$%") {
		return file
	}
	return m.cluster.Local(file)
}

// dialFromHost dials an address from the host's own network.
func (m *machine) dialFromHost(ctx context.Context, network, address string) (net.Conn, error) {
	m.mu.Lock()
	conn := m.conn
	m.mu.Unlock()
	if conn == nil { // it is being replaced, or couldn't be
		return nil, errNoSession
	}
	return conn.DialContext(ctx, network, address)
}

var errNoSession = errors.New("the connection is gone")

// liveSession returns the session with the host. A broken one is replaced, and the new one
// takes the lock: a broken connection is no fault of the host.
func (m *machine) liveSession(ctx context.Context) (*host.Session, error) {
	m.dialling.Lock()
	defer m.dialling.Unlock()
	m.mu.Lock()
	s := m.session
	m.mu.Unlock()
	if s == nil || s.Over() {
		m.disconnect()
		if err := m.connect(ctx); err != nil {
			return nil, err
		}
		m.needsLock = true
		m.mu.Lock()
		s = m.session
		m.mu.Unlock()
	}
	return s, m.relock(ctx, s)
}

// relock takes the lock for a new session. The old session may still hold it; then relock
// tries again before the next action.
func (m *machine) relock(ctx context.Context, s *host.Session) error {
	if !m.needsLock {
		return nil
	}
	_, err := s.Lock(ctx, m.host.Unit, m.options.Who)
	var locked *host.LockedError
	var broken *host.CommandError
	switch {
	case err == nil:
		m.needsLock = false
	case errors.As(err, &locked) && !strings.HasPrefix(locked.Holder, m.options.Who+" "):
		return err
	case errors.As(err, &broken):
		return err
	}
	return nil // a broken connection shows in the next action
}

// closeIfBroken closes the connection after an error that isn't the host's answer, so that
// the next action opens a new one.
func (m *machine) closeIfBroken(err error) {
	var refused *host.CommandError
	var notStarted *host.NotStartedError
	var locked *host.LockedError
	if err != nil && !errors.As(err, &refused) && !errors.As(err, &notStarted) && !errors.As(err, &locked) {
		m.disconnect()
	}
}

// disconnect closes the connection and all that uses it.
func (m *machine) disconnect() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for config, c := range m.clients {
		c.Close()
		delete(m.clients, config)
	}
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

// client returns a client with the credentials and the network of the host's own process;
// nil if the credentials aren't known.
func (m *machine) client(config *plan.Config) (*live.Client, error) {
	if config == nil || config.Kubeconfig.Empty() {
		return nil, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.clients[config]; c != nil {
		return c, nil
	}
	c, err := live.Foreign(config.Kubeconfig.Reveal(), m.dialFromHost)
	if err != nil {
		return nil, fmt.Errorf("its kubeconfig can't be used: %w", err)
	}
	m.clients[config] = c
	return c, nil
}
