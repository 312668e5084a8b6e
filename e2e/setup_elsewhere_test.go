//go:build !linux

package e2e

import "testing"

// hosts is the ground of all tests of a run: none here.
var hosts keeper

type keeper struct{}

func (keeper) tell() {}

func (keeper) stop(bool) error { return nil }

const leaving = "KCMGEN_E2E_LEAVE"

func leaveGround() int { return 1 }

// TestGround fails: the hosts need Linux.
func TestGround(t *testing.T) {
	t.Fatal("the tests on hosts need Linux, and root: network namespaces, and systemd in them")
}
