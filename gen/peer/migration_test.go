package peer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const migrationHead = "apiVersion: controllermanager.config.k8s.io/v1beta1\nkind: LeaderMigrationConfiguration\n"

const migrationFile = migrationHead + `leaderName: cloud-provider-extraction-migration
resourceLock: leases
controllerLeaders:
- name: route-controller
  component: kube-controller-manager
- {name: service-controller, component: "*"}
`

// TestReadMigration: what kube-controller-manager's strict decoder and its validation refuse,
// each at its place.
func TestReadMigration(t *testing.T) {
	for name, tc := range map[string]struct {
		data string
		want []string
	}{
		"right":             {migrationFile, nil},
		"right, in JSON":    {`{"apiVersion":"controllermanager.config.k8s.io/v1","kind":"LeaderMigrationConfiguration","leaderName":"x"}`, nil},
		"a second document": {migrationFile + "---\nkind: Pod\n", nil},
		"no name":           {strings.Replace(migrationFile, "leaderName: cloud-provider-extraction-migration\n", "", 1), []string{"1: leaderName is missing or empty"}},
		"an empty name":     {strings.Replace(migrationFile, "cloud-provider-extraction-migration", `""`, 1), []string{"3: leaderName is missing or empty"}},
		"a number":          {strings.Replace(migrationFile, "cloud-provider-extraction-migration", "12", 1), []string{"3: leaderName is no text: write it in quotes"}},
		"no lock":           {strings.Replace(migrationFile, "resourceLock: leases\n", "", 1), []string{`1: resourceLock is ""`}},
		"another lock":      {strings.Replace(migrationFile, ": leases", ": configmaps", 1), []string{`4: resourceLock is "configmaps"`}},
		"the old lock":      {strings.Replace(migrationFile, ": leases", ": endpoints", 1), nil},
		"a lock in v1":      {strings.Replace(migrationFile, "v1beta1", "v1", 1), []string{"4: there is no field resourceLock"}},
		"a misspelt field":  {strings.Replace(migrationFile, "  component: kube", "  components: kube", 1), []string{"7: there is no field controllerLeaders[0].components", "6: controllerLeaders[0].component is missing or empty"}},
		"no controller":     {strings.Replace(migrationFile, "name: service-controller, ", "", 1), []string{"8: controllerLeaders[1].name is missing or empty"}},
		"a list of names":   {migrationHead + "leaderName: x\nresourceLock: leases\ncontrollerLeaders: [service-controller]\n", []string{"5: controllerLeaders[0] has no fields"}},
		"no list":           {migrationHead + "leaderName: x\nresourceLock: leases\ncontrollerLeaders: service-controller\n", []string{"5: controllerLeaders is no list"}},
		"another version":   {strings.Replace(migrationFile, "v1beta1", "v2", 1), []string{`1: it is a "LeaderMigrationConfiguration" of "controllermanager.config.k8s.io/v2"`}},
		"another kind":      {"apiVersion: v1\nkind: Pod\n", []string{`1: it is a "Pod" of "v1"`}},
		"no YAML":           {"a: [", []string{"1: did not find expected node content"}},
		"a key twice":       {migrationFile + "leaderName: x\n", []string{"9: the key leaderName is there again: it is in line 3 too"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := ReadMigration("m.yaml", []byte(tc.data))
			var got []string
			for _, f := range m.Faults {
				got = append(got, fmt.Sprintf("%d: %s", f.At.Line, f.Message))
				if f.Expected == "" || f.At.File != "m.yaml" {
					t.Errorf("%+v", f)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || m.Err != nil {
				t.Errorf("faults (-want +got):\n%s%v", diff, m.Err)
			}
		})
	}
	if m := ReadMigration("m.yaml", []byte("# nothing\n")); m.Err == nil {
		t.Error("an empty file is read")
	}
	m := ReadMigration("m.yaml", []byte(strings.Replace(migrationFile, ": leases", ": endpoints", 1)))
	if m.APIVersion != "v1beta1" || m.At.Line != 1 || m.Lock != "endpoints" || m.LockAt.Line != 4 {
		t.Errorf("%+v", m)
	}
}

// FuzzReadMigration: whatever the file is, there is an answer, and each fault has its place.
func FuzzReadMigration(f *testing.F) {
	f.Add([]byte(migrationFile))
	f.Add([]byte(`{"apiVersion":"controllermanager.config.k8s.io/v1","kind":"LeaderMigrationConfiguration","controllerLeaders":[{},3,null]}`))
	f.Add([]byte("a: &b [*b]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := ReadMigration("m.yaml", data)
		if m.Err == nil && m.APIVersion == "" && len(m.Faults) == 0 {
			t.Error("neither read nor refused")
		}
		for _, x := range m.Faults {
			if x.At.Line < 1 || x.At.Col < 1 || x.Expected == "" {
				t.Errorf("%+v", x)
			}
		}
	})
}
