// Package layout defines the paths in a cluster's directory, relative and with slashes.
// It does no input or output.
//
//	manifest.json       the list of files in the tree
//	pki/                key material, see package keys
//	nodes/<node>/…      mirrors / of that host
//	image/<arch>/       what an image is built from
//	image/<arch>.tar    an image; no manifest lists it
//	deploys/            reports of deployments; no manifest lists them
package layout

import "strings"

// Manifest is the file that lists the tree.
const Manifest = "manifest.json"

// Deploys is the directory of reports of deployments, with a slash at the end.
const Deploys = "deploys/"

const (
	nodes = "nodes/"
	keys  = "pki"
	image = "image/"
)

// Directories are the top directories in a cluster's directory that may hold keys.
var Directories = []string{keys, strings.TrimSuffix(nodes, "/"), strings.TrimSuffix(image, "/")}

// Node returns the directory that mirrors / of a node's host.
func Node(node string) string { return nodes + node }

// NodeFile returns the path of a host's file; file is its absolute path on the host.
func NodeFile(node, file string) string { return nodes + node + file }

// OnHost returns the node that a file is for, and its absolute path on the host. It
// returns false for a file that isn't for a host.
func OnHost(file string) (node, at string, ok bool) {
	rest, ok := strings.CutPrefix(file, nodes)
	if !ok {
		return "", "", false
	}
	node, at, ok = strings.Cut(rest, "/")
	return node, "/" + at, ok && node != ""
}

// ImageContext returns the directory that an architecture's image is built from.
func ImageContext(arch string) string { return image + arch }

// Image returns the path of the archive of an architecture's image.
func Image(arch string) string { return image + arch + ".tar" }
