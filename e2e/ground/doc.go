// Package ground provides the environment for tests of deploying: three hosts with systemd
// as PID 1 and sshd, a control plane of etcd and kube-apiserver, and an operator with a
// round trip of 30 ms to the hosts. Each has its own network namespace, connected to no
// other network.
//
//	operator ── wire (delay, cut, count) ── bridge ─┬─ cp-1, cp-2, cp-3
//	                                                └─ control
//
// Hosts may have a kubelet without an apiserver, for static pods.
//
// It needs Linux, root, and a few programs of Debian. After a failure it leaves logs, else
// nothing.
package ground
