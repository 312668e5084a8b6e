//go:build linux

package ground

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// Control is the apiserver's address.
const Control = control

// ServiceRange is the apiserver's service range, which must be the cluster's.
const ServiceRange = "10.32.0.0/16"

// startControl exports the cluster for the first time, and starts etcd and an
// apiserver that trusts the exported CA and signs with the exported key.
func (g *Ground) startControl(ctx context.Context) error {
	out, err := g.export(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	if g.api, err = newAPI(g, out); err != nil {
		return err
	}
	if err := g.startDaemon("etcd", inside("control", "etcd", "--name=e2e", "--data-dir="+filepath.Join(g.state, "etcd"),
		"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
		"--listen-peer-urls=http://127.0.0.1:2380", "--initial-advertise-peer-urls=http://127.0.0.1:2380",
		"--initial-cluster=e2e=http://127.0.0.1:2380", "--unsafe-no-fsync")); err != nil {
		return err
	}
	g.pki = filepath.Join(out, "pki")
	if err := g.StartAPI(ctx); err != nil {
		return err
	}
	g.options.Log("ground: the apiserver is ready after %.1f s", time.Since(start).Seconds())
	return nil
}

const apiserver = "kube-apiserver"

// StartAPI starts an apiserver with additional arguments, and waits until it is ready.
func (g *Ground) StartAPI(ctx context.Context, args ...string) error {
	if err := g.startDaemon(apiserver, inside("control", append([]string{
		g.options.KubeAPIServer,
		"--etcd-servers=http://127.0.0.1:2379", "--bind-address=" + control, "--advertise-address=" + control,
		"--client-ca-file=" + filepath.Join(g.pki, "ca.crt"),
		"--tls-cert-file=" + g.api.file("apiserver.crt"), "--tls-private-key-file=" + g.api.file("apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + filepath.Join(g.pki, "sa.pub"),
		"--service-account-signing-key-file=" + filepath.Join(g.pki, "sa.key"),
		"--service-cluster-ip-range=" + ServiceRange, "--authorization-mode=RBAC",
	}, args...)...)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*graceful)
	defer cancel()
	if err := poll(ctx, g.daemons[0], func() error { return g.API(ctx, http.MethodGet, "/readyz", nil, nil) }); err != nil {
		return fmt.Errorf("waiting for the apiserver: %w", err)
	}
	return nil
}

// StopAPI ends the apiserver at once: connections are refused. It does nothing if none runs.
func (g *Ground) StopAPI() {
	if d := g.apiserver(); d != nil {
		d.kill()
		g.daemons = slices.DeleteFunc(g.daemons, func(other *daemon) bool { return other == d })
		g.api.client.CloseIdleConnections()
	}
}

// HangAPI stops the apiserver's process until goOn is called: connections hang.
func (g *Ground) HangAPI() (goOn func() error, err error) { return g.hang(apiserver) }

// HangEtcd stops etcd's process until goOn is called: the apiserver answers nothing that isn't
// in its cache.
func (g *Ground) HangEtcd() (goOn func() error, err error) { return g.hang("etcd") }

func (g *Ground) hang(name string) (goOn func() error, err error) {
	d := g.daemon(name)
	if d == nil {
		return nil, errors.New("no " + name + " runs")
	}
	p := d.cmd.Process
	return func() error { return p.Signal(syscall.SIGCONT) }, p.Signal(syscall.SIGSTOP)
}

func (g *Ground) apiserver() *daemon { return g.daemon(apiserver) }

func (g *Ground) daemon(name string) *daemon {
	i := slices.IndexFunc(g.daemons, func(d *daemon) bool { return d.name == name })
	if i < 0 {
		return nil
	}
	return g.daemons[i]
}

// startDaemon starts a part of the control plane.
func (g *Ground) startDaemon(name string, cmd *exec.Cmd) error {
	d, err := g.launch(name, cmd)
	if err == nil {
		g.daemons = append([]*daemon{d}, g.daemons...)
	}
	return err
}

// export makes the repository that operators copy, and returns the cluster's directory in
// out.
func (g *Ground) export(ctx context.Context) (string, error) {
	dir := g.origin()
	files := maps.Clone(g.options.Cluster)
	files["cue.mod/module.cue"] = "module: \"e2e.example/infra\"\nlanguage: version: \"v0.15.0\"\n"
	for name, content := range files {
		if err := writeBelow(filepath.Join(dir, name), content, 0o644); err != nil {
			return "", err
		}
	}
	home := filepath.Join(g.state, "home")
	o, err := g.NewOperator(ctx, home)
	if err != nil {
		return "", err
	}
	o.Repository = dir
	r, err := o.Kcmgen(ctx, "export")
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("kcmgen export: exit status %d\n%s", r.Code, r.Err)
	}
	if err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(dir, "out", "*", "pki"))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("kcmgen export made %d clusters, expected one: %q", len(found), found)
	}
	if err != nil {
		return "", err
	}
	return filepath.Dir(found[0]), os.RemoveAll(home)
}
