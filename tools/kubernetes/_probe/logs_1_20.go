//go:build !kube1_23

package main

func validateLogs(*settings) error { return nil } // Validate does it
