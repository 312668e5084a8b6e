package gen

import (
	"context"
	"os"
	"path/filepath"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/facts"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/review"
	"github.com/kcmgen/kcmgen/gen/review/trees"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// ReviewOptions are the options of Review. Out is the directory of the review trees; "" is
// the default, review in the CUE module.
type ReviewOptions struct {
	Request
	Check   bool // nothing is written
	OnEvent func(Event)
}

// Reviewed is the outcome of Review.
type Reviewed struct {
	Dir     string // of the review trees
	Changes []tree.Change
	checked bool // nothing was written
}

// Review describes clusters from their CUE alone, without keys and programs, and writes that
// as review trees. If a cluster has an error, it returns ErrFindings and writes nothing.
func Review(ctx context.Context, o ReviewOptions) (*Reviewed, error) {
	dir, err := homeOf(o.Out, o.Args, "review", "name a directory for their review trees with --out")
	if err != nil {
		return nil, err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	index := &facts.Index{}
	l, err := o.load(ctx, cwd, anything, func(c *spec.Cluster) (*Vetted, error) {
		return VetIn(c, "", index, nil, o.Now), nil
	})
	if err != nil {
		return nil, err
	}
	o.OnEvent(Vetting{l})
	if finding.Failed(l.Findings) {
		o.OnEvent(NothingWritten{})
		return nil, ErrFindings
	}
	some := make([]trees.Tree, len(l.Clusters))
	errs := newWork(len(some), o.OnEvent, o.step("described")).run(ctx, func(error) bool { return true }, func(i int, _ func(Event)) error {
		c := l.Clusters[i].Cluster
		d, err := describe(c, cwd)
		if err != nil {
			return err
		}
		some[i] = trees.Tree{Cluster: d.Cluster.Name}
		some[i].Tree, err = trees.Of(d)
		return err
	})
	if err := withoutCanceled(errs); err != nil {
		return nil, err
	}
	r := &Reviewed{Dir: dir, checked: o.Check}
	if r.Changes, err = trees.Changes(dir, some, len(o.Args) == 0); err != nil || o.Check {
		return r, err
	}
	return r, trees.Write(dir, r.Changes)
}

// describe describes a cluster; files are named below its CUE module.
func describe(c *spec.Cluster, cwd string) (*review.Described, error) {
	root, err := config.ModuleRoot(c.Dir)
	if err != nil {
		root = c.Dir
	}
	if abs, err := filepath.Abs(root); err == nil {
		root = abs
	}
	return review.Describe(c, review.Places{Root: root, Cwd: cwd}, knownOf(c, root))
}

// maxCertificate is the maximum size of a certificate's file in bytes.
const maxCertificate = 1 << 20

// knownOf reads the user's own certificates that lie in the module, as the CUE does, so that
// they are the same everywhere.
func knownOf(c *spec.Cluster, root string) review.Known {
	out := review.Known{}
	for id, file := range map[string]string{keys.CA: c.PKI.CA.CertFile, keys.FrontProxyCA: frontProxyCert(c)} {
		if file == "" {
			continue
		}
		name := c.Local(file)
		if rel, err := filepath.Rel(root, name); err != nil || !filepath.IsLocal(rel) {
			continue
		}
		data, err := regular.Read(name, maxCertificate)
		if err != nil {
			continue // vet says so
		}
		if cert, err := keys.ParseCertificate(data); err == nil {
			out[id] = review.KnownOf(plan.Fingerprint(cert.PublicKey), cert.NotAfter)
		}
	}
	return out
}

func frontProxyCert(c *spec.Cluster) string {
	if c.PKI.FrontProxy == nil {
		return ""
	}
	return c.PKI.FrontProxy.CertFile
}

// Lines is the outcome to a person: what was written, or what differs.
func (r *Reviewed) Lines() []string {
	dir := finding.PlainName(r.Dir)
	switch {
	case len(r.Changes) == 0:
		return []string{dir + ": current"}
	case !r.checked:
		return []string{dir + ": wrote " + tree.Counts(r.Changes)}
	}
	how := map[tree.Kind]string{tree.Added: "missing", tree.Changed: "differs", tree.Removed: "no cluster here makes it"}
	var out []string
	for _, c := range r.Changes {
		out = append(out, finding.PlainName(filepath.Join(r.Dir, filepath.FromSlash(c.Path)))+": "+how[c.Kind])
	}
	return out
}

// Mend says that review trees which were checked aren't current, with the command that makes
// them so for the arguments; "" if they are.
func (r *Reviewed) Mend(args []string) string {
	if !r.checked || len(r.Changes) == 0 {
		return ""
	}
	cmd := "kcmgen export --review"
	if home, err := homeOf("", args, "review", ""); err != nil || filepath.Clean(home) != filepath.Clean(r.Dir) {
		cmd += " -o " + spec.ShellWord(r.Dir)
	}
	for _, arg := range args {
		cmd += " " + spec.ShellWord(arg)
	}
	return finding.PlainName(r.Dir) + " isn't current: " + cmd + " mends it"
}

// reviewHint returns advice on an error of review trees; "" if it has none.
func reviewHint(err error) string {
	switch {
	case is[*trees.NotReviewError](err):
		return "name another directory with --out, or remove what is in it"
	case is[*trees.SchemaError](err), is[*trees.BrokenError](err):
		return "make it again with this kcmgen: kcmgen export --review"
	}
	return ""
}
