package vet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

const (
	tlsSuites = "tls-cipher-suites"
	tlsCurve  = "tls-curve-preferences"
	tlsLeast  = "tls-min-version"
	tls13     = "VersionTLS13"
)

// suitesOf is the flag of cipher suites and its elements, where it is read, and says
// suites that the version knows.
func (v *view) suitesOf(n *nodeView) (spec.Flag, []string, bool) {
	f, ok := n.flags.Get(tlsSuites)
	d, known := v.minor.Flag(tlsSuites)
	if !ok || f.Value == "" || !known || v.unread(n, tlsSuites) || d.Stranger(f.Value) != "" || v.minor.Reads(d, f.Value) != "" {
		return f, nil, false
	}
	return f, flags.Elements(f.Value), true
}

// old HTTP/2 is that of v1.20: it looks at suites even where TLS 1.3 doesn't, and at
// their order.
const oldHTTP2 = 20

// tlsHTTP2: golang.org/x/net/http2 ConfigureServer, by which Serve returns an error.
func tlsHTTP2(v *view, n *nodeView) []fault {
	f, suites, ok := v.suitesOf(n)
	old := v.Version.Minor <= oldHTTP2
	if !ok || isTrue(n.value("disable-http2-serving")) || n.flags.Value(tlsLeast, "") == tls13 && !old {
		return nil
	}
	x := fault{
		field: f.Field, also: alsoField(spec.Flag{Field: n.flags.Field(tlsLeast)}),
		hint: "kube-controller-manager would exit as soon as it serves, on every node",
	}
	if !slices.ContainsFunc(suites, required) {
		x.message = "tls-cipher-suites has no suite that HTTP/2 demands"
		x.expected = needed(v.servingKey(n)) + " among them"
		if !old {
			x.expected += ", or " + tlsLeast + " " + strconv.Quote(tls13) + " and no suites"
		}
		return one(x)
	}
	if i := slices.IndexFunc(suites, unfit); old && i >= 0 && slices.ContainsFunc(suites[i:], func(s string) bool { return !unfit(s) }) {
		x.message = fmt.Sprintf("tls-cipher-suites names %s, which HTTP/2 doesn't approve, before suites that it does", suites[i])
		x.expected = "suites that HTTP/2 doesn't approve at the end"
		return one(x)
	}
	return nil
}

// required reports whether a suite is one of the two that HTTP/2 can't be without.
func required(suite string) bool {
	return suite == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" || suite == "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
}

// needed is the required suite that goes with a serving key.
func needed(algo string) string {
	if algo == "" {
		return "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 or TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
	}
	return "TLS_ECDHE_" + strings.ToUpper(algo) + "_WITH_AES_128_GCM_SHA256"
}

// unfit reports whether a suite is among those of RFC 7540's appendix A: without
// ephemeral keys, or without authenticated encryption.
func unfit(suite string) bool {
	modern := strings.Contains(suite, "_GCM_") || strings.Contains(suite, "_CHACHA20_")
	return !only13(suite) && (!modern || !strings.Contains(suite, "_ECDHE_"))
}

// only13 reports whether a suite is one of TLS 1.3, which chooses among them itself.
func only13(suite string) bool { return !strings.Contains(suite, "_WITH_") }

// servingKey is the algorithm of the key that the port shows; nothing if the file isn't
// one that kcmgen makes.
func (v *view) servingKey(n *nodeView) string {
	if n.line != nil || n.flags.Value("tls-cert-file", "") != v.Paths.TLSCert {
		return ""
	}
	if !v.PKI.Separate {
		return v.PKI.Combined.Key.Algo
	}
	return v.PKI.Serving.Key.Algo
}

// The curves that Go 1.26 knows, which v1.36 and v1.37 are built with, by number; the
// last are for TLS 1.3 only.
var (
	curves   = []int64{23, 24, 25, 29, 4587, 4588, 4589}
	curves13 = []int64{4587, 4588, 4589}
)

// curvesOf are the numbers of --tls-curve-preferences, where they are read.
func (v *view) curvesOf(n *nodeView) (spec.Flag, []int64) {
	f, ok := n.flags.Get(tlsCurve)
	d, known := v.minor.Flag(tlsCurve)
	if !ok || !known || v.minor.Reads(d, f.Value) != "" || v.unread(n, tlsCurve) {
		return f, nil
	}
	var out []int64
	for s := range strings.SplitSeq(f.Value, ",") {
		id, _ := strconv.ParseInt(s, 0, 32) // it reads
		out = append(out, id)
	}
	return f, out
}

// tlsCurves: component-base's TLSCurvePreferences.
func tlsCurves(v *view, n *nodeView) []fault {
	f, ids := v.curvesOf(n)
	for i, id := range ids {
		x := fault{field: f.Field, expected: "some of 23, 24, 25, 29, 4587, 4588, 4589, each once", hint: "they are Go's numbers, crypto/tls CurveID; without the flag Go chooses"}
		switch {
		case !slices.Contains(curves, id):
			x.message = fmt.Sprintf("%s names %d, which is no curve that Go knows", tlsCurve, id)
		case slices.Contains(ids[:i], id):
			x.message = fmt.Sprintf("%s names %d twice", tlsCurve, id)
		default:
			continue
		}
		return one(x)
	}
	return nil
}

// tls12Impossible: TLS 1.2 is allowed, and no handshake of it can succeed.
func tls12Impossible(v *view, n *nodeView) []fault {
	if n.flags.Value(tlsLeast, "") == tls13 {
		return nil
	}
	var out []fault
	say := func(f spec.Flag, why, want string) {
		out = append(out, fault{
			field: f.Field, also: alsoField(spec.Flag{Field: n.flags.Field(tlsLeast)}),
			message:  why + ": clients that know TLS 1.2 and no later version are refused",
			expected: want + fmt.Sprintf(", or %s: %q", tlsLeast, tls13),
		})
	}
	algo := v.servingKey(n)
	f, suites, ok := v.suitesOf(n)
	// The key of TLS_RSA_WITH_… is the certificate's, too.
	fits := func(s string) bool {
		return !only13(s) && (algo == "" || strings.Contains(s, "_"+strings.ToUpper(algo)+"_WITH_"))
	}
	switch {
	case !ok, slices.ContainsFunc(suites, fits), tlsHTTP2(v, n) != nil:
	case !slices.ContainsFunc(suites, func(s string) bool { return !only13(s) }):
		say(f, tlsSuites+" names suites of TLS 1.3 only", needed(algo))
	default:
		say(f, fmt.Sprintf("no suite of %s goes with the serving certificate's key, which is %s", tlsSuites, algo), needed(algo))
	}
	f, ids := v.curvesOf(n)
	// Without an exchange of keys no curve is needed.
	static := slices.ContainsFunc(suites, func(s string) bool { return fits(s) && !strings.Contains(s, "_ECDHE_") })
	if len(ids) > 0 && !static && !slices.ContainsFunc(ids, func(id int64) bool { return !slices.Contains(curves13, id) }) {
		say(f, tlsCurve+" names key exchanges of TLS 1.3 only", "29 or 23 among them")
	}
	return out
}
