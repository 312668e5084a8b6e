package render

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
)

// TestSharedKubeconfig: a kubeconfig from the template has the same bytes as clientcmd's.
func TestSharedKubeconfig(t *testing.T) {
	b := keys.Bundle{}
	rendered(t, cluster(), b)
	client := b["nodes/a/client"]
	other := keys.Pair{Cert: append([]byte("# a comment before it\n"), client.Cert...), Key: client.Key}
	for _, user := range []string{"u", "system:kube-controller-manager", "1", "yes", "a: b", "é # x", anyServer, "a" + anyServer + "b"} {
		c := cluster()
		c.Kubeconfig.User = user
		shared, err := newKubeconfigs(c, b[keys.CA].Cert)
		if err != nil {
			t.Fatal(err)
		}
		if known := !strings.Contains(user, anyServer); known != (shared.parts != nil) {
			t.Errorf("user %q: want the positions known: %v", user, known)
		}
		for _, server := range []string{
			"https://10.0.0.1:6443", "https://[2001:db8::1]:6443", "https://api.example:443", "https://a", "https://" + long + ":6443",
			anyServer, "1", "0x1", "yes", "null", "~", "", "a: b", "a #b", "[a]", "{a}", "*a", "&a", "- a", "'a'", `"a"`, " a ", "1.5", "2026-01-02",
		} {
			for _, client := range []keys.Pair{client, other, {}} {
				got, err := shared.text(server, client)
				if err != nil {
					t.Fatal(err)
				}
				want, err := shared.encode(server, client.Cert, client.Key.Reveal())
				if err != nil {
					t.Fatal(err)
				}
				if string(got) != string(want) {
					t.Errorf("user %q, server %q: from the template comes\n%s\nclientcmd writes\n%s", user, server, got, want)
				}
			}
		}
	}
}

// long is the longest DNS name.
var long = fmt.Sprintf("%0253d", 1)

// TestSharedFiles: sharing common files changes no host's files.
func TestSharedFiles(t *testing.T) {
	for _, shared := range []bool{false, true} {
		c := cluster()
		c.PKI.Shared = shared
		for i := range 9 {
			n := c.Nodes[0]
			n.Name = fmt.Sprint("n", i)
			n.Addresses = append(n.Addresses[:0:0], n.Addresses[0].Next())
			c.Nodes = append(c.Nodes, n)
		}
		b := keys.Bundle{}
		rendered(t, c, b)
		p, err := plan.New(c, b, nil, now)
		if err != nil {
			t.Fatal(err)
		}
		r := &hostRenderer{p, newMaterials(p, b, nil)}
		for _, h := range p.Hosts {
			files, err := r.files(h)
			if err != nil {
				t.Fatal(err)
			}
			if len(files) < 5 {
				t.Errorf("%s gets %d files", h.Node.Name, len(files))
			}
			for role, got := range files {
				want, err := roleFile(p, h, b, role)
				if err != nil {
					t.Fatal(err)
				}
				if !got.entry("x", "o").Same(want.entry("x", "o")) || string(got.identity) != string(want.identity) {
					t.Errorf("shared %v: %s of %s differs", shared, role, h.Node.Name)
				}
			}
		}
		delete(b, keys.CA)
		if _, err := Tree(p, b, nil); err == nil || !strings.HasPrefix(err.Error(), "node a: ") {
			t.Errorf("without a CA: %v; the first node is a", err)
		}
	}
}

// TestEach: each index is called once, and the error of the lowest is returned.
func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1000} {
		var lock sync.Mutex
		seen := map[int]int{}
		err := each(n, func(i int) error {
			lock.Lock()
			defer lock.Unlock()
			seen[i]++
			if i > 100 {
				return fmt.Errorf("at %d", i)
			}
			return nil
		})
		for i := range n {
			if seen[i] != 1 {
				t.Errorf("%d of %d was called %d times", i, n, seen[i])
			}
		}
		if want := n > 100; (err != nil) != want || want && err.Error() != "at 101" {
			t.Errorf("%d: %v", n, err)
		}
	}
}
