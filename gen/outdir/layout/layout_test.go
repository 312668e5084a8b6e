package layout

import "testing"

// TestOnHost: files of hosts are distinguished from others.
func TestOnHost(t *testing.T) {
	for file, want := range map[string][2]string{
		NodeFile("cp-1", "/etc/x"): {"cp-1", "/etc/x"},
		"nodes/cp-1/a":             {"cp-1", "/a"},
		"nodes/cp-1":               {},
		"nodes":                    {},
		"nodes//a":                 {},
		"pki/nodes/cp-1/a":         {},
		Image("amd64"):             {},
		Manifest:                   {},
	} {
		node, at, ok := OnHost(file)
		if ok != (want[0] != "") || ok && [2]string{node, at} != want {
			t.Errorf("%s: %q, %q, %v", file, node, at, ok)
		}
	}
}
