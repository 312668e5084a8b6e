//go:build !kube1_28

package main

func aliases() map[string]string { return nil }
