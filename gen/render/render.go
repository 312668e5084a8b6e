// Package render turns a plan and its keys into the tree of one cluster. It does no I/O.
package render

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// generationWord is the placeholder for a generation's name in the bytes that the name
// hashes.
const generationWord = "@generation@"

const (
	publicMode  fs.FileMode = 0o644
	privateMode fs.FileMode = 0o600
	programMode fs.FileMode = 0o755
	privateDir  fs.FileMode = 0o700
	rootOwner               = "root:root"
)

// Output is a cluster's tree and the generation of each node.
type Output struct {
	Tree        tree.Tree
	Generations map[string]string // by node; "" if generations are off
}

// Tree renders a cluster: pki/, nodes/<node>/ and image/<arch>/. programs must have the
// programs that the tree holds.
func Tree(p *plan.Plan, b keys.Bundle, programs Programs) (*Output, error) {
	entries, err := pkiEntries(p, b)
	if err != nil {
		return nil, err
	}
	return whole(p, newMaterials(p, b, programs), entries)
}

// whole renders hosts and images, and adds them to the entries below pki/.
func whole(p *plan.Plan, from source, entries []tree.Entry) (*Output, error) {
	out := &Output{Generations: map[string]string{}}
	hosts := make([]hostOutput, len(p.Hosts))
	r := &hostRenderer{p, from}
	err := each(len(hosts), func(i int) (err error) {
		if hosts[i], err = r.host(p.Hosts[i]); err != nil {
			err = fmt.Errorf("node %s: %w", p.Hosts[i].Node.Name, err)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, h := range p.Hosts {
		entries = append(entries, hosts[i].entries...)
		out.Generations[h.Node.Name] = hosts[i].generation
	}
	images, err := imageEntries(p, from)
	if err != nil {
		return nil, err
	}
	out.Tree, err = tree.New(append(entries, images...))
	return out, err
}

// file is a file that a flag names.
type file struct {
	role     spec.Role
	data     []byte
	secret   keys.Secret
	identity []byte // stands for the contents in the generation's name
	outline  []byte // describes contents that aren't at hand
}

func (f file) entry(at, owner string) tree.Entry {
	if f.outline != nil {
		return described(file{role: f.role}.entry(at, owner), f.outline)
	}
	if f.role.Secret() {
		return tree.Entry{Path: at, Mode: privateMode, Owner: owner, Secret: f.secret}
	}
	return tree.Entry{Path: at, Mode: publicMode, Owner: owner, Data: f.data}
}

func roleFile(p *plan.Plan, h plan.Host, b keys.Bundle, r spec.Role) (file, error) {
	switch r {
	case spec.CA:
		return public(r, b[keys.CA].Cert)
	case spec.FrontProxyCA:
		return public(r, b[keys.FrontProxyCA].Cert)
	case spec.TLSCert:
		return public(r, b[h.Serving].Cert)
	case spec.CAKey:
		return private(r, b[keys.CA])
	case spec.TLSKey:
		return private(r, b[h.Serving])
	case spec.ServiceAccountKey:
		if p.Cluster.PKI.ServiceAccount.UseCA {
			return private(r, b[keys.CA])
		}
		return private(r, b[keys.ServiceAccount])
	}
	f, err := newKubeconfigs(p.Cluster, b[keys.CA].Cert)
	if err != nil {
		return file{}, err
	}
	return f.file(p.Cluster.Endpoint(h.Node), h.Client, b[h.Client])
}

func public(r spec.Role, data []byte) (file, error) {
	if len(data) == 0 {
		return file{}, fmt.Errorf("%s is not at hand", r)
	}
	return file{role: r, data: data, identity: data}, nil
}

func private(r spec.Role, p keys.Pair) (file, error) {
	if p.Key.Empty() {
		return file{}, fmt.Errorf("%s is not at hand", r)
	}
	id, err := p.Identity()
	if err != nil {
		return file{}, fmt.Errorf("%s: %w", r, err)
	}
	return file{role: r, secret: p.Key, identity: id}, nil
}

// hostOutput is everything below nodes/<node>/.
type hostOutput struct {
	entries    []tree.Entry
	generation string
}

func (r *hostRenderer) host(h plan.Host) (hostOutput, error) {
	files, err := r.files(h)
	if err != nil {
		return hostOutput{}, err
	}
	c := r.plan.Cluster.For(h.Node)
	root := layout.Node(h.Node.Name)
	at := func(hostPath string) string { return root + hostPath }
	es, err := installed(c, h.Node, root, r.from)
	if err != nil {
		return hostOutput{}, err
	}
	owner := policy.Owner(c, h.Flags)
	generation := ""
	if c.Generations {
		text, err := start(c, h, generationWord)
		if err != nil {
			return hostOutput{}, err
		}
		generation = r.from.generation(c, h, files, owner, text)
	}
	text, err := start(c, h, generation)
	if err != nil {
		return hostOutput{}, err
	}
	if c.Generations {
		dir := path.Join(c.Paths.Generations, generation)
		es = append(es, tree.Entry{Path: at(dir), Dir: true, Mode: privateDir, Owner: owner})
		for _, f := range uniquePaths(c, h.Placed, files) {
			es = append(es, f.entry(at(path.Join(dir, f.role.FileName())), owner))
		}
		es = append(es, startEntry(c, at(path.Join(dir, path.Base(c.StartFile()))), text))
	} else {
		for _, f := range uniquePaths(c, h.Placed, files) {
			es = append(es, f.entry(at(c.Paths.Of(f.role)), owner))
		}
	}
	es = append(es, startEntry(c, at(c.StartFile()), text))
	dirs := workingDirectories(c)
	if dir, ok := policy.CertDir(c, h.Flags); ok && c.Layout == spec.Systemd {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		es = append(es, tree.Entry{Path: at(dir), Dir: true, Mode: 0o755, Owner: rootOwner})
	}
	return hostOutput{es, generation}, nil
}

// uniquePaths returns the files of roles, each path once: the service-account key may
// be the CA's.
func uniquePaths(c *spec.Cluster, roles []spec.Role, files map[spec.Role]file) []file {
	var out []file
	seen := map[string]bool{}
	for _, r := range roles {
		if p := c.Paths.Of(r); !seen[p] {
			seen[p] = true
			out = append(out, files[r])
		}
	}
	return out
}

// start renders the unit or the pod.
func start(c *spec.Cluster, h plan.Host, generation string) ([]byte, error) {
	if c.Layout == spec.StaticPod {
		return pod(c, h, generation)
	}
	return unit(c, h, generation)
}

// startEntry returns the entry of the unit, or of the manifest, which only root can
// read.
func startEntry(c *spec.Cluster, at string, text []byte) tree.Entry {
	mode := publicMode
	if c.Layout == spec.StaticPod {
		mode = privateMode
	}
	return tree.Entry{Path: at, Mode: mode, Owner: rootOwner, Data: text}
}

// workingDirectories returns directories that a unit needs: WorkingDirectory, unless it
// has "-" before it or a specifier in it.
func workingDirectories(c *spec.Cluster) []string {
	if c.Layout != spec.Systemd {
		return nil
	}
	var out []string
	for _, d := range c.Unit.Service {
		if d.Name == "WorkingDirectory" && strings.HasPrefix(d.Value, "/") && d.Value != "/" && !strings.Contains(d.Value, "%") {
			out = append(out, path.Clean(d.Value))
		}
	}
	return out
}
