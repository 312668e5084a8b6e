package vet

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/kcmgen/kcmgen/gen/finding"
)

const migrationFlag = "leader-migration-config"

// migrationRules are about the configuration of a leader migration.
var migrationRules = []Rule{
	{
		ID: "leader-migration-file", Severity: isError, Fixed: true, Flags: true, node: migrationFile,
		Doc: "the file of --leader-migration-config is one that the version reads: its kind, its fields, leaderName, and the lock",
	},
}

// Migration is the file of --leader-migration-config: a copy on this machine.
type Migration struct {
	File       string      // as messages name it
	APIVersion string      // without its group, such as "v1beta1"; "" if it is another kind
	At         finding.Pos // of the version
	Lock       string      // its resourceLock; "" if it has none
	LockAt     finding.Pos
	Faults     []MigrationFault // that no version accepts
	Err        error            // why it can't be read; fs.ErrNotExist if it isn't on this machine
}

// MigrationFault is what the program refuses in the file.
type MigrationFault struct {
	At                finding.Pos
	Message, Expected string
}

// The first minors that read a version of the configuration, in which the program ends with any
// other (k8s.io/controller-manager config), and the first whose election knows no endpoints.
var migrationSince = map[string]int{"v1alpha1": 21, "v1beta1": 22, "v1": 24}

const noEndpointsLock = 24

func migrationFile(v *view, n *nodeView) []fault {
	f, ok := n.flags.Get(migrationFlag)
	if !ok || f.Value == "" || !isTrue(n.value("enable-leader-migration")) {
		return nil // flag-ignored
	}
	m := v.facts.Migrations[f.Value]
	if n.line != nil {
		m = n.line.Migration
	}
	out := func(at finding.Pos, message, expected string) fault {
		return fault{field: f.Field, at: at, message: message, expected: expected, hint: "the process exits when it starts"}
	}
	switch {
	case m == nil && n.line != nil:
		return nil // no file lies beside the command line
	case m == nil || errors.Is(m.Err, fs.ErrNotExist):
		return one(fault{
			field: f.Field, severity: finding.NotChecked,
			message:  fmt.Sprintf("%s was not checked: no %s lies beside the cluster's files", f.Value, path.Base(f.Value)),
			expected: "a copy of it in the directory of the cluster's package, or in files there",
		})
	case m.Err != nil:
		return one(out(finding.Pos{}, fmt.Sprintf("%s: %v", m.File, m.Err), "a LeaderMigrationConfiguration"))
	}
	var found []fault
	for _, x := range m.Faults {
		found = append(found, out(x.At, m.File+": "+x.Message, x.Expected))
	}
	if since := migrationSince[m.APIVersion]; since > v.Version.Minor {
		found = append(found, out(m.At, fmt.Sprintf("%s is %s, which v1.%d is the first to read", m.File, m.APIVersion, since), "controllermanager.config.k8s.io/"+newestMigration(v.Version.Minor)))
	}
	if m.Lock == "endpoints" && v.Version.Minor >= noEndpointsLock {
		found = append(found, out(m.LockAt, fmt.Sprintf("%s has resourceLock endpoints, which no election knows since v1.%d", m.File, noEndpointsLock), "leases"))
	}
	return found
}

// newestMigration is the newest version of the configuration that a minor reads.
func newestMigration(minor int) string {
	if minor >= migrationSince["v1beta1"] {
		return "v1beta1"
	}
	return "v1alpha1"
}
