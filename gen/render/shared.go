package render

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// source gives what a tree holds besides text that the cluster alone decides.
type source interface {
	// file returns a file that a flag of a host names.
	file(h plan.Host, r spec.Role) (file, error)
	// program returns the entry of the program for an architecture.
	program(at, arch string) (tree.Entry, error)
	// generation returns the name of a host's generation.
	generation(c *spec.Cluster, h plan.Host, files map[spec.Role]file, owner string, text []byte) string
}

// hostRenderer renders hosts. It is safe for concurrent use.
type hostRenderer struct {
	plan *plan.Plan
	from source
}

// files returns the files of a host and of its image, with their contents.
func (r *hostRenderer) files(h plan.Host) (map[spec.Role]file, error) {
	out := map[spec.Role]file{}
	for _, role := range append(append([]spec.Role{}, h.Placed...), h.InImage...) {
		f, err := r.from.file(h, role)
		if err != nil {
			return nil, err
		}
		out[role] = f
	}
	return out, nil
}

// materials is the source of real trees: keys and programs. It makes what is the same for
// all hosts once. It is safe for concurrent use.
type materials struct {
	plan     *plan.Plan
	bundle   keys.Bundle
	programs Programs
	same     map[spec.Role]func() (file, error)
	template func() (*kubeconfigs, error)
}

func newMaterials(p *plan.Plan, b keys.Bundle, programs Programs) *materials {
	m := &materials{plan: p, bundle: b, programs: programs, same: map[spec.Role]func() (file, error){}}
	m.template = sync.OnceValues(func() (*kubeconfigs, error) { return newKubeconfigs(p.Cluster, b[keys.CA].Cert) })
	roles := []spec.Role{spec.CA, spec.CAKey, spec.FrontProxyCA, spec.ServiceAccountKey}
	if p.Cluster.PKI.Shared {
		roles = append(roles, spec.TLSCert, spec.TLSKey)
	}
	for _, role := range roles {
		m.same[role] = sync.OnceValues(func() (file, error) { return roleFile(p, p.Hosts[0], b, role) })
	}
	return m
}

func (m *materials) file(h plan.Host, role spec.Role) (file, error) {
	if same, ok := m.same[role]; ok {
		return same()
	}
	if role != spec.KubeconfigFile {
		return roleFile(m.plan, h, m.bundle, role)
	}
	template, err := m.template()
	if err != nil {
		return file{}, err
	}
	return template.file(m.plan.Cluster.Endpoint(h.Node), h.Client, m.bundle[h.Client])
}

func (m *materials) program(at, arch string) (tree.Entry, error) {
	blob, ok := m.programs[arch]
	if !ok {
		return tree.Entry{}, fmt.Errorf("the program for %s is not at hand", arch)
	}
	return tree.Entry{Path: at, Mode: programMode, Blob: blob}, nil
}

func (m *materials) generation(c *spec.Cluster, h plan.Host, files map[spec.Role]file, owner string, text []byte) string {
	return generationName(c, h, files, owner, text)
}

// each calls f for 0 to n-1 in parallel, and returns the error of the lowest index.
func each(n int, f func(i int) error) error {
	errs := make([]error, n)
	var last atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(last.Add(1)) - 1; i < n; i = int(last.Add(1)) - 1 {
				errs[i] = f(i)
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
