// Package spec has the Go types of a cluster, which mirror the CUE schema.
package spec

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// Layout says how a node starts the process.
type Layout string

// The two layouts.
const (
	Systemd   Layout = "systemd"
	StaticPod Layout = "staticPod"
)

// PodName is the name of the static pod and of its container. The kubelet adds the node's
// name to the pod's.
const PodName = "kube-controller-manager"

// Profile says how long a cluster's leader election waits.
type Profile string

// The profiles.
const (
	Standard   Profile = "standard"
	SlowBoards Profile = "slowBoards" // for hosts where an answer may take half a minute
)

// Endpoint says which apiserver a node connects to.
type Endpoint string

// The endpoints.
const (
	EndpointNode         Endpoint = "node"         // the node's own, at its address
	EndpointLocal        Endpoint = "local"        // the node's own, at its loopback address
	EndpointVIP          Endpoint = "vip"          // at a virtual IP
	EndpointLoadBalancer Endpoint = "loadBalancer" // behind a load balancer
)

// NodeNames says which nodes' names and addresses a certificate has.
type NodeNames string

// The values of NodeNames.
const (
	OwnNode  NodeNames = "own"
	AllNodes NodeNames = "all"
	NoNodes  NodeNames = "none"
)

// Cluster is one highly available kube-controller-manager.
type Cluster struct {
	Name    string
	Version Version
	Layout  Layout
	Profile Profile
	// Defaults is the pinned generation of defaults; "" for the newest.
	Defaults Defaults
	Hardened bool              // derived and hardened flags are added to the user's
	Labels   map[string]string // the organisation's own words
	Nodes    []Node            // sorted by name

	Networks  Networks
	APIServer APIServer
	Peers     Peers
	Flags     Settings

	PKI         PKI
	Kubeconfig  Kubeconfig
	Paths       Paths
	Generations bool
	Unit        Unit
	Pod         Pod
	Binary      *Binary // nil: kcmgen doesn't provide the program
	Image       *Image
	Deploy      Deploy
	Policy      []string // benchmarks that it is held to
	Waivers     []Waiver // sorted by rule
	// Acknowledged says why changes are meant, by the id of the own rule that asks.
	Acknowledged map[string]string

	// Dir is the directory of the cluster's package, to which files are relative.
	Dir string
	// Source has the positions of the fields that the user wrote.
	Source finding.Source
	// TypeErrors are type errors of flags. Flags has these flags nevertheless, so that
	// rules can say more about them.
	TypeErrors []finding.Finding
	// Own are the organisation's own rules, and what they find.
	Own Own

	// Embedded are values from files that its CUE embeds; nil if there are none.
	Embedded *Embedded
}

// Node is one host that runs kube-controller-manager.
type Node struct {
	Name      string
	Addresses []netip.Addr // the node's own first
	Hostname  string
	Arch      string
	Layout    Layout // the cluster's, unless it has one of its own; "": the cluster's
	Flags     Settings
	SSH       SSH
}

// LayoutOf returns a node's layout.
func (c *Cluster) LayoutOf(n *Node) Layout { return cmp.Or(n.Layout, c.Layout) }

// Uses reports whether any node has a layout.
func (c *Cluster) Uses(l Layout) bool {
	return len(c.Nodes) == 0 && c.Layout == l || slices.ContainsFunc(c.Nodes, func(n Node) bool { return c.LayoutOf(&n) == l })
}

// With returns the cluster as nodes of a layout see it: c itself, if the layout is the cluster's.
func (c *Cluster) With(l Layout) *Cluster {
	if c.Layout == l {
		return c
	}
	out := *c
	out.Layout = l
	return &out
}

// For returns the cluster as a node sees it.
func (c *Cluster) For(n *Node) *Cluster { return c.With(c.LayoutOf(n)) }

// Address is the node's own address.
func (n *Node) Address() netip.Addr { return n.Addresses[0] }

// SSH is how a node is reached. Its JSON has the same names as CUE.
type SSH struct {
	Host         string   `json:"host,omitempty"`
	Port         int      `json:"port,omitempty"`
	User         string   `json:"user,omitempty"`
	IdentityFile string   `json:"identityFile,omitempty"`
	HostKeys     []string `json:"hostKeys,omitempty"`
	ProxyJump    string   `json:"proxyJump,omitempty"`
	SFTPServer   string   `json:"sftpServer,omitempty"` // "": in one of the usual places
}

// Deploy says how a new generation is rolled out to hosts.
type Deploy struct {
	Kubeconfig string        // of a user who may read the leader lease; "" if not set
	Gate       time.Duration // maximum until it is healthy
	Soak       time.Duration // how long it must stay healthy
	HandOver   bool          // give back the lease of a leader that is restarted
}

// Networks are the address ranges of the cluster, with host bits as written.
type Networks struct {
	Pods, Services, Nodes []netip.Prefix
	MaskIPv4, MaskIPv6    int
	MaxNodes, MaxServices int // 0 if not set
}

// APIServer is what the user states about the kube-apiserver.
type APIServer struct {
	Endpoint              Endpoint
	Address               string
	Port                  int
	Version               *Version
	Failover              time.Duration // how long it may be away; 0 if not set
	ServiceAccountKeyFile string
	Flags                 Settings
	From                  string // file of what starts it; "" if none is named
}

// Peers are files of other components, relative to Dir; "" for one that isn't named.
type Peers struct {
	Kubelet, KubeProxy, Network string
}

// PKI says which keys exist and which kcmgen makes.
type PKI struct {
	CA             Authority
	FrontProxy     *Authority
	ServiceAccount ServiceAccount
	Shared         bool // one certificate for all nodes
	Separate       bool // separate client and serving certificates
	Client         Leaf
	Serving        Leaf
	Combined       Leaf
	Profiles       map[string]SigningProfile
	// Accept are fingerprints of public keys, by id of the key material: a trusted key
	// may change to these.
	Accept map[string]string
}

// Authority is a CA: an existing one, by its files, or one that kcmgen makes.
type Authority struct {
	CertFile, KeyFile string
	Subject           Subject
	Key               Key
	Expiry            time.Duration
}

// Existing reports whether the CA is the user's own.
func (a Authority) Existing() bool { return a.CertFile != "" || a.KeyFile != "" }

// ServiceAccount is the key pair of service-account tokens.
type ServiceAccount struct {
	KeyFile string
	UseCA   bool
	Key     Key
}

// Leaf describes an end-entity certificate.
type Leaf struct {
	Subject Subject
	Key     Key
	Profile string
	SANs    SANs
}

// SANs are the subject alternative names of a leaf.
type SANs struct {
	Nodes NodeNames
	Names bool
	Extra []string
}

// Subject is a distinguished name.
type Subject struct {
	CN string
	O  string `json:",omitempty"`
	OU string `json:",omitempty"`
	C  string `json:",omitempty"`
	ST string `json:",omitempty"`
	L  string `json:",omitempty"`
}

// Key is an algorithm ("ecdsa", "rsa") and its size in bits.
type Key struct {
	Algo string `json:"algo"`
	Size int    `json:"size"`
}

func (k Key) String() string { return fmt.Sprintf("%s-%d", k.Algo, k.Size) }

// SigningProfile is a signing profile of cfssl.
type SigningProfile struct {
	Usages []string
	Expiry time.Duration
}

// Kubeconfig names the entries of the kubeconfig.
type Kubeconfig struct{ Cluster, User, Context string }

// Waiver accepts the findings of a rule.
type Waiver struct {
	Rule   string
	Reason string
	Until  time.Time // the begin of its last day, in UTC; zero: it doesn't end
	Fields []string  // if empty, every finding of the rule
}

// Endpoint is the URL of the apiserver that a node's KCM connects to.
func (c *Cluster) Endpoint(n *Node) string {
	host := c.APIServer.Address
	switch c.APIServer.Endpoint {
	case EndpointNode:
		host = n.Address().String()
	case EndpointLocal:
		host = "127.0.0.1"
		if n.Address().Is6() {
			host = "::1"
		}
	}
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("https://%s:%d", host, c.APIServer.Port)
}
