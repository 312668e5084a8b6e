package flags

import "strings"

// Runs reports whether kube-controller-manager starts a controller under a list
// of --controllers: the first element that names it decides, "*" stands for all
// that aren't off by default. A feature gate may still keep it from starting.
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

// From this minor on the token controller starts whatever the list says, as long
// as it has a key.
const (
	tokenController       = "serviceaccount-token-controller"
	tokenControllerAlways = 35
)

// names reports whether a name or an alias means a controller.
func (m *Minor) names(name string, c Controller) bool {
	named, ok := m.Controller(name)
	return ok && named.Name == c.Name
}

// Tunes is the controller that a flag is there for, and for nothing else.
func (m *Minor) Tunes(d Def) (Controller, bool) {
	switch d.Name {
	case "enable-garbage-collector":
		if _, migrates := m.Controller(StorageMigrator); migrates {
			return Controller{}, false // it doesn't start without
		}
	case "root-ca-file", "flex-volume-plugin-dir", "volume-host-cidr-denylist", "volume-host-allow-local-loopback":
		return Controller{}, false // other controllers read them too
	case "service-account-private-key-file", "concurrent-serviceaccount-token-syncs":
		return m.Controller(m.either(tokenController, "serviceaccount-token"))
	}
	// Sections are called as their controllers; before v1.28 with a word more.
	return m.Controller(strings.TrimSuffix(d.Section, " controller"))
}

// either is the first name where this version knows it, else the second.
func (m *Minor) either(name, old string) string {
	if _, ok := m.Controller(name); ok {
		return name
	}
	return old
}

// Words say what is special about a controller.
func (c Controller) Words() string {
	var out []string
	if c.OffByDefault {
		out = append(out, `off, "*" doesn't mean it`)
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
