package config

import (
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// words describe the values of fields for users. "*" stands for any label or index.
var words = []struct{ path, expected string }{
	{"name", `up to 63 lower-case letters, digits, "-" and ".", such as "prod-eu"`},
	{"version", `a Kubernetes version such as "v1.37.1"`},
	{"layout", `"systemd" or "staticPod"`},
	{"nodes", `at least one node, such as nodes: "cp-1": address: "10.0.0.11"`},
	{"nodes.*", `up to 253 lower-case letters, digits, "-" and "." (a DNS name), such as "cp-1"`},
	{"nodes.*.address", `an IP address such as "10.0.0.11"`},
	{"nodes.*.addresses.*", `an IP address such as "10.0.0.11"`},
	{"networks.pods", `a list such as ["10.200.0.0/16"]`},
	{"networks.services", `a list such as ["10.32.0.0/16"]`},
	{"networks.nodes", `a list such as ["10.0.0.0/24"]`},
	{"pod.resources.requests.*", `a quantity such as "256Mi" or "500m", in quotes, or null for none`},
	{"pod.resources.limits.*", `a quantity such as "256Mi" or "500m", in quotes`},
	{"pod.labels.*", `up to 63 letters, digits, "-", "_" and ".", or null for none`},
	{"pod.spec.priority", "a whole number, without quotes"},
	{"pod.container.securityContext.capabilities.*.*", `a capability such as "NET_BIND_SERVICE"`},
	{"networks.pods.*", `a CIDR such as "10.200.0.0/16"`},
	{"networks.services.*", `a CIDR such as "10.32.0.0/16"`},
	{"networks.nodes.*", `a CIDR such as "10.200.0.0/16"`},
	{"networks.nodeMask.ipv4", "a prefix length from 1 to 32"},
	{"networks.nodeMask.ipv6", "a prefix length from 1 to 128"},
	{"flags.controllers", `a list such as ["*", "-ttl-controller"]`},
	{"nodes.*.flags.controllers", `a list such as ["*", "-ttl-controller"]`},
	{"flags.feature-gates", gates},
	{"nodes.*.flags.feature-gates", gates},
	{"flags.*", value},
	{"apiserver.flags.*", value},
	{"nodes.*.flags.*", value},
	{"apiserver.version", `a Kubernetes version such as "v1.37.1"`},
	{"apiserver.address", "the host name or IP of the virtual IP or load balancer"},
	{"nodes.*.ssh.host", host},
	{"pki.*.sans.extra", `a list such as ["kcm.example.com", "10.0.0.5"]`},
	{"pki.*.sans.extra.*", host + `, or a wildcard such as "*.example.com"`},
	{"apiserver.port", "a port from 1 to 65535"},
	{"nodes.*.ssh.port", "a port from 1 to 65535"},
	{"paths.unit", `an absolute path that ends in ".service"`},
	{"paths.manifest", `an absolute path that ends in ".yaml" or ".json"`},
	{"paths.*", `an absolute path without "..", white space or special characters`},
	{"binary.source", `a source by architecture, such as source: amd64: {url: "https://…", sha256: "…"}`},
	{"binary.source.*", `url or file, one of them, and sha256`},
	{"binary.source.*.url", `an address that begins with https:// or http://`},
	{"binary.source.*.sha256", "64 hex digits in lower case"},
	{"image.directories.*", `an absolute path without "..", white space or special characters`},
	{"pki.*.expiry", `a duration such as "8760h"`},
	{"pki.profiles.*.expiry", `a duration such as "8760h"`},
	{"deploy.gate", `a duration from "5s" to "10m"`},
	{"deploy.soak", `a duration from "1s" to "10m"`},
	{"nodes.*.ssh.sftpServer", `an absolute path without "..", white space or special characters`},
	{"waivers.*.reason", "a reason of at least two words"},
	{"waivers.*.until", `a day such as "2027-03-01"`},
}

const (
	host  = `a DNS name such as "kcm.example.com", or an IP address`
	value = "true, false, a number, a string, a list of strings, or null"
	gates = `gates by name, such as AllBeta: true, or one string of them such as "AllBeta=true"`
)

// expected describes the values of a field: in words if there are some, else by the
// alternatives that CUE offers.
func expected(field string, alternatives []string) string {
	labels := finding.Labels(field)
	for _, w := range words {
		if matches(strings.Split(w.path, "."), labels) {
			return w.expected
		}
	}
	return strings.Join(alternatives, " or ")
}

func matches(pattern, labels []string) bool {
	if len(pattern) != len(labels) {
		return false
	}
	for i, p := range pattern {
		if p != "*" && p != labels[i] {
			return false
		}
	}
	return true
}

// hostFault says why text isn't valid in a field for a host; "" if it is, or if the
// field is for something else.
func hostFault(field, text string) string {
	labels := finding.Labels(field)
	parse := spec.ParseHost
	switch {
	case matches([]string{"pki", "*", "sans", "extra", "*"}, labels):
		parse = spec.ParseSAN
	case field != "apiserver.address" && !matches([]string{"nodes", "*", "ssh", "host"}, labels):
		return ""
	}
	if _, err := parse(text); err != nil {
		return err.Error()
	}
	return ""
}
