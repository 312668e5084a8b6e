package hostfile

import (
	"path"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/keys"
)

// kubeconfig takes which apiserver a kubeconfig names and its client's certificate. It notes
// what an export writes otherwise.
func (p *reader) kubeconfig(at, on string, first bool) {
	if p.out.Servers[p.node.Name] != "" || p.said["kubeconfig "+p.node.Name+" "+on] {
		return
	}
	p.said["kubeconfig "+p.node.Name+" "+on] = true
	data, _ := p.read(at, on)
	if len(data) == 0 {
		return
	}
	k, err := artefact.ParseKubeconfig(data)
	if err != nil || k.Server == "" {
		p.note("%s isn't taken: it is no kubeconfig whose current context names an apiserver", p.name(at))
		return
	}
	p.out.Servers[p.node.Name] = k.Server
	if !first {
		return
	}
	other := artefact.OtherOfKubeconfig(data)
	for _, what := range other.Ways {
		p.out.Kubeconfig = append(p.out.Kubeconfig, at+": "+what)
	}
	cert := k.Client
	if len(cert) == 0 && other.ClientFile != "" && p.root != nil {
		if file := other.ClientFile; path.IsAbs(file) {
			cert, _ = p.read(file, hostPath(p.node.Read, file))
		} else {
			cert, _ = p.read(path.Join(path.Dir(at), file), path.Join(path.Dir(on), file))
		}
	}
	if len(cert) == 0 {
		return
	}
	c, err := keys.ParseCertificate(cert)
	if err != nil {
		p.note("the client's certificate in %s isn't taken as one certificate: %v", p.name(at), err)
		return
	}
	p.out.Client = c
}
