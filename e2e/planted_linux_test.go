package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// plant is an obstacle at a path that a deployment writes to.
type plant struct {
	name  string
	at    string // a path; @ is the new generation
	how   string // link, dangling, fifo, directory, file
	codes []int  // how the command may end
	says  string
	// spoils: the obstacle replaces the old generation, so only files outside are checked.
	spoils bool
}

// plants returns links, fifos, directories and files at all paths that a deployment writes
// to, in the order of its writes.
func plants() []plant {
	var out []plant
	each := func(at string, codes []int, says string, spoils bool, hows ...string) {
		for _, how := range hows {
			out = append(out, plant{name: how + " at " + at, at: at, how: how, codes: codes, says: says, spoils: spoils})
		}
	}
	all := []string{"link", "dangling", "fifo", "directory"}
	const home, units = generations + "/", "/etc/systemd/system/"
	each(home+"@", []int{0}, "", false, "link", "dangling", "fifo", "directory", "file") // it is replaced
	each(home+"@.x.partial", []int{0}, "", false, all...)
	each(unitFile, []int{1}, unitFile, true, all...)
	each(units+".kube-controller-manager.service.kcmgen", []int{0}, "", false, all...)
	each(home+"trial", []int{1}, home+"trial is a ", false, all...)
	each(home+".trial.kcmgen", []int{0}, "", false, all...)
	each(home+"state", []int{1}, home+"state is a ", false, all...)
	each(home+"current", []int{0}, "", false, all...)
	each(home+".current.kcmgen", []int{0}, "", false, all...)
	each(home+"recover", []int{1}, home+"recover is a ", false, all...)
	each(home+".recover.kcmgen", []int{0}, "", false, all...)
	each(units+"kcmgen-recover.service", []int{1}, units+"kcmgen-recover.service is a ", false, all...)
	each("/run/kcmgen.lock", []int{1}, "/run/kcmgen.lock is a ", false, all...)
	each("/run/kcmgen.act", []int{1}, "/run/kcmgen.act is a ", false, all...)
	for _, p := range []string{"/etc/kubernetes", generations, "/etc/systemd/system"} {
		out = append(out,
			plant{name: "moved and linked: " + p, at: p, how: "moved", codes: []int{1}, says: p + " is a symbolic link"},
			plant{name: "of another owner: " + p, at: p, how: "theirs", codes: []int{1}, says: p + " belongs to ops"},
			plant{name: "open to all: " + p, at: p, how: "open", codes: []int{1}, says: p + " belongs to root:root with mode 777"})
	}
	return out
}

// canary makes files that a deployment must not touch. Links lead to them.
const canary = `
mkdir -p /canary/directory; cd /canary
echo untouched >file; echo untouched >directory/file; chmod 640 file directory/file; chmod 750 directory
touch -d 2020-01-01 file directory/file directory .`

const canaryNow = `find /canary -printf '%p %y %m %u %s %T@ %C@\n' | sort; find /canary -type f -exec cat {} +`

// planting puts an obstacle at a path, and keeps what was there.
const planting = `
at=$1 how=$2
rm -rf /root/kept; mkdir /root/kept
case $how in
moved) mv "$at" /root/kept/it; mkdir -p /root/moved; ln -s /root/kept/it "$at"; exit ;;
theirs) chown ops:ops "$at"; exit ;;
open) stat -c %a "$at" >/root/kept/mode; chmod 777 "$at"; exit ;;
esac
[ ! -e "$at" ] || cp -a "$at" /root/kept/it
rm -rf "$at"
case $how in
link) [ "$3" = directory ] && ln -s /canary/directory "$at" || ln -s /canary/file "$at" ;;
dangling) ln -s /canary/new "$at" ;;
fifo) mkfifo "$at" ;;
directory) mkdir "$at"; echo theirs >"$at/file" ;;
file) echo theirs >"$at" ;;
esac`

// removing removes it again.
const removing = `
at=$1 how=$2
case $how in
moved) rm "$at"; mv /root/kept/it "$at"; exit ;;
theirs) chown root:root "$at"; exit ;;
open) chmod "$(cat /root/kept/mode)" "$at"; exit ;;
esac
[ "$4" = took ] || rm -rf "$at"
[ ! -e /root/kept/it ] || [ -e "$at" ] || cp -a /root/kept/it "$at"`

// planted is promise 24: a deployment writes through no obstacle at the paths it writes to,
// and ends soon, successfully or with an error that names the obstacle.
func planted(t *testing.T, all []*site) {
	for _, s := range all {
		do(t, s.h, "sh", "-euc", canary)
	}
	sum := newCount()
	share(t, all, few(plants(), 1000, 3), func(t *testing.T, s *site, p plant) {
		t.Run(p.name, func(t *testing.T) { s.planted(t, p, sum) })
	})
	figure(t, "links, fifos, directories in its way", "%d written through; %v", sum.of["through"], sum)
}

func (s *site) planted(t *testing.T, p plant, sum *count) {
	from, to := s.a, s.b
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	s.forget(t, to)
	at := strings.ReplaceAll(p.at, "@", to.generation)
	target := "file"
	if strings.Contains(p.at, "@") {
		target = "directory"
	}
	before := do(t, s.h, "sh", "-c", canaryNow)
	do(t, s.h, "sh", "-euc", planting, "sh", at, p.how, target)
	start := time.Now()
	r, err := s.run(ctx, to, s.deploy()...)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	if now := do(t, s.h, "sh", "-c", canaryNow); now != before {
		sum.add("through", "", 0)
		t.Errorf("it wrote through: was\n%s\nis\n%s", before, now)
	}
	if !slices.Contains(p.codes, r.code) || took > 40*time.Second {
		t.Errorf("exit %d after %v, expected one of %v\n%s", r.code, took, p.codes, r.err)
	}
	if p.says != "" && !strings.Contains(r.err, p.says) {
		t.Errorf("it doesn't say %q\n%s", p.says, r.err)
	}
	s.untangle(ctx, t, p, at, r, sum)
	sum.add("", fmt.Sprintf("exit %d", r.code), 0)
	if err := s.converge(ctx, to); err != nil {
		t.Errorf("after\n%s\nand without it: %v", r.err, err)
	} else {
		sum.add("converged", "", time.Since(start))
	}
	s.a, s.b = to, from
}

// untangle checks what the host runs with the obstacle, and then removes it.
func (s *site) untangle(ctx context.Context, t *testing.T, p plant, at string, r result, sum *count) {
	t.Helper()
	from, to := s.a, s.b
	took := "left"
	if r.code == 0 {
		took = "took"
	}
	remove := func() { do(t, s.h, "sh", "-euc", removing, "sh", at, p.how, "", took) }
	if p.spoils || p.how == "moved" || r.code == 1 { // only this test changed anything
		remove()
	} else {
		defer remove()
	}
	_, is, err := s.settled(ctx, 20*time.Second)
	switch {
	case err != nil:
		sum.add("torn", "", 0)
		t.Errorf("after exit %d: %v\n%s", r.code, err, r.err)
	case (is == to) != (r.code == 0):
		t.Errorf("exit %d, and the host has %s (%v)\n%s", r.code, is.against(to), from.name, r.err)
	default:
		sum.add(is.against(to), "", 0)
	}
}
