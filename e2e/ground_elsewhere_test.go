//go:build !linux

package e2e

import "testing"

// TestGround: hosts are Linux, and so is the machine that has them.
func TestGround(t *testing.T) {
	t.Fatal("the tests on hosts need Linux, and root: network namespaces, and systemd in them")
}
