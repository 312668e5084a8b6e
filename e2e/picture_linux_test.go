package e2e

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// picture is what a host has and runs at one moment.
type picture struct {
	files  map[string]string // type, mode, owner and sum, by path
	args   []string
	mounts string
	active string // as systemd has it; of pods, active or inactive
	trial  string // the generation on trial
	before string // what a trial goes back to
	state  string // the confirmed generation
	timer  bool   // the timer that goes back is active
	left   []string
	busy   bool // a session holds the lock, or a change goes on
	// processes are those of kube-controller-manager, where one of the variants is a pod.
	processes []string
	// halved: the script was killed on the host, which may be before it started the timer.
	halved bool
}

// lookScript takes a picture. It changes nothing: flock opens existing files. POD is empty on
// hosts that have only the unit; on others a process counts wherever it runs, but not the one
// that checks flags.
const lookScript = `
pod=$1; shift
home=/etc/kubernetes/kcmgen unit=kube-controller-manager.service
[ ! -f /run/kcmgen.lock ] || flock -n /run/kcmgen.lock true || echo busy
[ ! -f /run/kcmgen.act ] || flock -n /run/kcmgen.act true || echo busy
for p; do
	about=$(stat -c '%F %a %u:%g' "$p" 2>/dev/null) || continue
	case $about in
	regular*) sum=$(sha256sum -- "$p" 2>/dev/null) || continue # it is gone by now
		about="$about ${sum%% *}" ;;
	esac
	echo "file $p $about"
done
for f in trial state; do [ ! -f $home/$f ] || sed "s/^/$f./" $home/$f 2>/dev/null; done
systemctl is-active -q kcmgen-revert.timer && echo timer
if [ -n "$pod" ]; then
	pid=0
	for p in $(pidof kube-controller-manager); do
		grep -q . /proc/$p/cmdline 2>/dev/null || continue # it has ended
		! grep -q -e --version /proc/$p/cmdline || continue
		group=$(grep -o -m 1 -e kubepods -e $unit /proc/$p/cgroup | head -n 1)
		grep -q . /proc/$p/cmdline 2>/dev/null || continue
		pid=$p
		echo "process $p $group"
	done
	[ "$pid" = 0 ] && echo "active inactive" || echo "active active"
	for p in /etc/kubernetes/manifests/* /etc/kubernetes/manifests/.[!.]*; do
		[ ! -e "$p" ] || [ "$p" = "$pod" ] || echo "left $p"
	done
else
	echo "active $(systemctl show $unit -p ActiveState --value)"
	pid=$(systemctl show $unit -p MainPID --value)
fi
[ "$pid" = 0 ] || { tr '\0' '\n' </proc/$pid/cmdline | sed 's/^/arg /'; awk '{ print "mount " $4 " " $5 }' /proc/$pid/mountinfo; }
for p in $home/*.partial $home/.*.kcmgen /etc/systemd/system/.*.kcmgen /run/kcmgen.??????; do
	[ ! -e "$p" ] || echo "left $p"
done
true`

// look takes a picture of the host from inside.
func (s *site) look(ctx context.Context) (*picture, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := s.h.Do(ctx, append([]string{"sh", "-c", lookScript, "sh", s.manifest()}, paths(s.a, s.b)...)...)
	if err != nil {
		return nil, err
	}
	p := &picture{files: map[string]string{}, halved: s.halves}
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		p.note(key, value)
	}
	return p, nil
}

func (p *picture) note(key, value string) {
	switch key {
	case "busy":
		p.busy = true
	case "file":
		path, about, _ := strings.Cut(value, " ")
		p.files[path] = about
	case "trial.generation":
		p.trial = value
	case "trial.previous":
		p.before = value
	case "state.generation":
		p.state = value
	case "timer":
		p.timer = true
	case "active":
		p.active = value
	case "arg":
		p.args = append(p.args, value)
	case "mount":
		p.mounts += value + "\n"
	case "process":
		p.processes = append(p.processes, value)
	case "left":
		p.left = append(p.left, value)
	}
}

// whole returns the variant whose files are complete: its unit or manifest, and all that
// belongs to it.
func (p *picture) whole(variants []*variant) (*variant, error) {
	if len(p.processes) > 1 {
		return nil, fmt.Errorf("%d processes: %q", len(p.processes), p.processes)
	}
	i := slices.IndexFunc(variants, func(v *variant) bool { return p.files[v.at()] == v.files[v.at()] })
	if i < 0 {
		at := variants[0].at()
		return nil, fmt.Errorf("torn: %s is of no variant: %s", at, p.files[at])
	}
	v := variants[i]
	for path, want := range v.files {
		if have := p.files[path]; have != want {
			return nil, fmt.Errorf("torn: the unit is that of %s, and %s is %q, expected %q", v.name, path, have, want)
		}
	}
	return v, nil
}

// torn returns an error for a state that must never exist.
func (p *picture) torn(variants ...*variant) error {
	_, err := p.whole(variants)
	return err
}

// runs returns the variant that a host has and runs; an error for any mixture.
func (p *picture) runs(variants ...*variant) (*variant, error) {
	v, err := p.whole(variants)
	switch {
	case err != nil:
		return nil, err
	case !slices.Equal(p.args, v.argv):
		return nil, fmt.Errorf("mixed: the unit is that of %s, and the process (%s) has %q", v.name, p.active, p.args)
	case v.generation == none && (p.mounts != "" || p.active != "inactive"):
		return nil, fmt.Errorf("mixed: nothing was deployed, and the unit is %s", p.active)
	case v.start == podFile && !strings.Contains(strings.Join(p.processes, ""), "kubepods"):
		return nil, fmt.Errorf("mixed: the manifest is that of %s, and the process is in no pod: %q", v.name, p.processes)
	case v.generation != none && !strings.Contains(p.mounts, v.generation):
		return nil, fmt.Errorf("mixed: the process of %s sees %q", v.name, p.mounts)
	}
	return v, nil
}

// judge is runs, with an error if nothing would end an unfinished trial.
func (p *picture) judge(variants ...*variant) (*variant, error) {
	v, err := p.runs(variants...)
	switch {
	case err != nil:
		return nil, err
	case p.trial == "" && cmp.Or(p.state, none) != v.generation:
		return nil, fmt.Errorf("%s runs, and %q is confirmed", v.generation, p.state)
	case p.trial != "" && p.trial != v.generation && p.before != v.generation:
		return nil, fmt.Errorf("%s runs, and the trial is one of %s", v.generation, p.trial)
	case p.trial != "" && !p.timer && (!p.halved || v.generation != p.before):
		return nil, errors.New("a trial, and no timer that ends it")
	}
	return v, nil
}

// finish runs a program to its end. The code is -1 if a signal ended it.
func finish(ctx context.Context, cmd *exec.Cmd) (result, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return result{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	err := cmd.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = ctx.Err()
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}, err
}
