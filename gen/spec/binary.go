package spec

import (
	"maps"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// ProgramName is the file name of kube-controller-manager where kcmgen names it.
const ProgramName = "kube-controller-manager"

// Archs are the architectures that a node can have, as Kubernetes and OCI name
// them.
var Archs = []string{"386", "amd64", "arm", "arm64", "ppc64le", "riscv64", "s390x"}

// Binary says where the program is had.
type Binary struct {
	Source  map[string]Download // by architecture
	Install bool                // on every host, below Paths.Programs
}

// Download is a file and its SHA-256 in hex, which may be missing. It has a URL
// or a File.
type Download struct {
	URL    string
	File   string // on the machine that runs kcmgen
	SHA256 string
}

// Origin is where the file comes from, for people: without a password, and
// without the values of a query, which may be as good as one.
func (d Download) Origin() string {
	if d.File != "" {
		return d.File
	}
	u, err := url.Parse(d.URL)
	if err != nil {
		return "its URL"
	}
	if u.RawQuery != "" {
		u.RawQuery = "…"
	}
	if _, named := u.User.Password(); u.User != nil && !named {
		u.User = url.User("xxxxx") // a token may stand in the place of a name
	}
	return u.Redacted()
}

// signatures are the parameters by which servers let in whoever has the URL.
var signatures = []string{"access_token", "private_token", "sig", "signature", "token", "x-amz-signature", "x-goog-signature", "x-oss-signature"}

// Credentials are what the URL lets others in by, in words, or nothing. It looks
// at URLs that can't be parsed too: a password may be why.
func (d Download) Credentials() string {
	_, rest, _ := strings.Cut(d.URL, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if i := strings.LastIndex(rest[:end], "@"); i >= 0 {
		if strings.Contains(rest[:i], ":") {
			return "a password"
		}
		return "a user name, which may be a token"
	}
	_, query, _ := strings.Cut(rest, "?")
	query, _, _ = strings.Cut(query, "#")
	for part := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if value != "" && slices.Contains(signatures, strings.ToLower(name)) {
			return "a signature or token (" + name + ")"
		}
	}
	return ""
}

// Installs reports whether the program is put on the hosts.
func (c *Cluster) Installs() bool { return c.Binary != nil && c.Binary.Install }

// Download is where the program of an architecture is had.
func (c *Cluster) Download(arch string) (Download, bool) {
	if c.Binary == nil {
		return Download{}, false
	}
	d, ok := c.Binary.Source[arch]
	return d, ok
}

// Carries reports whether the cluster's tree holds the program of an
// architecture: for hosts, or as a file that an image is built from.
func (c *Cluster) Carries(arch string) bool {
	d, ok := c.Download(arch)
	return ok && (c.Installs() || c.Image != nil && d.File != "")
}

// Program is the path of the program that a node starts: the one put there,
// below a directory named by its checksum, or the one that is there already.
func (c *Cluster) Program(n *Node) string {
	if d, ok := c.Download(n.Arch); ok && c.Installs() {
		return path.Join(c.Paths.Programs, d.SHA256[:min(16, len(d.SHA256))], ProgramName)
	}
	return c.Paths.Binary
}

// NodeArchs are the architectures among the nodes, sorted.
func (c *Cluster) NodeArchs() []string {
	archs := map[string]bool{}
	for _, n := range c.Nodes {
		archs[n.Arch] = true
	}
	return slices.Sorted(maps.Keys(archs))
}

// Local is a file that the cluster names, as this machine finds it: a relative
// one starts at the directory of the cluster's package.
func (c *Cluster) Local(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(c.Dir, filepath.FromSlash(file))
}
