//go:build go1.21 && !kube1_31

package main

// emulate does nothing: these versions emulate no other.
func emulate([]Gate) {}
