//go:build unix

package conformance_test

import (
	"os/exec"
	"syscall"
)

// runAs makes root run a command as another user.
func runAs(cmd *exec.Cmd, id uint32) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
}
