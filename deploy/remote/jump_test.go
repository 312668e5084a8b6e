package remote

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// TestJumpFault: every jump host that vet accepts can be parsed, and yields a plain host and
// user.
func TestJumpFault(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 19))
	parts := []string{"ops", "a", "bastion.example", "10.0.0.1", "fd00::1", "[fd00::1]", "ssh://", "@", "@", ":", ":", "22", "65535", "65536", "0", "/", ".", "_", "-", "+", " ", "[", "]", "none"}
	taken := 0
	for range 30_000 {
		var b strings.Builder
		for range 1 + r.IntN(6) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		hop := b.String()
		if strings.EqualFold(hop, "none") || spec.JumpFault(hop) != "" {
			continue
		}
		taken++
		got, err := parseJump(hop)
		switch {
		case err != nil:
			t.Errorf("vet accepts %q, a deployment doesn't: %v", hop, err)
		case strings.ContainsAny(got.Host, " @/[]") || strings.Contains(got.User, "@"):
			t.Errorf("%q leads to %q as %q", hop, got.Host, got.User)
		}
	}
	if taken < 300 {
		t.Errorf("%d were accepted: too few for a test", taken)
	}
}
