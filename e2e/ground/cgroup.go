//go:build linux

package ground

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// cgroupDir returns the directory of the ground's control groups, in the unified hierarchy.
// Mounting that a second time would change its options for the whole machine.
func cgroupDir() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[2] == "cgroup2" {
			return filepath.Join(fields[1], prefix+"e2e"), nil
		}
	}
	return "", errors.New("systemd needs cgroup2, which is mounted nowhere; type: mount -t cgroup2 none /sys/fs/cgroup")
}

// hierarchy is a mounted hierarchy of cgroup v1.
type hierarchy struct {
	name string // as an option of mount: "memory", "cpu,cpuacct", "name=systemd"
	dir  string
}

// hierarchies returns this machine's hierarchies of cgroup v1, if these have the controllers
// that a kubelet needs. Else cgroup2 must have them.
func hierarchies() ([]hierarchy, error) {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var out []hierarchy
	memory := false
	for group := range strings.Lines(string(groups)) {
		fields := strings.SplitN(group, ":", 3)
		if len(fields) < 3 || fields[1] == "" { // cgroup2
			continue
		}
		if dir := mountOf(string(mounts), fields[1]); dir != "" {
			out = append(out, hierarchy{fields[1], dir})
			memory = memory || fields[1] == "memory"
		}
	}
	if !memory {
		return nil, nil
	}
	return out, nil
}

// mountOf returns where a hierarchy of cgroup v1 is mounted; "" is nowhere.
func mountOf(mounts, name string) string {
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[2] != "cgroup" {
			continue
		}
		options := strings.Split(fields[3], ",")
		if !slices.ContainsFunc(strings.Split(name, ","), func(s string) bool { return !slices.Contains(options, s) }) {
			return fields[1]
		}
	}
	return ""
}

// cgroups returns the directories of the ground's control groups. Those of cgroup v1 exist
// only if hosts have a kubelet.
func (g *Ground) cgroups() []string {
	out := []string{g.cgroup}
	for _, v1 := range g.v1 {
		out = append(out, filepath.Join(v1.dir, prefix+"e2e"))
	}
	return out
}

// makeCgroups makes the directories.
func (g *Ground) makeCgroups() error {
	if err := os.Mkdir(g.cgroup, 0o755); err != nil || len(g.options.Kubelets) == 0 {
		return err
	}
	if len(g.v1) == 0 {
		return delegate(g.cgroup)
	}
	for _, dir := range g.cgroups()[1:] {
		if err := makeV1(dir); err != nil {
			return err
		}
	}
	return nil
}

// delegate gives the groups below dir the controllers that a kubelet needs. No machine that
// has them in cgroup2 has run this yet.
func delegate(dir string) error {
	available, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return err
	}
	needed := []string{"cpu", "cpuset", "memory", "pids"}
	for _, name := range needed {
		if !slices.Contains(strings.Fields(string(available)), name) {
			return fmt.Errorf("a kubelet needs controller %s in %s; type: echo +%s >%s", name, dir, name, filepath.Join(filepath.Dir(dir), "cgroup.subtree_control"))
		}
	}
	return os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+strings.Join(needed, " +")), 0)
}

// makeV1 makes a control group of cgroup v1. A new cpuset has no CPU, and then takes no
// process.
func makeV1(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		parent, err := os.ReadFile(filepath.Join(filepath.Dir(dir), name))
		if os.IsNotExist(err) {
			continue
		}
		if err := errors.Join(err, os.WriteFile(filepath.Join(dir, name), parent, 0)); err != nil {
			return err
		}
	}
	return nil
}

// removeCgroups removes control groups from the leaves up. It waits for those of a process
// that is just ending.
func removeCgroups(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return nil // gone meanwhile
	})
	ctx, cancel := context.WithTimeout(context.Background(), graceful)
	defer cancel()
	for _, path := range slices.Backward(dirs) {
		err = errors.Join(err, poll(ctx, nil, func() error {
			if err := os.Remove(path); !os.IsNotExist(err) {
				return err
			}
			return nil
		}))
	}
	return err
}
