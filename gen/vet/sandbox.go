package vet

import (
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// mountKind is how a directive mounts a path. Of two mounts at one path the lower kind
// wins, as in systemd (namespace.c).
type mountKind int

const (
	inaccessible mountKind = iota
	bound                  // another path of the host, by BindPaths or BindReadOnlyPaths
	fresh                  // an empty directory: a private /tmp or /dev
	readOnly
	readWrite
	temporary // an empty file system
	implied   // left writable by ProtectSystem=strict
)

// mount is a mount that systemd makes for a unit's process.
type mount struct {
	path     string
	kind     mountKind
	readOnly bool
	by       spec.Directive
}

// sandbox is what a unit's process can see of its host, and write to.
type sandbox struct {
	mounts []mount
	// foreignRoot: the root is another directory or an image of unknown content.
	foreignRoot bool
	// hostDependent: some mounts or writable paths are known on the host only.
	hostDependent bool
	// user is the directive that sets the process's user; zero for root.
	user spec.Directive
	// readsAll: its capabilities let the process read any file.
	readsAll bool
}

// sandbox returns what a node's unit lets its process see.
func (v *view) sandbox(n *nodeView) *sandbox {
	if n.alike.sandbox == nil {
		n.alike.sandbox = v.sandboxOf(n)
	}
	return n.alike.sandbox
}

// sandboxOf reads the unit's directives; see systemd.exec(5).
func (v *view) sandboxOf(n *nodeView) *sandbox {
	s := &sandbox{}
	lists := map[string][]spec.Directive{}
	service := policy.Service(v.Cluster, n.flags)
	for _, d := range service {
		lists[d.Name] = effective(service, d.Name)
	}
	last := func(name string) spec.Directive {
		if ds := lists[name]; len(ds) > 0 {
			return ds[len(ds)-1]
		}
		return spec.Directive{Name: name}
	}
	for _, name := range []string{"RootDirectory", "RootImage", "RootMStack"} {
		s.foreignRoot = s.foreignRoot || len(lists[name]) > 0 && strings.Trim(last(name).Value, "/") != ""
	}
	s.protectSystem(last("ProtectSystem"))
	s.protectHome(last("ProtectHome"))
	s.private(v, last("PrivateTmp"), last("PrivateDevices"))
	s.lists(lists)
	s.identity(last("User"), last("DynamicUser"))
	if v.Generations { // the unit binds its files to the paths in the flags
		own := spec.Directive{Name: "BindReadOnlyPaths"}
		if placed := policy.Placed(v.Cluster, n.flags); policy.InDir(v.Cluster, placed, n.flags) {
			s.add(bound, true, own, v.Paths.Dir)
		} else {
			for _, r := range placed {
				s.add(bound, true, own, v.Paths.Of(r))
			}
		}
	}
	s.order()
	s.readsAll = readsAll(service)
	return s
}

func (s *sandbox) add(kind mountKind, ro bool, by spec.Directive, paths ...string) {
	for _, p := range paths {
		s.mounts = append(s.mounts, mount{path: withoutLink(path.Clean(p)), kind: kind, readOnly: ro, by: by})
	}
}

// isYes reports whether systemd reads s as true.
func isYes(s string) bool {
	return slices.Contains([]string{"1", "yes", "y", "true", "t", "on"}, strings.ToLower(strings.TrimSpace(s)))
}

func (s *sandbox) protectSystem(d spec.Directive) {
	value := strings.TrimSpace(d.Value)
	switch {
	case value == "strict":
		s.add(readOnly, true, d, "/")
		s.add(implied, false, d, "/proc", "/sys", "/dev", "/home", "/root", "/run/user")
	case value == "full":
		s.add(readOnly, true, d, "/usr", "/boot", "/efi", "/etc")
	case isYes(value):
		s.add(readOnly, true, d, "/usr", "/boot", "/efi")
	}
}

func (s *sandbox) protectHome(d spec.Directive) {
	value := strings.TrimSpace(d.Value)
	homes := []string{"/home", "/root", "/run/user"}
	switch {
	case value == "read-only":
		s.add(readOnly, true, d, homes...)
	case value == "tmpfs":
		s.add(temporary, false, d, homes...) // read-only by the manual, and not in version 252
	case isYes(value):
		s.add(inaccessible, true, d, homes...)
	}
}

// privateDev are the paths in a private /dev.
var privateDev = []string{
	"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts", "/dev/shm",
	"/dev/mqueue", "/dev/hugepages", "/dev/log", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd",
}

func (s *sandbox) private(v *view, tmp, devices spec.Directive) {
	// Units with JoinsNamespaceOf share their /tmp.
	shared := slices.ContainsFunc(v.Unit.Unit, func(d spec.Directive) bool { return d.Name == "JoinsNamespaceOf" })
	if (isYes(tmp.Value) || strings.TrimSpace(tmp.Value) == "disconnected") && !shared {
		s.add(fresh, false, tmp, "/tmp", "/var/tmp")
	}
	if isYes(devices.Value) {
		s.add(fresh, false, devices, "/dev")
		s.add(bound, false, devices, privateDev...)
	}
}

// lists reads the directives that name paths.
func (s *sandbox) lists(lists map[string][]spec.Directive) {
	each := func(name string, found func(d spec.Directive, p string)) {
		for _, d := range lists[name] {
			for _, p := range words(d.Value) {
				found(d, strings.TrimLeft(p, "-+"))
			}
		}
	}
	simple := func(kind mountKind, ro bool, names ...string) {
		for _, name := range names {
			each(name, func(d spec.Directive, p string) {
				if path.IsAbs(p) && plain(p) {
					s.add(kind, ro, d, unescaped(p))
				} else if kind == readWrite {
					s.hostDependent = true
				}
			})
		}
	}
	simple(inaccessible, true, "InaccessiblePaths", "InaccessibleDirectories")
	simple(readOnly, true, "ReadOnlyPaths", "ReadOnlyDirectories")
	simple(readWrite, false, "ReadWritePaths", "ReadWriteDirectories")
	for _, name := range []string{"BindPaths", "BindReadOnlyPaths"} {
		each(name, func(d spec.Directive, p string) {
			parts := colons(p)
			to := parts[0]
			if len(parts) > 1 && parts[1] != "" {
				to = parts[1]
			}
			if !plain(to) {
				s.hostDependent = true
				return
			}
			s.add(bound, name == "BindReadOnlyPaths", d, unescaped(to))
		})
	}
	each("TemporaryFileSystem", func(d spec.Directive, p string) {
		parts := colons(p)
		ro := len(parts) > 1 && slices.Contains(strings.Split(parts[1], ","), "ro")
		if plain(parts[0]) {
			s.add(temporary, ro, d, unescaped(parts[0]))
		}
	})
	for name, above := range map[string]string{
		"StateDirectory": "/var/lib", "CacheDirectory": "/var/cache", "LogsDirectory": "/var/log",
		"RuntimeDirectory": "/run", "ConfigurationDirectory": "/etc",
	} {
		each(name, func(d spec.Directive, p string) {
			if p = colons(p)[0]; plain(p) {
				s.add(readWrite, false, d, path.Join(above, p))
			} else {
				s.hostDependent = true
			}
		})
	}
	for _, name := range []string{"MountImages", "ExtensionImages", "ExtensionDirectories"} {
		s.hostDependent = s.hostDependent || len(lists[name]) > 0
	}
}

// plain reports whether a path has no systemd specifier.
func plain(p string) bool { return !strings.Contains(strings.ReplaceAll(p, "%%", ""), "%") }

func unescaped(p string) string { return strings.ReplaceAll(p, "%%", "%") }

// words splits a list as systemd does, with quotes and backslashes.
func words(s string) []string {
	var out []string
	var b strings.Builder
	in, quote := false, rune(0)
	runes := []rune(s)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == '\\' && i+1 < len(runes):
			if i++; runes[i] == ':' { // kept escaped, for colons
				b.WriteRune('\\')
			}
			b.WriteRune(runes[i])
			in = true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, in = r, true
		case quote == 0 && strings.ContainsRune(" \t\n\r", r):
			if in {
				out = append(out, b.String())
			}
			b.Reset()
			in = false
		default:
			b.WriteRune(r)
			in = true
		}
	}
	if in {
		out = append(out, b.String())
	}
	return out
}

// colons splits SOURCE:DESTINATION:OPTIONS, and trims "-" and "+" before each.
func colons(s string) []string {
	const escaped = "\x00"
	parts := strings.Split(strings.ReplaceAll(s, `\:`, escaped), ":")
	for i := range parts {
		parts[i] = strings.TrimLeft(strings.ReplaceAll(parts[i], escaped, ":"), "-+")
	}
	return parts
}
