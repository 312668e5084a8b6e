// Package ground is what tests of deploying stand on: three hosts with systemd
// as PID 1 and sshd, a control plane of etcd and kube-apiserver, and an
// operator from whom the hosts are a round trip of 30 ms away. Each has a
// network namespace of its own; nothing of it is on any other network.
//
//	operator ── wire (delay, cut, count) ── bridge ─┬─ cp-1, cp-2, cp-3
//	                                                └─ control
//
// It takes Linux, root, and a few programs of Debian. What it leaves when the
// test ends is logs, and only after a failure.
package ground
