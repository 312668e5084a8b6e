package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// place is a fault of a host that hinders a deployment.
type place struct {
	name string
	// spoil causes the fault, mend removes it.
	spoil, mend string
	limit       string   // of a tmpfs over directory, before that
	directory   string   // "" is the directory of generations
	sftp        string   // replaces sftp-server
	codes       []int    // how the command may end
	says        []string // what it must name then
}

const realSFTP = `exec /usr/lib/openssh/sftp-server.real "$@"`

// places returns the faults: no space, no permission, or an incomplete sftp-server.
func places() []place {
	const fill = "i=0; while [ $i -lt 4000 ] && true >$d/.full.$i; do i=$((i+1)); done 2>/dev/null; dd if=/dev/zero of=$d/.full bs=4k count=4000 2>/dev/null\n"
	const home, units = "d=" + generations + "\n", "d=/etc/systemd/system\n"
	return []place{
		{name: "full", limit: "size=256k", codes: []int{1}, says: []string{generations, "full", "KiB"}},
		{name: "no inodes", limit: "nr_inodes=30", codes: []int{1}, says: []string{generations, "inodes"}},
		{name: "full while staging", limit: "size=4m", sftp: home + "dd if=/dev/zero of=$d/.full bs=4k count=4000 2>/dev/null\n" + realSFTP, codes: []int{1}, says: []string{generations, "full"}},
		{name: "no inodes while staging", limit: "nr_inodes=200", sftp: home + fill + realSFTP, codes: []int{1}, says: []string{generations, "inodes"}},
		{name: "full at the commit", limit: "size=1m", directory: "/etc/systemd/system", sftp: units + fill + realSFTP, codes: []int{1, 5}, says: []string{"/etc/systemd/system", "space"}},
		{name: "read-only", spoil: "mount --bind $home $home && mount -o remount,bind,ro $home", mend: "umount $home", codes: []int{1}, says: []string{generations, "read-only"}},
		{name: "read-only units", spoil: "mount --bind $units $units && mount -o remount,bind,ro $units", mend: "umount $units", codes: []int{1}, says: []string{"/etc/systemd/system", "read-only"}},
		{name: "sftp-server -R", sftp: `exec /usr/lib/openssh/sftp-server.real -R "$@"`, codes: []int{1}, says: []string{generations, "permission denied"}},
		{name: "no sftp-server", spoil: "mv $sftp $sftp.away", mend: "mv $sftp.away $sftp", codes: []int{1}, says: []string{"no sftp-server here", "/usr/lib/openssh/sftp-server"}},
		{name: "without posix-rename", sftp: `exec /usr/lib/openssh/sftp-server.real -P posix-rename "$@"`, codes: []int{0}},
		{name: "without fsync", sftp: `exec /usr/lib/openssh/sftp-server.real -P fsync "$@"`, codes: []int{0}},
	}
}

const shorthand = "home=" + generations + " units=/etc/systemd/system sftp=/usr/lib/openssh/sftp-server\n"

// rooms is promise 23: on a host without space, or with an incomplete sftp-server, the old
// generation goes on, and the error names the cause. Without the fault the same command
// succeeds.
func rooms(t *testing.T, all []*site) {
	sum := newCount()
	share(t, all, few(places(), 100, 3), func(t *testing.T, s *site, p place) {
		t.Run(p.name, func(t *testing.T) { s.cramped(t, p, sum) })
	})
	figure(t, "no room, no rights, less of an sftp-server", "%v", sum)
}

// crowded deploys naively while another process takes every block that becomes free.
func (s *site) crowded(ctx context.Context, t *testing.T, v *variant) {
	const dir = "/etc/kubernetes/kube-controller-manager"
	if err := s.h.Limit(ctx, dir, "size=256k"); err != nil {
		t.Fatal(err)
	}
	s.serve(t, "(for i in 1 2 3 4 5 6 7 8 9; do printf '%4096000s' x >>"+dir+"/.full; sleep 0.01; done) 2>/dev/null\n"+
		"touch /run/crowd; (while [ -e /run/crowd ]; do printf '%4096s' x >>"+dir+"/.full; done) >/dev/null 2>&1 </dev/null &\n"+realSFTP)
	_, _ = s.run(ctx, v, s.naive(v)...)
	do(t, s.h, "rm", "/run/crowd")
	do(t, s.h, "sh", "-c", "sleep 0.1; rm "+dir+"/.full")
	s.serve(t, realSFTP)
}

// cramped tries to deploy with a fault, and then without it.
func (s *site) cramped(t *testing.T, p place, sum *count) {
	from, to := s.a, s.b
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	s.ready(t)
	s.spoil(t, p)
	r, err := s.run(ctx, to, s.deploy()...)
	if err != nil {
		t.Fatal(err)
	}
	now, is, err := s.settled(ctx, 30*time.Second)
	switch {
	case !slices.Contains(p.codes, r.code):
		t.Errorf("exit %d, expected one of %v\n%s", r.code, p.codes, r.err)
	case err != nil:
		sum.add("torn", "", 0)
		t.Errorf("after exit %d: %v\n%s", r.code, err, r.err)
	case (is == to) != (r.code == 0) || now.trial != "":
		t.Errorf("exit %d, and the host has %s, trial %q\n%s", r.code, is.against(to), now.trial, r.err)
	default:
		sum.add(is.against(to), fmt.Sprintf("exit %d", r.code), 0)
	}
	for _, word := range p.says {
		if !strings.Contains(r.err, word) {
			t.Errorf("it doesn't say %q:\n%s", word, r.err)
		}
	}
	s.mend(t, p)
	start := time.Now()
	if err := s.converge(ctx, to); err != nil {
		t.Fatalf("mended: %v", err)
	}
	sum.add("converged", "", time.Since(start))
	s.a, s.b = to, from
}

func (s *site) spoil(t *testing.T, p place) {
	t.Helper()
	if p.directory == "" {
		p.directory = generations
	}
	if p.limit != "" {
		if err := s.h.Limit(t.Context(), p.directory, p.limit); err != nil {
			t.Fatal(err)
		}
		if s.manifest() == "" { // its process still has the old mounts
			do(t, s.h, "systemctl", "restart", unit)
			eventually(t, func() error { return s.is(t.Context(), s.a) })
		}
	}
	if p.sftp != "" {
		s.serve(t, p.sftp)
	}
	if p.spoil != "" {
		do(t, s.h, "sh", "-euc", shorthand+p.spoil)
	}
}

// mend undoes spoil. What was written to a tmpfs meanwhile is kept.
func (s *site) mend(t *testing.T, p place) {
	t.Helper()
	if p.mend != "" {
		do(t, s.h, "sh", "-euc", shorthand+p.mend)
	}
	if p.limit != "" {
		directory := p.directory
		if directory == "" {
			directory = generations
		}
		do(t, s.h, "sh", "-euc", `rm -f "$1"/.full*; cp -a "$1" /root/kept; umount "$1"; rm -rf "$1"; mv /root/kept "$1"`, "sh", directory)
		do(t, s.h, "systemctl", "daemon-reload")
	}
	s.serve(t, realSFTP)
}

// serve replaces sftp-server by a script.
func (s *site) serve(t *testing.T, script string) {
	t.Helper()
	if err := s.h.WriteFile(t.Context(), "/usr/lib/openssh/sftp-server", "#!/bin/sh\n"+script+"\n", 0o755); err != nil {
		t.Fatal(err)
	}
}
