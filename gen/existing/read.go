// Package existing finds, reads and checks the files that start kube-controller-manager
// today, which others wrote.
package existing

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/adopt"
	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// NodeFiles are the files that start kube-controller-manager on a node. "-" is the standard
// input, and a directory stands for the files in it.
type NodeFiles struct {
	Node  string // "" if there are no nodes to compare
	Files []string
	Host  *Host // what was read from the host itself; nil if it wasn't asked
}

// ParseNodes returns the files of nodes that are given as NAME=FILE,FILE with files that
// belong to all, or else the files of one node without a name.
func ParseNodes(nodes, files []string) ([]NodeFiles, error) {
	files = slices.DeleteFunc(slices.Clone(files), func(f string) bool { return f == "" })
	if len(nodes) == 0 {
		return []NodeFiles{{Files: files}}, nil
	}
	var out []NodeFiles
	for _, n := range nodes {
		name, list, ok := strings.Cut(n, "=")
		if !ok || name == "" || list == "" {
			return nil, fmt.Errorf("%q is no node and its files: write --node cp-1=kcm.service,kcm.env", n)
		}
		if slices.ContainsFunc(out, func(o NodeFiles) bool { return o.Node == name }) {
			return nil, fmt.Errorf("%s is there twice: put all its files into one, with commas in between", name)
		}
		out = append(out, NodeFiles{Node: name, Files: append(strings.Split(list, ","), files...)})
	}
	return out, nil
}

// Host is what was read from a host over SSH.
type Host struct {
	Address netip.Addr
	SSH     spec.SSH
	Given   []File
	Running []byte // the process's arguments, each with a NUL after it
	Version string // of the program; "" if it isn't known
	// Public returns the certificates in a file of the host, or what isn't secret of a
	// kubeconfig there; nil if it can't be read.
	Public func(file string) []byte
}

// File is a file of a host.
type File struct {
	Path string
	Data []byte
}

// Cluster is the nodes of a cluster, each with what starts kube-controller-manager there.
type Cluster struct {
	Set   *text.Set
	Nodes []adopt.Node
	Lines []Line
	Hosts []*Host // of the nodes; nil for one that wasn't asked
}

// Read reads the files of nodes. A node's address comes from addresses, or else from
// its flags.
func Read(nodes []NodeFiles, stdin io.Reader, addresses map[string]netip.Addr) (*Cluster, error) {
	out := &Cluster{Set: &text.Set{}}
	var errs []error
	for _, n := range nodes {
		read, err := readFiles(out.Set, n, stdin)
		switch {
		case err != nil:
			errs = append(errs, err)
			continue
		case len(read) > 1:
			errs = append(errs, fmt.Errorf("%d of the files start %s: %s and %s; give one, or --node NAME=FILE for each host", len(read), command.Program, read[0].File, read[1].File))
			continue
		}
		node := adopt.Node{Name: n.Node, Address: addresses[n.Node], Read: read[0]}
		line := describe(out.Set, read[0])
		line.Node = n.Node
		if n.Host != nil {
			node.SSH = n.Host.SSH
			if !node.Address.IsValid() {
				node.Address = n.Host.Address
			}
			line.Notes = append(line.Notes, stale(n.Node, read[0], n.Host.Running)...)
		}
		if !node.Address.IsValid() {
			node.Address = ownAddress(read[0])
		}
		out.Nodes, out.Hosts = append(out.Nodes, node), append(out.Hosts, n.Host)
		out.Lines = append(out.Lines, line)
	}
	return out, errors.Join(once(errs)...)
}

// once leaves out errors with the text of another: one file may stand for many nodes.
func once(errs []error) []error {
	said := map[string]bool{}
	return slices.DeleteFunc(errs, func(err error) bool {
		again := said[err.Error()]
		said[err.Error()] = true
		return again
	})
}

// stale says which arguments a process has that its files don't, and the other way round: they
// were changed without a restart.
func stale(node string, r *command.Result, running []byte) []string {
	if len(running) == 0 {
		return nil
	}
	var set text.Set
	got, err := command.Read(&set, []command.Input{{Name: node, Data: running}}, command.Options{})
	if err != nil || len(got) != 1 {
		return nil
	}
	var out []string
	has, files := got[0].Words(), r.Words()
	for _, w := range has {
		if !slices.Contains(files, w) {
			out = append(out, fmt.Sprintf("the process on %s has %s, and its files don't: they were changed without a restart", node, w))
		}
	}
	for _, w := range files {
		if !slices.Contains(has, w) {
			out = append(out, fmt.Sprintf("the process on %s doesn't have %s, and its files do: they were changed without a restart", node, w))
		}
	}
	return out
}

// ownAddress returns the address that a node's process listens on, if it is one host's.
func ownAddress(r *command.Result) netip.Addr {
	for _, a := range r.Args {
		value, ok := strings.CutPrefix(a.String(), "--bind-address=")
		if ip, err := netip.ParseAddr(value); ok && err == nil && !ip.IsLoopback() && !ip.IsUnspecified() {
			return ip
		}
	}
	return netip.Addr{}
}
