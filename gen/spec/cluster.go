// Package spec is the Go mirror of the CUE schema: what a cluster says, in
// types that cannot be wrong.
package spec

import (
	"fmt"
	"net/netip"
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

// Profile says how patient a cluster's leader election is.
type Profile string

// The profiles.
const (
	Standard   Profile = "standard"
	SlowBoards Profile = "slowBoards" // for hosts on which an answer may take half a minute
)

// Endpoint says which apiserver a node talks to.
type Endpoint string

// The endpoints.
const (
	EndpointNode         Endpoint = "node"         // on the node, by its address
	EndpointLocal        Endpoint = "local"        // on the node, by its loopback address
	EndpointVIP          Endpoint = "vip"          // by a virtual address
	EndpointLoadBalancer Endpoint = "loadBalancer" // by a load balancer's
)

// NodeNames says which nodes a certificate is for.
type NodeNames string

// Of which nodes a certificate has names and addresses.
const (
	OwnNode  NodeNames = "own"
	AllNodes NodeNames = "all"
	NoNodes  NodeNames = "none"
)

// Cluster is one highly available kube-controller-manager.
type Cluster struct {
	Name     string
	Version  Version
	Layout   Layout
	Profile  Profile
	Hardened bool   // flags are derived and hardened, not only what the user wrote
	Nodes    []Node // sorted by name

	Networks  Networks
	APIServer APIServer
	Flags     Settings

	PKI         PKI
	Kubeconfig  Kubeconfig
	Paths       Paths
	Generations bool
	Unit        Unit
	Pod         Pod
	Binary      *Binary // nil: not said where the program is had
	Image       *Image
	Deploy      Deploy
	Waivers     []Waiver // sorted by rule

	// Dir is the directory of the cluster's package; relative files start there.
	Dir string
	// Source tells where the user wrote a field.
	Source finding.Source
	// Refused is what the types of its version's flags refuse: the flags are here
	// as they were written all the same, so that rules can say more of them.
	Refused []finding.Finding

	// Embedded is what it has from files that its CUE embeds; nil: nothing.
	Embedded *Embedded
}

// Node is one host that runs kube-controller-manager.
type Node struct {
	Name      string
	Addresses []netip.Addr // the node's own first
	Hostname  string
	Arch      string
	Flags     Settings
	SSH       SSH
}

// Address is the node's own address.
func (n *Node) Address() netip.Addr { return n.Addresses[0] }

// SSH is how a node is reached. Reports of deployments name its fields as CUE does.
type SSH struct {
	Host         string   `json:"host,omitempty"`
	Port         int      `json:"port,omitempty"`
	User         string   `json:"user,omitempty"`
	IdentityFile string   `json:"identityFile,omitempty"`
	HostKeys     []string `json:"hostKeys,omitempty"`
	ProxyJump    string   `json:"proxyJump,omitempty"`
	SFTPServer   string   `json:"sftpServer,omitempty"` // empty: in one of the usual places
}

// Deploy says how a new generation is put to work on the hosts, and judged.
type Deploy struct {
	Kubeconfig string        // of someone who may read the leader lease; empty: not said
	Gate       time.Duration // until it is healthy
	Soak       time.Duration // while it stays so
}

// Networks are the address ranges of the cluster, as written: host bits kept.
type Networks struct {
	Pods, Services, Nodes []netip.Prefix
	MaskIPv4, MaskIPv6    int
	MaxNodes              int // 0: not said
}

// APIServer is what is known of the kube-apiserver.
type APIServer struct {
	Endpoint              Endpoint
	Address               string
	Port                  int
	Version               *Version
	ServiceAccountKeyFile string
	Flags                 Settings
}

// PKI says which keys there are and which are made.
type PKI struct {
	CA             Authority
	FrontProxy     *Authority
	ServiceAccount ServiceAccount
	Shared         bool // one certificate for all nodes
	Separate       bool // client and serving certificates apart
	Client         Leaf
	Serving        Leaf
	Combined       Leaf
	Profiles       map[string]SigningProfile
	// Accept are fingerprints of public keys, by id of the key material: what
	// others trust may become these.
	Accept map[string]string
}

// Authority is a CA: an existing one by its files, or one to be made.
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
	Fields []string // none: every finding of the rule
}

// Endpoint is the URL of the apiserver that a node's KCM talks to.
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
