package spec

import (
	"crypto/tls"
	"slices"
)

// NearestSafe is Nearest without weak values: it never returns a TLS version below 1.2
// or a broken cipher suite. Among equally near values the strongest, which sorts last,
// wins.
func NearestSafe(name string, known []string) string {
	safe := slices.DeleteFunc(slices.Clone(known), weak)
	slices.Sort(safe)
	slices.Reverse(safe)
	return Nearest(name, safe)
}

// weak reports whether a value is an insecure TLS version or cipher suite.
func weak(value string) bool {
	return value == "VersionTLS10" || value == "VersionTLS11" ||
		slices.ContainsFunc(tls.InsecureCipherSuites(), func(s *tls.CipherSuite) bool { return s.Name == value })
}
