package report

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// fingerprints has the number of findings so far with the same identity.
type fingerprints map[string]int

// next returns the fingerprint of a finding in a file: 32 hexadecimal digits. It stays
// when lines move, when a cluster is renamed and when the wording or a value changes, and
// no two findings of a report have the same one. It is made of texts that are printed
// anyway, without what stands in place of embedded values: two findings that differ in a
// secret alone get the same identity, and are numbered.
func (p fingerprints) next(f finding.Finding, path string) string {
	id := identity(f, path)
	n := p[id]
	p[id]++
	sum := sha256.Sum256([]byte(id + "\x00" + strconv.Itoa(n)))
	return hex.EncodeToString(sum[:16])
}

// identity is what makes a finding the same as one of another run. Only a finding without
// a field is told from others by its message.
func identity(f finding.Finding, path string) string {
	parts := []string{"1", f.Rule, path, f.Node, f.Field, ""}
	if f.Field == "" {
		parts[5] = f.Message
	}
	for i := range parts {
		parts[i] = withoutPlaces(parts[i])
	}
	return strings.Join(parts, "\x00")
}

// embeddedMark begins what findings have in place of an embedded value. It ends at the
// next parenthesis.
const embeddedMark = "(embedded from "

// withoutPlaces removes what stands in place of embedded values: it names files, which
// may become more.
func withoutPlaces(s string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, embeddedMark)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, s, _ = strings.Cut(rest, ")")
	}
}
