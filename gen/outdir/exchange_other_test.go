//go:build unix && !linux

package outdir_test

import "testing"

// withoutExchange can't forbid the exchange on this system.
func withoutExchange(_ *testing.T, f func()) { f() }
