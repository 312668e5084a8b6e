//go:build !unix

package conformance_test

import "os/exec"

// runAs does nothing on systems without root.
func runAs(*exec.Cmd, uint32) {}
