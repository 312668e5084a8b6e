//go:build unix && !linux

package outdir_test

import "testing"

// withoutExchange has no way here to forbid it.
func withoutExchange(_ *testing.T, f func()) { f() }
