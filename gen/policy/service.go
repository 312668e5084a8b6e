package policy

import (
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// sandbox takes away what kube-controller-manager doesn't need: it uses TCP, reads its
// files, and writes at most a self-signed certificate. It stays root, since its files
// have mode 0600, but has no capabilities.
var sandbox = []spec.Directive{
	{Name: "CapabilityBoundingSet", Value: ""},
	{Name: "LockPersonality", Value: "yes"},
	{Name: "MemoryDenyWriteExecute", Value: "yes"},
	{Name: "NoNewPrivileges", Value: "yes"},
	{Name: "PrivateDevices", Value: "yes"},
	{Name: "PrivateTmp", Value: "yes"},
	{Name: "ProcSubset", Value: "pid"},
	{Name: "ProtectClock", Value: "yes"},
	{Name: "ProtectControlGroups", Value: "yes"},
	{Name: "ProtectHome", Value: "yes"},
	{Name: "ProtectHostname", Value: "yes"},
	{Name: "ProtectKernelLogs", Value: "yes"},
	{Name: "ProtectKernelModules", Value: "yes"},
	{Name: "ProtectKernelTunables", Value: "yes"},
	{Name: "ProtectProc", Value: "invisible"},
	{Name: "ProtectSystem", Value: "strict"},
	{Name: "RestrictAddressFamilies", Value: "AF_INET AF_INET6 AF_UNIX AF_NETLINK"},
	{Name: "RestrictNamespaces", Value: "yes"},
	{Name: "RestrictRealtime", Value: "yes"},
	{Name: "RestrictSUIDSGID", Value: "yes"},
	{Name: "SystemCallArchitectures", Value: "native"},
	{Name: "SystemCallErrorNumber", Value: "EPERM"},
	{Name: "SystemCallFilter", Value: "@system-service"},
	{Name: "UMask", Value: "0077"},
}

// Service returns the lines of a unit's [Service], the user's and kcmgen's, without the
// command line and the mounts of a generation.
func Service(c *spec.Cluster, fs spec.Flags) []spec.Directive {
	if !c.Unit.Hardened {
		return c.Unit.Service
	}
	out := WithDefault(c.Unit.Service, c.Unit.Omitted.Service, sandbox...)
	if dir, ok := CertDir(c, fs); ok && !slices.Contains(c.Unit.Omitted.Service, "ReadWritePaths") {
		out = append(out, spec.Directive{Name: "ReadWritePaths", Value: dir})
	}
	return out
}

// WithDefault adds the defaults for directives that ds doesn't have and that the user
// doesn't omit, and sorts by name.
func WithDefault(ds []spec.Directive, omitted []string, defaults ...spec.Directive) []spec.Directive {
	out := slices.Clone(ds)
	for _, d := range defaults {
		has := slices.ContainsFunc(ds, func(o spec.Directive) bool { return o.Name == d.Name })
		if !has && !slices.Contains(omitted, d.Name) {
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b spec.Directive) int { return strings.Compare(a.Name, b.Name) })
	return out
}
