package spec

import (
	"crypto/tls"
	"slices"
)

// NearestSafe is Nearest for values of which some are weaker than others: a TLS version
// below 1.2 or a broken cipher suite is never what was meant. Among equally near ones
// the strongest, which sorts last, wins.
func NearestSafe(said string, known []string) string {
	safe := slices.DeleteFunc(slices.Clone(known), weak)
	slices.Sort(safe)
	slices.Reverse(safe)
	return Nearest(said, safe)
}

// weak reports whether a value is one of TLS that nothing should be protected with.
func weak(value string) bool {
	return value == "VersionTLS10" || value == "VersionTLS11" ||
		slices.ContainsFunc(tls.InsecureCipherSuites(), func(s *tls.CipherSuite) bool { return s.Name == value })
}
