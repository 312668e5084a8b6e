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

// Archs are the architectures that a node can have, by their names in Kubernetes and
// OCI.
var Archs = []string{"386", "amd64", "arm", "arm64", "ppc64le", "riscv64", "s390x"}

// Binary says where the program comes from.
type Binary struct {
	Source  map[string]Download // by architecture
	Install bool                // on every host, below Paths.Programs
}

// Download is a source of the program: a URL or a File.
type Download struct {
	URL    string
	File   string // on the machine that runs kcmgen
	SHA256 string // in hex; may be ""
}

// Origin is the file or the URL to show to users, without a password and without the
// query, which may hold a secret.
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

// signatures are the query parameters that give access to the holder of a URL.
var signatures = []string{"access_token", "private_token", "sig", "signature", "token", "x-amz-signature", "x-goog-signature", "x-oss-signature"}

// Credentials describes the secret in the URL; "" if there is none. It also looks at
// URLs that can't be parsed, since a password may be the reason.
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

// InstallsOn reports whether the program is put on a node: only systemd starts it from there.
func (c *Cluster) InstallsOn(n *Node) bool { return c.Installs() && c.LayoutOf(n) == Systemd }

// Download returns the source of the program for an architecture.
func (c *Cluster) Download(arch string) (Download, bool) {
	if c.Binary == nil {
		return Download{}, false
	}
	d, ok := c.Binary.Source[arch]
	return d, ok
}

// Carries reports whether the cluster's tree holds the program for an architecture: to
// install it on hosts, or to build an image from a local file.
func (c *Cluster) Carries(arch string) bool {
	d, ok := c.Download(arch)
	return ok && (c.Installs() || c.Image != nil && d.File != "")
}

// Program is the path of the program that a node starts: the installed one, in a
// directory named by its checksum, or an existing one.
func (c *Cluster) Program(n *Node) string {
	if d, ok := c.Download(n.Arch); ok && c.InstallsOn(n) {
		return path.Join(c.Paths.Programs, d.SHA256[:min(16, len(d.SHA256))], ProgramName)
	}
	return c.Paths.Binary
}

// NodeArchs returns the architectures of the nodes, sorted.
func (c *Cluster) NodeArchs() []string {
	archs := map[string]bool{}
	for _, n := range c.Nodes {
		archs[n.Arch] = true
	}
	return slices.Sorted(maps.Keys(archs))
}

// Local resolves a file that the cluster names: a relative one is relative to the
// directory of the cluster's package.
func (c *Cluster) Local(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(c.Dir, filepath.FromSlash(file))
}
