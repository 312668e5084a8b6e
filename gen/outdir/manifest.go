package outdir

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// ManifestSchema is the version of the manifest's format that this kcmgen writes.
const ManifestSchema = 1

// Manifest lists what an export wrote.
type Manifest struct {
	Schema     int    `json:"schema"`
	Kcmgen     string `json:"kcmgen"`
	Cluster    string `json:"cluster"`
	Kubernetes string `json:"kubernetes"`
	// Defaults is the generation of kcmgen's defaults; "" is the first one.
	Defaults string            `json:"defaults,omitempty"`
	Nodes    map[string]string `json:"nodes"` // generation by node
	Files    []ManifestFile    `json:"files"`
}

// ManifestFile is one entry. Private key material has no hash.
type ManifestFile struct {
	Path   string `json:"path"`
	Mode   string `json:"mode"`
	Owner  string `json:"owner,omitempty"`
	Dir    bool   `json:"dir,omitempty"`
	Secret bool   `json:"secret,omitempty"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
}

// DefaultsOf returns the generation of kcmgen's defaults that the tree was made with.
func (m *Manifest) DefaultsOf() string { return cmp.Or(m.Defaults, firstDefaults) }

// firstDefaults is the generation of defaults that manifests leave out: those of versions
// that knew no other have none.
const firstDefaults = string(spec.Defaults2026x1)

// WithDefaults returns a manifest of a tree with a generation of defaults.
func (m Manifest) WithDefaults(d spec.Defaults) Manifest {
	if m.Defaults = string(d); m.Defaults == firstDefaults {
		m.Defaults = ""
	}
	return m
}

// NewerSchemaError is a manifest that a newer kcmgen wrote.
type NewerSchemaError struct{ Schema int }

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("the manifest has schema %d, written by a newer kcmgen; this one knows %d", e.Schema, ManifestSchema)
}

// ParseManifest parses a manifest. It returns a NewerSchemaError for a newer format.
func ParseManifest(data []byte) (*Manifest, error) {
	var head struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("not a manifest of kcmgen: %w", err)
	}
	if head.Schema > ManifestSchema {
		return nil, &NewerSchemaError{head.Schema}
	}
	if head.Schema < 1 {
		return nil, fmt.Errorf("not a manifest of kcmgen: schema is %d", head.Schema)
	}
	m := &Manifest{}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("not a manifest of kcmgen: %w", err)
	}
	for _, f := range m.Files {
		if err := tree.Safe(f.Path); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// listed returns the files of a manifest by path, including the manifest itself. m may
// be nil.
func (m *Manifest) listed() map[string]ManifestFile {
	out := map[string]ManifestFile{}
	if m == nil {
		return out
	}
	for _, f := range m.Files {
		out[f.Path] = f
	}
	out[layout.Manifest] = ManifestFile{Path: layout.Manifest}
	return out
}

// WithManifest returns a tree with a manifest that lists it.
func WithManifest(t tree.Tree, m Manifest) (tree.Tree, error) {
	m.Schema = ManifestSchema
	for _, e := range t.Entries() {
		f := ManifestFile{Path: e.Path, Mode: mode(e.Mode), Owner: e.Owner, Dir: e.Dir, Secret: e.IsSecret(), Size: e.Size()}
		if !e.Dir && !e.IsSecret() {
			f.SHA256 = e.Sum()
		}
		m.Files = append(m.Files, f)
	}
	data, err := m.encode()
	if err != nil {
		return tree.Tree{}, err
	}
	return tree.New(append(slices.Clip(t.Entries()), tree.Entry{Path: layout.Manifest, Mode: 0o644, Data: data}))
}

// encode writes each file on its own line, for readable diffs.
func (m Manifest) encode() ([]byte, error) {
	files := m.Files
	m.Files = nil
	head, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Write(bytes.TrimSuffix(head, []byte("null\n}")))
	b.WriteString("[")
	for i, f := range files {
		line, err := json.Marshal(f)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    ")
		b.Write(line)
	}
	b.WriteString("\n  ]\n}\n")
	return b.Bytes(), nil
}

func mode(m fs.FileMode) string { return "0" + strconv.FormatUint(uint64(m.Perm()), 8) }
