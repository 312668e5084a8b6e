//go:build linux

package ground

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Options are the settings of a ground.
type Options struct {
	Kcmgen            string // the programs, by their paths
	KubeAPIServer     string
	ControllerManager string
	// Cluster are the CUE files of the cluster: three nodes from 10.77.0.11 on,
	// the apiserver's endpoint the "vip" Control, and ServiceRange.
	Cluster map[string]string
	RTT     time.Duration
	// Systems are those of the hosts, in turn; the default is Bookworm.
	Systems []System
	// Kubelets are the programs of the hosts' kubelets, in turn. Such a host has Debian's
	// containerd besides. The default is no kubelet.
	Kubelets []string
	Log      func(format string, args ...any) // logs how long each part took
}

// Ground is a running environment: see the package's comment.
type Ground struct {
	Hosts []*Host
	// Logs is the directory of all logs. It is kept after a failure.
	Logs string

	options Options
	state   string // everything on disk; removed at the end
	wire    *wire
	lock    *os.File
	cgroup  string
	v1      []hierarchy // used by hosts with a kubelet
	api     *api
	pki     string    // the exported one
	daemons []*daemon // the last started first
}

// needs returns the required programs of this machine, and their Debian packages.
func needs() [][2]string {
	return [][2]string{
		{"etcd", "etcd-server"},
		{"mmdebstrap", "mmdebstrap"},
		{"ip", "iproute2"},
		{"nsenter", "util-linux"},
		{"unshare", "util-linux"},
		{"mount", "mount"},
		{"ssh", "openssh-client"},
		{"ssh-keygen", "openssh-client"},
	}
}

// check returns an error that lists all that this machine lacks.
func check() error {
	if os.Geteuid() != 0 {
		return errors.New("network namespaces and hosts with systemd take root: run make e2e as root")
	}
	var missing []string
	for _, need := range needs() {
		if _, err := exec.LookPath(need[0]); err != nil {
			missing = append(missing, need[1])
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("programs are missing; type: apt-get install %s", strings.Join(missing, " "))
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return fmt.Errorf("no TUN device for the network to the hosts: %w", err)
	}
	return nil
}

// Start makes a ground, in seconds if the cache has its base. Only one runs at a time on a
// machine; another waits until ctx ends. It first removes what a killed run left. After an
// error only logs are left.
func Start(ctx context.Context, o Options) (_ *Ground, err error) {
	if err := check(); err != nil {
		return nil, err
	}
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	g := &Ground{options: o}
	address := netip.MustParseAddr(firstHost)
	for i := range 3 {
		g.Hosts = append(g.Hosts, &Host{Name: fmt.Sprintf("cp-%d", i+1), Address: address, ground: g})
		address = address.Next()
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("starting the hosts and their control plane: %w", err), g.Stop(true))
			if g.Logs != "" {
				err = fmt.Errorf("%w; logs are in %s", err, g.Logs)
			}
		}
	}()
	if err := g.acquire(ctx, cache); err != nil {
		return nil, err
	}
	if len(o.Systems) == 0 {
		o.Systems = []System{Bookworm}
	}
	var lower []string
	for i, h := range g.Hosts {
		var more []string
		if len(o.Kubelets) > 0 {
			h.kubelet = o.Kubelets[i%len(o.Kubelets)]
			more = []string{"containerd", "runc"}
		}
		dir, err := o.Systems[i%len(o.Systems)].base(ctx, cache, more...)
		if err != nil {
			return nil, err
		}
		lower = append(lower, dir)
	}
	steps := []struct {
		name string
		do   func() error
	}{
		{"network", func() error { return g.connect(ctx, o) }},
		{"layers", func() error { return g.layers(ctx, lower) }},
		{"control plane and hosts", func() error { return g.power(ctx) }},
	}
	for _, step := range steps {
		start := time.Now()
		if err := step.do(); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
		o.Log("ground: %s: %.1f s", step.name, time.Since(start).Seconds())
	}
	return g, nil
}

// power starts the control plane and boots the hosts, concurrently.
func (g *Ground) power(ctx context.Context) error {
	errs := make(chan error)
	go func() { errs <- g.startControl(ctx) }()
	for _, h := range g.Hosts {
		go func() { errs <- h.Boot(ctx) }()
	}
	var all []error
	for range len(g.Hosts) + 1 {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

// Stop ends and removes everything, except the logs if keep is true.
func (g *Ground) Stop(keep bool) error {
	var errs []error
	if keep {
		g.keepJournals()
	}
	for _, h := range g.Hosts {
		h.kill()
	}
	for _, d := range g.daemons {
		d.kill()
	}
	if g.wire != nil {
		g.wire.close()
	}
	if g.lock != nil {
		errs = append(errs, clean(g.state, g.cgroups(), names(g.Hosts), keep))
		errs = append(errs, g.lock.Truncate(0), g.lock.Close())
	}
	return errors.Join(errs...)
}

// keepJournals writes each host's journal to the logs.
func (g *Ground) keepJournals() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, h := range g.Hosts {
		if h.boot == nil {
			continue
		}
		r, err := h.Run(ctx, "journalctl", "--no-pager", "-o", "short-precise")
		if err != nil {
			r.Out = err.Error()
		}
		_ = os.WriteFile(filepath.Join(g.Logs, h.Name+".journal.log"), []byte(r.Out), 0o600)
	}
}

// Reset resets the hosts and the control plane to their initial state: no file written
// since, no lease, no cut, the first RTT. The hosts reboot, so that nothing is missed.
func (g *Ground) Reset(ctx context.Context) error {
	g.SetRTT(g.options.RTT)
	errs := make(chan error)
	for _, h := range g.Hosts {
		h.Heal()
		go func() {
			h.PowerOff()
			errs <- errors.Join(h.empty(), h.Boot(ctx))
		}()
	}
	var all []error
	for range g.Hosts {
		all = append(all, <-errs)
	}
	return errors.Join(append(all, g.deleteLeases(ctx))...)
}
