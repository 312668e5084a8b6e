package config

import "github.com/kcmgen/kcmgen/gen/spec"

// The wire types are the cluster as CUE exports it to JSON. encoding/json ignores the
// case of names, so no field needs a tag.

type wireCluster struct {
	Name, Version, Layout, Profile, FlagDefaults, Defaults string

	Labels map[string]string

	Nodes     map[string]wireNode
	Networks  wireNetworks
	APIServer wireAPIServer
	Peers     struct{ Kubelet, KubeProxy, Network struct{ From string } }
	Flags     map[string]any

	PKI         wirePKI
	Kubeconfig  spec.Kubeconfig
	Paths       spec.Paths
	Generations bool
	Unit        wireUnit
	Pod         wirePod
	Binary      *spec.Binary
	Image       *spec.Image
	Deploy      struct {
		Kubeconfig, Gate, Soak string
		Handover               bool
	}
	Policy      []string
	Acknowledge map[string]string
	Waivers     map[string]struct {
		Reason, Until string
		Fields        []string
	}
}

type wireNode struct {
	Address   string
	Addresses []string
	Hostname  string
	Arch      string
	Layout    string
	Flags     map[string]any
	SSH       spec.SSH
}

type wireNetworks struct {
	Pods, Services, Nodes []string
	NodeMask              struct{ IPv4, IPv6 int }
	MaxNodes, MaxServices int
}

type wireAPIServer struct {
	Endpoint, Address     string
	Port                  int
	Version               string
	Failover              string
	ServiceAccountKeyFile string
	From                  string
	Flags                 map[string]any
}

type wirePKI struct {
	CA             wireAuthority
	FrontProxy     *wireAuthority
	ServiceAccount struct {
		KeyFile, Use string
		Key          spec.Key
	}
	Scope                     string
	Separate                  bool
	Client, Serving, Combined spec.Leaf
	Profiles                  map[string]struct {
		Usages []string
		Expiry string
	}
	Accept struct{ CA, FrontProxy, ServiceAccount string }
}

type wireAuthority struct {
	CertFile, KeyFile string
	Subject           spec.Subject
	Key               spec.Key
	Expiry            string
}

type wireUnit struct {
	Hardening              string
	Unit, Service, Install map[string]any
}

type wirePod struct {
	Namespace, Image, ImagePullPolicy, Hardening string
	PriorityClassName                            *string
	Labels                                       map[string]*string
	Annotations                                  map[string]string
	HostNetwork                                  bool
	Resources                                    struct {
		Requests map[string]*string
		Limits   map[string]string
	}
	LivenessProbe, StartupProbe *spec.Probe
	Volumes                     map[string]spec.Volume
	Spec, Container             map[string]any
}
