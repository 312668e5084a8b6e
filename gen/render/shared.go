package render

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// hostRenderer renders hosts. It makes what is the same for all of them once. It is safe
// for concurrent use.
type hostRenderer struct {
	plan     *plan.Plan
	bundle   keys.Bundle
	programs Programs
	same     map[spec.Role]func() (file, error)
	template func() (*kubeconfigs, error)
}

func newHostRenderer(p *plan.Plan, b keys.Bundle, programs Programs) *hostRenderer {
	r := &hostRenderer{plan: p, bundle: b, programs: programs, same: map[spec.Role]func() (file, error){}}
	r.template = sync.OnceValues(func() (*kubeconfigs, error) { return newKubeconfigs(p.Cluster, b[keys.CA].Cert) })
	roles := []spec.Role{spec.CA, spec.CAKey, spec.FrontProxyCA, spec.ServiceAccountKey}
	if p.Cluster.PKI.Shared {
		roles = append(roles, spec.TLSCert, spec.TLSKey)
	}
	for _, role := range roles {
		r.same[role] = sync.OnceValues(func() (file, error) { return roleFile(p, p.Hosts[0], b, role) })
	}
	return r
}

// files returns the files of a host and of its image, with their contents.
func (r *hostRenderer) files(h plan.Host) (map[spec.Role]file, error) {
	out := map[spec.Role]file{}
	for _, role := range append(append([]spec.Role{}, h.Placed...), h.InImage...) {
		f, err := r.file(h, role)
		if err != nil {
			return nil, err
		}
		out[role] = f
	}
	return out, nil
}

func (r *hostRenderer) file(h plan.Host, role spec.Role) (file, error) {
	if same, ok := r.same[role]; ok {
		return same()
	}
	if role != spec.KubeconfigFile {
		return roleFile(r.plan, h, r.bundle, role)
	}
	template, err := r.template()
	if err != nil {
		return file{}, err
	}
	return template.file(r.plan.Cluster.Endpoint(h.Node), h.Client, r.bundle[h.Client])
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
