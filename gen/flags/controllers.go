package flags

import "strings"

// Runs reports whether the elements of --controllers start a controller: the first that
// names it decides, and "*" stands for all that aren't off by default. A feature gate
// may still prevent it.
func (m *Minor) Runs(c Controller, list []string) bool {
	if c.Name == tokenController && m.Number() >= tokenControllerAlways {
		return true
	}
	star := false
	for _, e := range list {
		name, off := strings.CutPrefix(e, "-")
		switch {
		case e == "*":
			star = true
		case m.names(name, c):
			return !off
		}
	}
	return star && !c.OffByDefault
}

// StorageMigrator is the controller that moves objects to other storage versions.
const StorageMigrator = "storage-version-migrator-controller"

// Since this minor the token controller always starts if it has a key.
const (
	tokenController       = "serviceaccount-token-controller"
	tokenControllerAlways = 35
)

// names reports whether a name or an alias means a controller.
func (m *Minor) names(name string, c Controller) bool {
	named, ok := m.Controller(name)
	return ok && named.Name == c.Name
}

// ControllerOf returns the controller that a flag belongs to; false if it serves none
// or several.
func (m *Minor) ControllerOf(d Def) (Controller, bool) {
	switch d.Name {
	case "enable-garbage-collector":
		if _, migrates := m.Controller(StorageMigrator); migrates {
			return Controller{}, false // it doesn't start without
		}
	case "root-ca-file", "flex-volume-plugin-dir", "volume-host-cidr-denylist", "volume-host-allow-local-loopback":
		return Controller{}, false // other controllers read them too
	case "service-account-private-key-file", "concurrent-serviceaccount-token-syncs":
		return m.Controller(m.knownName(tokenController, "serviceaccount-token"))
	}
	// A section has its controller's name; before v1.28 followed by " controller".
	return m.Controller(strings.TrimSuffix(d.Section, " controller"))
}

// knownName returns name if this version knows it, else old.
func (m *Minor) knownName(name, old string) string {
	if _, ok := m.Controller(name); ok {
		return name
	}
	return old
}

// Words describes what is special about a controller; it may be "".
func (c Controller) Words() string {
	var out []string
	if c.OffByDefault {
		out = append(out, `off, "*" doesn't include it`)
	}
	if len(c.Gates) > 0 {
		needs := "needs " + strings.Join(c.Gates, " and ")
		if c.UnknownWhileOff {
			needs += ", unknown without"
		}
		out = append(out, needs)
	}
	if c.Cloud {
		out = append(out, "for a cloud provider")
	}
	return strings.Join(out, "; ")
}
