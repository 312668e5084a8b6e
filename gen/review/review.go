// Package review describes clusters for people who decide about a change: what each host
// gets, from the cluster alone, without a key. Compare says what differs between two
// descriptions, and what that does to a running cluster.
package review

import (
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// Cluster describes a cluster. Its JSON is the file review.json of a review tree: it has no
// secret, no date of the day and nothing of the machine, so the same CUE has the same bytes
// everywhere. Values from embedded files are redacted.
type Cluster struct {
	Name       string `json:"name"`
	Dir        string `json:"directory"`  // of its package, below the root, with slashes
	Kubernetes string `json:"kubernetes"` // version, such as "v1.37.1"
	// Defaults is the generation of the defaults that kcmgen adds; "" if none is known.
	Defaults     string        `json:"defaults,omitempty"`
	Settings     []Setting     `json:"settings"`
	Ranges       []Range       `json:"ranges"`
	Certificates []Certificate `json:"certificates"`
	Files        []File        `json:"files"` // that no host gets: below pki/ and image/
	Nodes        []Node        `json:"nodes"` // by name

	// Findings are what vet says of it. A review tree has none: they depend on the day and
	// on the files at hand.
	Findings []finding.Finding `json:"-"`
}

// Setting is one value that isn't a flag.
type Setting struct {
	Kind  string `json:"kind"`  // one of the Kinds of settings
	Name  string `json:"name"`  // of a unit "Service.Restart", of a pod "spec.priorityClassName"
	Value string `json:"value"` // of a list: its lines
	At    string `json:"at,omitempty"`
	Raw   string `json:"-"` // see Flag.Raw
}

// Kinds of settings. The first five are of a cluster, the rest of a node.
const (
	OfCluster    = "cluster"    // what others have to know of it: its endpoint's kind and port
	OfDeploy     = "deploy"     // how a generation is brought to hosts
	OfImage      = "image"      // what the image is built from
	OfProgram    = "program"    // where the program comes from
	OfKubeconfig = "kubeconfig" // names in the kubeconfig

	OfNode = "node" // addresses, layout, how it is reached
	OfUnit = "unit"
	OfPod  = "pod"
)

// Range is an address range.
type Range struct {
	Use     string `json:"use"` // "pods", "services" or "nodes"
	Prefix  string `json:"prefix"`
	Mask    int    `json:"mask,omitempty"`    // of pods: the bits of one node's range
	Planned int    `json:"planned,omitempty"` // nodes or services at most, as the cluster says
	Raw     string `json:"-"`                 // see Flag.Raw
	At      string `json:"at,omitempty"`
}

// Certificate is a certificate or a key that the cluster needs.
type Certificate struct {
	ID       string   `json:"id"`   // of pki/<id>.crt and pki/<id>.key
	Kind     string   `json:"kind"` // "ca", "key pair" or "leaf"
	Given    bool     `json:"given,omitempty"`
	Subject  string   `json:"subject,omitempty"`
	Names    []string `json:"names,omitempty"` // subject alternative names
	Usages   []string `json:"usages,omitempty"`
	Key      string   `json:"key,omitempty"`      // such as "ecdsa-256"
	Lifetime string   `json:"lifetime,omitempty"` // such as "8760h0m0s"
	Nodes    []string `json:"nodes"`              // that get it
	// PublicKey and Ends are of a certificate of the user's own that lies in the
	// repository: its fingerprint, as pki.accept takes it, and its end.
	PublicKey string    `json:"publicKey,omitempty"`
	Ends      time.Time `json:"ends,omitzero"`
}

// File is a file that an export writes.
type File struct {
	Path  string `json:"path"` // of a host's file: absolute, on the host
	Mode  string `json:"mode"` // "0600"
	Owner string `json:"owner,omitempty"`
	Dir   bool   `json:"dir,omitempty"`
	// Sum is the SHA-256 of the contents in the review tree, in hex: of a file with a key,
	// of what describes it. A review tree has the contents themselves.
	Sum string `json:"-"`
	// Text are these contents: of a file with a key, a name and a value for each line.
	Text string `json:"-"`
}

// Node describes what one host gets.
type Node struct {
	Name      string    `json:"name"`
	Addresses []string  `json:"addresses"`
	Layout    string    `json:"layout"`   // "systemd" or "staticPod"
	Endpoint  string    `json:"endpoint"` // URL of the apiserver that it connects to
	Flags     []Flag    `json:"flags"`    // by name
	Settings  []Setting `json:"settings"`
	Files     []File    `json:"files"`
	// Start is the path of its unit or manifest on the host, and Text what is in it, with
	// a placeholder for the generation's name.
	Start string `json:"start"`
	Text  string `json:"-"`
}

// Origin says who decided a flag's value.
type Origin string

// The origins.
const (
	ByFlag    Origin = "flag"    // the user set the flag by its name
	ByField   Origin = "field"   // it follows from a field that the user set
	ByDefault Origin = "default" // kcmgen added it
)

// Flag is a flag of a node's command line.
type Flag struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Origin Origin `json:"origin"`
	Field  string `json:"field"` // of the cluster that sets it
	// Raw is the value if Value has text in place of what comes from an embedded file: it
	// tells whether such values differ, and is never shown.
	Raw string `json:"-"`
	At  string `json:"at,omitempty"` // "file:line:column" of that field, below the root, if the user wrote it
}
