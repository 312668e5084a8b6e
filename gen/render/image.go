package render

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// imageEntries are the build contexts, one for every architecture among the
// nodes: a Containerfile and the files it copies.
func imageEntries(p *plan.Plan, b keys.Bundle) ([]tree.Entry, error) {
	img := p.Cluster.Image
	if img == nil {
		return nil, nil
	}
	var es []tree.Entry
	var done []string
	for _, h := range p.Hosts {
		arch := h.Node.Arch
		if slices.Contains(done, arch) {
			continue
		}
		done = append(done, arch)
		dir := "image/" + arch
		files, err := hostFiles(p, h, b)
		if err != nil {
			return nil, err
		}
		es = append(es, tree.Entry{Path: dir, Dir: true, Mode: privateDir})
		held := once(p.Cluster, h.InImage, files)
		es = append(es, tree.Entry{Path: dir + "/Containerfile", Mode: publicMode, Data: containerfile(p.Cluster, arch, held)})
		for _, f := range held {
			e := f.entry(path.Join(dir, path.Base(p.Cluster.Paths.Of(f.role))))
			e.Owner = ""
			es = append(es, e)
		}
	}
	return es, nil
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
	for _, f := range files {
		at := c.Paths.Of(f.role)
		fmt.Fprintf(&b, "COPY %s %s\n", path.Base(at), at)
	}
	fmt.Fprintf(&b, "ENTRYPOINT [\"%s\"]\n", c.Paths.Binary)
	return b.Bytes()
}
