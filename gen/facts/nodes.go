package facts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/vet"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// Bounds of a list of nodes. A Node object has up to 30 KB in kubectl's JSON, most of it
// names of images, and Kubernetes supports 5,000 nodes. YAML takes twenty times as long.
const (
	maxNodesFile = 512 << 20
	maxNodesYAML = 4 << 20
	maxNodes     = 100_000
	maxAddresses = 256 // of a node
)

// Nodes reads the nodes of a cluster that exist, as kubectl get nodes -o json prints them:
// a List or NodeList, a Node, or several of these, in an array or one after the other. YAML
// will do too. "-" is the standard input. It keeps names, addresses, ranges, the time when
// a node was made and its kubelet's version, and nothing else. Errors name the file, and
// the place in it.
func Nodes(file string, stdin io.Reader) (*vet.Existing, error) {
	in := stdin
	if file != "-" {
		f, err := regular.Open(file, maxNodesFile)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	out, err := readNodes(in, maxNodesFile)
	if at := (*placeError)(nil); errors.As(err, &at) {
		return nil, fmt.Errorf("%s:%w", nodesName(file), at)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", nodesName(file), err)
	}
	out.File, out.Given = nodesName(file), file
	return out, nil
}

func nodesName(file string) string {
	if file == "-" {
		return "the standard input"
	}
	return file
}

// errNoNodes is a list without a node. It proves nothing, so it is refused.
var errNoNodes = errors.New("there is no node in it")

// readNodes reads nodes of at most max bytes.
func readNodes(in io.Reader, max int64) (*vet.Existing, error) {
	s := newScanner(in, max)
	r := nodeReader{scanner: s, names: map[string]bool{}}
	var err error
	switch c, peekErr := s.peek(); {
	case errors.Is(peekErr, io.EOF):
		return nil, errors.New("it is empty")
	case peekErr != nil:
		return nil, peekErr
	case c == '{' || c == '[':
		err = r.stream()
	default:
		err = r.yaml()
	}
	if err != nil {
		return nil, err
	}
	if len(r.out) == 0 {
		return nil, errNoNodes
	}
	slices.SortFunc(r.out, func(a, b vet.ExistingNode) int { return strings.Compare(a.Name, b.Name) })
	return &vet.Existing{Nodes: r.out}, nil
}

// nodeReader collects nodes.
type nodeReader struct {
	*scanner
	names map[string]bool
	out   []vet.ExistingNode
}

// yaml reads what isn't JSON.
func (r *nodeReader) yaml() error {
	data, err := r.rest(maxNodesYAML)
	if err != nil {
		return fmt.Errorf("it is no JSON, and of anything else at most %d MB are read", maxNodesYAML>>20)
	}
	if first := bytes.TrimPrefix(bytes.TrimSpace(data), []byte("---")); bytes.Contains(first, []byte("\n---")) {
		return errors.New("it has several YAML documents, of which only one would be read: use kubectl's JSON")
	}
	converted, err := artefact.JSON(data)
	if trimmed := bytes.TrimSpace(converted); err != nil || len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' {
		return errors.New("it is neither JSON nor YAML of Kubernetes objects")
	}
	r.scanner = newScanner(bytes.NewReader(converted), maxNodesFile)
	r.unplaced = true
	return r.stream()
}

// stream reads values to the end of the file.
func (r *nodeReader) stream() error {
	for {
		c, err := r.peek()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case c == '[':
			err = r.elements(func() error { return r.object(true) })
		default:
			err = r.object(true)
		}
		if err != nil {
			return err
		}
	}
}

// wireNode has the fields of a Node object that are read.
type wireNode struct {
	kind     string
	metadata struct {
		name    string
		created time.Time
	}
	spec struct {
		PodCIDR  string
		PodCIDRs []string
	}
	kubelet   string
	addresses []struct{ Type, Address string }
}

// object reads a Node, or a list if lists are allowed. kubectl writes the items of a list
// before its kind.
func (r *nodeReader) object(lists bool) error {
	var n wireNode
	listed := false
	at := r.place()
	err := r.members(func(key string) error {
		switch key {
		case "kind":
			return r.value(&n.kind)
		case "items":
			if c, err := r.peek(); err != nil || !lists || c != '[' {
				return cmpErr(err, r.fail("a list stands here where a Node was expected"))
			}
			listed = true
			return r.elements(func() error { return r.object(false) })
		case "metadata":
			return r.metadata(&n)
		case "spec":
			return r.value(&n.spec)
		case "status":
			return r.status(&n)
		}
		return r.skip(nil)
	})
	switch {
	case err != nil:
		return err
	case listed && (n.kind == "List" || n.kind == "NodeList"):
		return nil
	case listed:
		return r.failAt(at, "a list of kind %.100q: expected List or NodeList, as kubectl get nodes -o json prints it", n.kind)
	case n.kind != "Node" && (lists || n.kind != ""): // the items of a NodeList have no kind
		return r.failAt(at, "an object of kind %.100q: expected Node, as kubectl get nodes -o json prints it", n.kind)
	}
	if err := r.add(&n); err != nil {
		return r.failAt(at, "%v", err)
	}
	return nil
}

func cmpErr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func (r *nodeReader) metadata(n *wireNode) error {
	return r.ifObject(func(key string) error {
		switch key {
		case "name":
			return r.value(&n.metadata.name)
		case "creationTimestamp":
			return r.value(&n.metadata.created)
		}
		return r.skip(nil)
	})
}

func (r *nodeReader) status(n *wireNode) error {
	return r.ifObject(func(key string) error {
		switch key {
		case "addresses":
			return r.value(&n.addresses)
		case "nodeInfo":
			var info struct {
				Kubelet string `json:"kubeletVersion"`
			}
			err := r.value(&info)
			n.kubelet = info.Kubelet
			return err
		}
		return r.skip(nil)
	})
}

// ifObject reads the members of an object, or null.
func (r *nodeReader) ifObject(member func(key string) error) error {
	if c, err := r.peek(); err == nil && c == 'n' {
		return r.value(new(struct{}))
	}
	return r.members(member)
}

// value decodes a small value.
func (r *nodeReader) value(into any) error {
	var raw []byte
	at := r.place()
	if err := r.skip(&raw); err != nil {
		return err
	}
	err := json.Unmarshal(raw, into)
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &kind):
		return r.failAt(at, "a JSON %s stands here where a Node has another kind of value", kind.Value)
	}
	return r.failAt(at, "no valid JSON, or no value of a Node")
}

// add checks a node and keeps what rules need.
func (r *nodeReader) add(n *wireNode) error {
	name := n.metadata.name
	switch {
	case name == "" || len(name) > 253:
		return errors.New("a Node without a name of at most 253 characters")
	case r.names[name]:
		return fmt.Errorf("node %q is there twice: give the nodes of one cluster, once", name)
	case len(r.out) == maxNodes:
		return fmt.Errorf("there are more than %d nodes", maxNodes)
	case len(n.addresses) > maxAddresses:
		return fmt.Errorf("node %q has more than %d addresses", name, maxAddresses)
	}
	cidrs := n.spec.PodCIDRs
	if len(cidrs) == 0 && n.spec.PodCIDR != "" {
		cidrs = []string{n.spec.PodCIDR} // what the apiserver makes of it
	}
	if len(cidrs) > 2 {
		return fmt.Errorf("node %q has %d podCIDRs; the API allows one of each family", name, len(cidrs))
	}
	out := vet.ExistingNode{Name: name, Created: n.metadata.created, Minor: minorOf(n.kubelet)}
	for _, text := range cidrs {
		p, err := parseCIDR(text)
		if err != nil {
			return fmt.Errorf("the podCIDR of node %q is %.50q, which is no CIDR", name, text)
		}
		out.CIDRs = append(out.CIDRs, p)
	}
	for _, a := range n.addresses {
		if ip, err := netip.ParseAddr(a.Address); err == nil && (a.Type == "InternalIP" || a.Type == "ExternalIP") {
			out.Addresses = append(out.Addresses, ip.Unmap())
		}
	}
	r.names[name] = true
	r.out = append(r.out, out)
	return nil
}

// parseCIDR accepts what kube-controller-manager does: zeros before a number, too.
func parseCIDR(text string) (netip.Prefix, error) {
	addr, bits, _ := strings.Cut(text, "/")
	if !strings.Contains(addr, ":") {
		parts := strings.Split(addr, ".")
		for i, p := range parts {
			parts[i] = strings.TrimLeft(p, "0")
			if parts[i] == "" && p != "" {
				parts[i] = "0"
			}
		}
		addr = strings.Join(parts, ".")
	}
	p, err := netip.ParsePrefix(addr + "/" + bits)
	return p.Masked(), err
}

// minorOf returns the minor version in a kubelet's, such as v1.31.4-eks-1a2b3c; 0 if there
// is none.
func minorOf(version string) int {
	rest, ok := strings.CutPrefix(version, "v1.")
	minor, _, dot := strings.Cut(rest, ".")
	n, err := strconv.Atoi(minor)
	if !ok || !dot || err != nil || n < 0 || n > 999 {
		return 0
	}
	return n
}
