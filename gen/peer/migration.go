package peer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/vet"
)

const (
	migrationGroup = "controllermanager.config.k8s.io/"
	migrationKind  = "LeaderMigrationConfiguration"
)

// ReadMigration reads a leader-migration configuration as kube-controller-manager does, which
// shares it with the cloud-controller-manager: strictly, and its first document only
// (k8s.io/controller-manager pkg/leadermigration/config). name is what positions and messages
// call the file.
func ReadMigration(name string, data []byte) *vet.Migration {
	m := &migration{file: &file{set: &text.Set{}, name: name}, out: &vet.Migration{File: name}}
	docs, err := yamltext.Parse(m.file.set, m.file.set.Add(name, string(data)))
	if wrong := (*yamltext.Error)(nil); errors.As(err, &wrong) {
		m.fault(wrong.At, "YAML or JSON", "%s", wrong.Message)
		return m.out
	}
	if err != nil || len(docs) == 0 || !docs[0].Is(yamltext.Map) {
		m.out.Err = errors.New("it has no " + migrationKind)
		return m.out
	}
	m.read(docs[0])
	return m.out
}

type migration struct {
	file *file
	out  *vet.Migration
}

func (m *migration) fault(at text.At, expected, format string, args ...any) {
	m.out.Faults = append(m.out.Faults, vet.MigrationFault{At: m.file.at(at), Message: fmt.Sprintf(format, args...), Expected: expected})
}

func (m *migration) read(doc *yamltext.Node) {
	api := doc.Get("apiVersion")
	version, ok := strings.CutPrefix(api.Str(), migrationGroup)
	if known := []string{"v1alpha1", "v1beta1", "v1"}; !ok || !slices.Contains(known, version) || doc.Get("kind").Str() != migrationKind {
		m.fault(doc.Place(), migrationGroup+"v1beta1, kind "+migrationKind, "it is a %.60q of %.80q", doc.Get("kind").Str(), api.Str())
		return
	}
	m.out.APIVersion, m.out.At = version, m.at(api)
	fields := []string{"apiVersion", "kind", "leaderName", "controllerLeaders"}
	if version != "v1" {
		fields = append(fields, "resourceLock")
	}
	m.only(doc, fields, "")
	m.required(doc, "leaderName", "a name for the lease of the migration")
	if version != "v1" {
		lock := doc.Get("resourceLock")
		m.out.Lock, m.out.LockAt = lock.Str(), m.at(lock)
		if m.out.Lock != "leases" && m.out.Lock != "endpoints" {
			m.fault(orElse(lock, doc), "leases", "resourceLock is %.60q", m.out.Lock)
		}
	}
	leaders := doc.Get("controllerLeaders")
	if !leaders.Is(yamltext.List) && !leaders.Is(yamltext.Null) {
		m.fault(leaders.Place(), "a list", "controllerLeaders is no list")
	}
	for i, leader := range leaders.List() {
		at := fmt.Sprintf("controllerLeaders[%d].", i)
		if !leader.Is(yamltext.Map) {
			m.fault(leader.Place(), "name and component", "controllerLeaders[%d] has no fields", i)
			continue
		}
		m.only(leader, []string{"name", "component"}, at)
		m.required(leader, "name", "the name of a controller", at)
		m.required(leader, "component", `kube-controller-manager, cloud-controller-manager or "*"`, at)
	}
}

// at is a node's place; that of nothing is none.
func (m *migration) at(n *yamltext.Node) finding.Pos {
	if n == nil {
		return finding.Pos{}
	}
	return m.file.at(n.Place())
}

// only reports fields that the strict decoder refuses.
func (m *migration) only(n *yamltext.Node, fields []string, prefix string) {
	for key := range n.Each() {
		if !slices.Contains(fields, key.String()) {
			m.fault(key.At(0), strings.Join(fields, ", "), "there is no field %s%.60s", prefix, key.String())
		}
	}
}

// required reports a field that isn't a text, or is empty.
func (m *migration) required(n *yamltext.Node, field, expected string, prefix ...string) {
	value := n.Get(field)
	name := strings.Join(append(prefix, field), "")
	switch {
	case value.Str() == "":
		m.fault(orElse(value, n), expected, "%s is missing or empty", name)
	case value.Tag != "str":
		m.fault(value.Place(), expected, "%s is no text: write it in quotes", name)
	}
}

func orElse(n, other *yamltext.Node) text.At {
	if n == nil {
		return other.Place()
	}
	return n.Place()
}
