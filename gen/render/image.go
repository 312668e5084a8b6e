package render

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// Programs are the verified programs of a cluster's tree, by architecture.
type Programs map[string]tree.Blob

// Copied is a file of an image, with its paths in the tree and in the image.
type Copied struct {
	tree.Entry
	To string
}

// ImageFiles returns the files of an architecture's image without the program. They are
// in the tree too, to build the image from.
func ImageFiles(p *plan.Plan, b keys.Bundle, arch string) ([]Copied, error) {
	return imageFiles(p, newMaterials(p, b, nil), arch)
}

func imageFiles(p *plan.Plan, from source, arch string) ([]Copied, error) {
	held := map[spec.Role]file{}
	for _, h := range p.Hosts {
		if h.Node.Arch != arch {
			continue
		}
		for _, r := range h.InImage {
			f, err := from.file(h, r)
			if err != nil {
				return nil, err
			}
			held[r] = f
		}
	}
	var roles []spec.Role
	for _, r := range spec.Roles {
		if _, ok := held[r]; ok {
			roles = append(roles, r)
		}
	}
	var out []Copied
	for _, f := range uniquePaths(p.Cluster, roles, held) {
		e := f.entry(path.Join(layout.ImageContext(arch), contextName(p.Cluster, f.role, roles)), "")
		out = append(out, Copied{e, p.Cluster.Paths.Of(f.role)})
	}
	return out, nil
}

const containerfileName = "Containerfile"

// imageEntries returns the build contexts, one for each architecture of the nodes: a
// Containerfile and the files that it copies.
func imageEntries(p *plan.Plan, from source) ([]tree.Entry, error) {
	c := p.Cluster
	if c.Image == nil {
		return nil, nil
	}
	var es []tree.Entry
	for _, arch := range c.NodeArchs() {
		files, err := imageFiles(p, from, arch)
		if err != nil {
			return nil, err
		}
		dir := layout.ImageContext(arch)
		es = append(es, tree.Entry{Path: dir, Dir: true, Mode: privateDir},
			tree.Entry{Path: dir + "/" + containerfileName, Mode: publicMode, Data: containerfile(c, arch, files)})
		for _, f := range files {
			es = append(es, f.Entry)
		}
		if d, _ := c.Download(arch); d.File != "" {
			e, err := from.program(dir+"/"+spec.ProgramName, arch)
			if err != nil {
				return nil, err
			}
			es = append(es, e)
		}
	}
	return es, nil
}

// contextName returns a file's name in the build context: its own, or its role's if
// another file has that name.
func contextName(c *spec.Cluster, r spec.Role, all []spec.Role) string {
	own := path.Base(c.Paths.Of(r))
	if own == containerfileName || own == spec.ProgramName {
		return r.FileName()
	}
	for _, o := range all {
		if o != r && c.Paths.Of(o) != c.Paths.Of(r) && path.Base(c.Paths.Of(o)) == own {
			return r.FileName()
		}
	}
	return own
}

// containerfile returns a Containerfile that needs no package manager: the builder
// fetches the program, or the context has it, already verified. From scratch there is no
// shell, so the builder verifies the checksum, and WORKDIR makes the directories.
func containerfile(c *spec.Cluster, arch string, files []Copied) []byte {
	img := c.Image
	bin, _ := c.Download(arch)
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Written by kcmgen. Build it with:\n#   buildah bud --arch %s -t %s .\n", arch, c.Pod.Image)
	if img.Base == "scratch" {
		if bin.URL != "" && bin.SHA256 != "" {
			b.WriteString("# ADD --checksum takes buildah 1.34 or newer, or BuildKit; kcmgen image takes neither.\n")
		}
		b.WriteString("FROM scratch\n")
		addProgram(&b, c, bin, bin.SHA256 != "")
		for _, d := range img.Directories {
			fmt.Fprintf(&b, "WORKDIR %s\n", d)
		}
		if len(img.Directories) > 0 {
			b.WriteString("WORKDIR /\n")
		}
	} else {
		fmt.Fprintf(&b, "FROM --platform=linux/%s %s\n", arch, img.Base)
		addProgram(&b, c, bin, false)
		runInBase(&b, c, bin)
	}
	for _, f := range files {
		fmt.Fprintf(&b, "COPY %s %s\n", path.Base(f.Path), f.To)
	}
	fmt.Fprintf(&b, "ENTRYPOINT [\"%s\"]\n", c.Paths.Binary)
	return b.Bytes()
}

func addProgram(b *bytes.Buffer, c *spec.Cluster, bin spec.Download, check bool) {
	scratch := c.Image.Base == "scratch"
	switch {
	case bin.File != "":
		fmt.Fprintf(b, "COPY %s %s\n", spec.ProgramName, c.Paths.Binary) // keeps the mode
	case check:
		fmt.Fprintf(b, "ADD --checksum=sha256:%s --chmod=0755 %s %s\n", bin.SHA256, bin.URL, c.Paths.Binary)
	case scratch:
		fmt.Fprintf(b, "ADD --chmod=0755 %s %s\n", bin.URL, c.Paths.Binary)
	default:
		fmt.Fprintf(b, "ADD %s %s\n", bin.URL, c.Paths.Binary)
	}
}

// runInBase verifies the fetched program and makes directories, with tools of the base.
func runInBase(b *bytes.Buffer, c *spec.Cluster, bin spec.Download) {
	run := []string{"set -e"}
	if bin.URL != "" {
		if bin.SHA256 != "" {
			run = append(run, fmt.Sprintf("echo '%s  %s' | sha256sum -c -", bin.SHA256, c.Paths.Binary))
		}
		run = append(run, "chmod 0755 "+c.Paths.Binary)
	}
	for _, d := range c.Image.Directories {
		run = append(run, "install -o root -g root -m 0755 -d "+d)
	}
	if len(run) > 1 {
		fmt.Fprintf(b, "RUN %s\n", strings.Join(run, " \\\n && "))
	}
}

// installed returns the entry of a host's program, if the cluster installs it.
func installed(c *spec.Cluster, n *spec.Node, root string, from source) ([]tree.Entry, error) {
	if !c.InstallsOn(n) {
		return nil, nil
	}
	e, err := from.program(root+c.Program(n), n.Arch)
	if err != nil {
		return nil, err
	}
	e.Owner = rootOwner
	return []tree.Entry{e}, nil
}
