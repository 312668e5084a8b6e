//go:build go1.21 && !kube1_31

package main

// emulate: these versions emulate no other.
func emulate([]Gate) {}
