// Package layout says what lies where in the directory of a cluster: the names alone,
// relative and with slashes. It reads and writes nothing.
//
//	manifest.json       what the tree holds
//	pki/                key material, see package keys
//	nodes/<node>/…      mirrors / of that host
//	image/<arch>/       what an image is built from
//	image/<arch>.tar    an image; no manifest lists it
//	deploys/            reports of deployments; no manifest lists them
package layout

import "strings"

// Manifest is the file that lists a tree, in the tree itself.
const Manifest = "manifest.json"

// Deploys is where reports of deployments lie, with a slash at its end.
const Deploys = "deploys/"

const (
	nodes = "nodes/"
	keys  = "pki"
	image = "image/"
)

// Directories are those at the top of a cluster's directory that may hold keys.
var Directories = []string{keys, strings.TrimSuffix(nodes, "/"), strings.TrimSuffix(image, "/")}

// Node is the directory that mirrors / of a node's host.
func Node(node string) string { return nodes + node }

// NodeFile is where a file of a host lies. Its path on the host is absolute.
func NodeFile(node, file string) string { return nodes + node + file }

// OnHost is the node that a file is for, and its absolute path there. It is false for
// what no host gets.
func OnHost(file string) (node, at string, ok bool) {
	rest, ok := strings.CutPrefix(file, nodes)
	if !ok {
		return "", "", false
	}
	node, at, ok = strings.Cut(rest, "/")
	return node, "/" + at, ok && node != ""
}

// ImageContext is the directory of what an image of an architecture is built from.
func ImageContext(arch string) string { return image + arch }

// Image is the archive of an image.
func Image(arch string) string { return image + arch + ".tar" }
