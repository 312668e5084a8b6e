package vet

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

const migrationPath = "/etc/kubernetes/migration.yaml"

// TestMigrationFile: the copy of a configuration against the version that reads it.
func TestMigrationFile(t *testing.T) {
	const rule = "leader-migration-file"
	for name, tc := range map[string]struct {
		minor int
		on    string
		file  *Migration
		want  string
	}{
		"all right":                 {30, "true", &Migration{APIVersion: "v1", Lock: ""}, ""},
		"not here":                  {30, "true", &Migration{Err: fs.ErrNotExist}, rule + " not checked"},
		"not read":                  {30, "false", &Migration{Faults: []MigrationFault{{Message: "x"}}}, ""},
		"refused by every version":  {30, "true", &Migration{APIVersion: "v1", Faults: []MigrationFault{{Message: "leaderName is missing"}}}, rule},
		"can't be read":             {30, "true", &Migration{Err: fs.ErrPermission}, rule},
		"a version to come":         {23, "true", &Migration{APIVersion: "v1"}, rule},
		"the first that reads it":   {24, "true", &Migration{APIVersion: "v1"}, ""},
		"endpoints, no longer":      {24, "true", &Migration{APIVersion: "v1beta1", Lock: "endpoints"}, rule},
		"endpoints, for the last":   {23, "true", &Migration{APIVersion: "v1beta1", Lock: "endpoints"}, ""},
		"the first version, and v2": {21, "true", &Migration{APIVersion: "v1beta1", Lock: "leases"}, rule},
	} {
		t.Run(name, func(t *testing.T) {
			c := base()
			at(tc.minor, migrationFlag, migrationPath, "enable-leader-migration", tc.on)(c)
			tc.file.File = "migration.yaml"
			found := Check(c, Facts{Migrations: map[string]*Migration{migrationPath: tc.file}})
			found = slices.DeleteFunc(found, func(f finding.Finding) bool { return f.Rule != rule })
			want := []string(nil)
			if tc.want != "" {
				want = []string{tc.want}
			}
			if diff := cmp.Diff(want, ids(found)); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMigrationOfLine: a command line has the file that lies beside it, or none.
func TestMigrationOfLine(t *testing.T) {
	l := lineOf("", "--enable-leader-migration --leader-migration-config="+migrationPath)
	broken := func(l Line) int {
		n := 0
		for _, f := range CommandLine(spec.Version{Minor: 30}, []Line{l}) {
			if f.Rule == "leader-migration-file" {
				n++
			}
		}
		return n
	}
	if n := broken(l); n != 0 {
		t.Errorf("%d findings about a file that isn't there", n)
	}
	l.Migration = &Migration{File: "migration.yaml", APIVersion: "v1", Faults: []MigrationFault{{Message: "a"}, {Message: "b"}}}
	if n := broken(l); n != 2 {
		t.Errorf("%d findings, want 2", n)
	}
}

// goodMigration is a configuration without faults for the file that the cluster's flag names.
func goodMigration(c *spec.Cluster) map[string]*Migration {
	return map[string]*Migration{c.Flags[migrationFlag].Value: {APIVersion: "v1alpha1", Lock: "leases"}}
}
