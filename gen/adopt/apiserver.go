package adopt

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// server is the apiserver that a node's kubeconfig names.
type server struct {
	node *node
	host string
	port int
	url  string
}

// servers returns the apiservers that kubeconfigs name, in the order of the nodes.
func (w *writer) servers() []server {
	var out []server
	for _, n := range w.nodes {
		u, err := url.Parse(w.Public.Servers[n.Name])
		if err != nil || u.Host == "" {
			continue
		}
		s := server{node: n, host: u.Hostname(), url: u.Scheme + "://" + u.Host}
		if s.port, _ = strconv.Atoi(u.Port()); s.port == 0 {
			s.port = 443
		}
		if strings.Trim(u.Path, "/") != "" {
			w.left("the path %s of the apiserver's URL in node %s's kubeconfig", strconv.Quote(u.Path), n.Name)
		}
		out = append(out, s)
	}
	return out
}

// writeAPIServer writes which apiserver the kubeconfigs name.
func (w *writer) writeAPIServer() {
	all := w.servers()
	if len(all) == 0 {
		return
	}
	every := func(is func(s server) bool) bool {
		return !slices.ContainsFunc(all, func(s server) bool { return !is(s) })
	}
	var lines []string
	switch first := all[0]; {
	case every(func(s server) bool { return s.host == "127.0.0.1" || s.host == "::1" || s.host == "localhost" }):
		lines = append(lines, `endpoint: "local"`)
	case every(func(s server) bool { return ownServer(s) }): // endpoint "node" is the default
	case every(func(s server) bool { return w.Public.OneHost && w.isNode(s.host) }):
		lines = append(lines, `endpoint: "node"`)
		w.out.Notes = append(w.out.Notes, fmt.Sprintf("the kubeconfig at hand names %s, a node's own address: the cluster says that each node talks to its own apiserver (apiserver.endpoint)", first.host))
	default:
		lines = append(lines, `endpoint: "loadBalancer" // or "vip"`, "address: "+quote(first.host))
	}
	if all[0].port != 6443 {
		lines = append(lines, fmt.Sprintf("port: %d", all[0].port))
	}
	w.noteServers(all, lines)
	if len(lines) > 0 {
		w.line("apiserver: {\n%s\n}", strings.Join(lines, "\n"))
	}
}

// noteServers notes which nodes have another apiserver than the first one, which is written.
func (w *writer) noteServers(all []server, lines []string) {
	one := len(lines) > 0 && strings.Contains(lines[0], "loadBalancer")
	for _, s := range all[1:] {
		if s.port != all[0].port || one && s.host != all[0].host {
			w.out.Notes = append(w.out.Notes, fmt.Sprintf("node %s's kubeconfig names %s, and node %s's %s, which the cluster says for all", s.node.Name, s.url, all[0].node.Name, all[0].url))
		}
	}
}

// ownServer reports whether a node's kubeconfig names the node itself.
func ownServer(s server) bool {
	return s.node.Address.IsValid() && s.node.Address.String() == s.host
}

// isNode reports whether a host is a node's address.
func (w *writer) isNode(host string) bool {
	return slices.ContainsFunc(w.nodes, func(n *node) bool { return n.Address.IsValid() && n.Address.String() == host })
}
