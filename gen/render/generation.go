package render

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"

	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// generationName returns a hash of a host's configuration: path, mode, owner and contents
// of its files, and the unit or pod with a placeholder for the name itself. It hashes the
// public half of a private key, so that the name reveals nothing and needs no key.
func generationName(c *spec.Cluster, h plan.Host, files map[spec.Role]file, owner string, text []byte) string {
	sum := sha256.New()
	part := func(name, mode, owner string, data []byte) {
		fmt.Fprintf(sum, "%s\x00%s\x00%s\x00%d\x00", name, mode, owner, len(data))
		sum.Write(data)
	}
	for _, r := range append(append([]spec.Role{}, h.Placed...), h.InImage...) {
		e := files[r].entry(r.FileName(), owner)
		part(e.Path, e.Mode.String(), e.Owner, files[r].identity)
	}
	// The name of the image stays when another program is put into it.
	if d, ok := c.Download(h.Node.Arch); ok && d.SHA256 != "" && c.Layout == spec.StaticPod {
		part("program", "", rootOwner, []byte(d.SHA256))
	}
	e := startEntry(c, path.Base(c.StartFile()), text)
	part(c.StartFile(), e.Mode.String(), e.Owner, text)
	return hex.EncodeToString(sum.Sum(nil))[:16]
}
