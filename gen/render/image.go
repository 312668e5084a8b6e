package render

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// imageEntries are the build contexts, one for every architecture among the
// nodes: a Containerfile and the files it copies, those of all its nodes.
func imageEntries(p *plan.Plan, b keys.Bundle) ([]tree.Entry, error) {
	if p.Cluster.Image == nil {
		return nil, nil
	}
	var es []tree.Entry
	archs := map[string]map[spec.Role]file{}
	for _, h := range p.Hosts {
		arch := h.Node.Arch
		if archs[arch] == nil {
			archs[arch] = map[spec.Role]file{}
		}
		for _, r := range h.InImage {
			f, err := roleFile(p, h, b, r)
			if err != nil {
				return nil, err
			}
			archs[arch][r] = f
		}
	}
	for _, arch := range slices.Sorted(maps.Keys(archs)) {
		dir := "image/" + arch
		var roles []spec.Role
		for _, r := range spec.Roles {
			if _, ok := archs[arch][r]; ok {
				roles = append(roles, r)
			}
		}
		held := once(p.Cluster, roles, archs[arch])
		es = append(es, tree.Entry{Path: dir, Dir: true, Mode: privateDir},
			tree.Entry{Path: dir + "/Containerfile", Mode: publicMode, Data: containerfile(p.Cluster, arch, held)})
		for _, f := range held {
			e := f.entry(path.Join(dir, contextName(p.Cluster, f.role, roles)))
			e.Owner = ""
			es = append(es, e)
		}
	}
	return es, nil
}

// contextName is a file's name in the build context: its own, or its role's
// where two files have one name.
func contextName(c *spec.Cluster, r spec.Role, all []spec.Role) string {
	own := path.Base(c.Paths.Of(r))
	for _, o := range all {
		if o != r && c.Paths.Of(o) != c.Paths.Of(r) && path.Base(c.Paths.Of(o)) == own {
			return r.FileName()
		}
	}
	return own
}

// containerfile needs no package manager: the binary is fetched by the builder.
// Its checksum is held by the builder too where the base has no shell.
func containerfile(c *spec.Cluster, arch string, files []file) []byte {
	img := c.Image
	bin := img.Binary[arch]
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Written by kcmgen. Build it with:\n#   buildah bud --arch %s -t %s .\n", arch, c.Pod.Image)
	if img.Base == "scratch" {
		b.WriteString("FROM scratch\n")
		check := ""
		if bin.SHA256 != "" {
			check = "--checksum=sha256:" + bin.SHA256 + " "
		}
		fmt.Fprintf(&b, "ADD %s--chmod=0755 %s %s\n", check, bin.URL, c.Paths.Binary)
	} else {
		fmt.Fprintf(&b, "FROM --platform=linux/%s %s\n", arch, img.Base)
		fmt.Fprintf(&b, "ADD %s %s\n", bin.URL, c.Paths.Binary)
		run := []string{"set -e"}
		if bin.SHA256 != "" {
			run = append(run, fmt.Sprintf("echo '%s  %s' | sha256sum -c -", bin.SHA256, c.Paths.Binary))
		}
		run = append(run, "chmod 0755 "+c.Paths.Binary)
		for _, d := range img.Directories {
			run = append(run, "install -o root -g root -m 0755 -d "+d)
		}
		fmt.Fprintf(&b, "RUN %s\n", strings.Join(run, " \\\n && "))
	}
	var roles []spec.Role
	for _, f := range files {
		roles = append(roles, f.role)
	}
	for _, r := range roles {
		fmt.Fprintf(&b, "COPY %s %s\n", contextName(c, r, roles), c.Paths.Of(r))
	}
	fmt.Fprintf(&b, "ENTRYPOINT [\"%s\"]\n", c.Paths.Binary)
	return b.Bytes()
}
