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
	tlsMin    = "tls-min-version"
	tls13     = "VersionTLS13"
)

// suitesOf returns the flag of cipher suites and its elements. It returns false if
// nothing reads the flag, or if the version doesn't know a suite.
func (v *view) suitesOf(n *nodeView) (spec.Flag, []string, bool) {
	f, ok := n.flags.Get(tlsSuites)
	d, known := v.minor.Flag(tlsSuites)
	if !ok || f.Value == "" || !known || v.unread(n, tlsSuites) || d.NotAllowed(f.Value) != "" || v.minor.TypeWanted(d, f.Value) != "" {
		return f, nil, false
	}
	return f, flags.Elements(f.Value), true
}

// oldHTTP2 is the last minor whose HTTP/2 checks suites even for TLS 1.3 only, and
// their order.
const oldHTTP2 = 20

// tlsHTTP2: Serve fails with the error of golang.org/x/net/http2 ConfigureServer.
func tlsHTTP2(v *view, n *nodeView) []fault {
	f, suites, ok := v.suitesOf(n)
	old := v.Version.Minor <= oldHTTP2
	if !ok || isTrue(n.value("disable-http2-serving")) || n.flags.Value(tlsMin, "") == tls13 && !old {
		return nil
	}
	x := fault{
		field: f.Field, also: alsoField(spec.Flag{Field: n.flags.Field(tlsMin)}),
		hint: "kube-controller-manager would exit as soon as it serves, on every node",
	}
	if !slices.ContainsFunc(suites, isRequiredSuite) {
		x.message = "tls-cipher-suites has no suite that HTTP/2 requires"
		x.expected = requiredSuite(v.servingKey(n)) + " among them"
		if !old {
			x.expected += ", or " + tlsMin + " " + strconv.Quote(tls13) + " and no suites"
		}
		return one(x)
	}
	if i := slices.IndexFunc(suites, prohibited); old && i >= 0 && slices.ContainsFunc(suites[i:], func(s string) bool { return !prohibited(s) }) {
		x.message = fmt.Sprintf("tls-cipher-suites names %s, which HTTP/2 prohibits, before suites that it allows", suites[i])
		x.expected = "suites that HTTP/2 prohibits at the end"
		return one(x)
	}
	return nil
}

// isRequiredSuite reports whether HTTP/2 requires a suite: one of two, by the kind of key.
func isRequiredSuite(suite string) bool {
	return suite == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" || suite == "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
}

// requiredSuite is the suite that HTTP/2 requires with a serving key's algorithm.
func requiredSuite(algo string) string {
	if algo == "" {
		return "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 or TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
	}
	return "TLS_ECDHE_" + strings.ToUpper(algo) + "_WITH_AES_128_GCM_SHA256"
}

// prohibited reports whether RFC 7540's appendix A lists a suite: one without ephemeral
// keys, or without authenticated encryption.
func prohibited(suite string) bool {
	modern := strings.Contains(suite, "_GCM_") || strings.Contains(suite, "_CHACHA20_")
	return !only13(suite) && (!modern || !strings.Contains(suite, "_ECDHE_"))
}

// only13 reports whether a suite is one of TLS 1.3, where they can't be configured.
func only13(suite string) bool { return !strings.Contains(suite, "_WITH_") }

// servingKey returns the algorithm of the serving key; "" if kcmgen doesn't make it.
func (v *view) servingKey(n *nodeView) string {
	if n.line != nil || n.flags.Value("tls-cert-file", "") != v.Paths.TLSCert {
		return ""
	}
	if !v.PKI.Separate {
		return v.PKI.Combined.Key.Algo
	}
	return v.PKI.Serving.Key.Algo
}

// The numbers of the curves that Go 1.26 knows, which v1.36 and v1.37 are built with;
// curves13 are for TLS 1.3 only.
var (
	curves   = []int64{23, 24, 25, 29, 4587, 4588, 4589}
	curves13 = []int64{4587, 4588, 4589}
)

// curvesOf returns the flag --tls-curve-preferences and its numbers, if it is read.
func (v *view) curvesOf(n *nodeView) (spec.Flag, []int64) {
	f, ok := n.flags.Get(tlsCurve)
	d, known := v.minor.Flag(tlsCurve)
	if !ok || !known || v.minor.TypeWanted(d, f.Value) != "" || v.unread(n, tlsCurve) {
		return f, nil
	}
	var out []int64
	for s := range strings.SplitSeq(f.Value, ",") {
		id, _ := strconv.ParseInt(s, 0, 32) // flag-type has checked it
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

// tls12Impossible: TLS 1.2 is allowed, and none of its handshakes can succeed.
func tls12Impossible(v *view, n *nodeView) []fault {
	if n.flags.Value(tlsMin, "") == tls13 {
		return nil
	}
	var out []fault
	say := func(f spec.Flag, why, want string) {
		out = append(out, fault{
			field: f.Field, also: alsoField(spec.Flag{Field: n.flags.Field(tlsMin)}),
			message:  why + ": clients that know TLS 1.2 and no later version are refused",
			expected: want + fmt.Sprintf(", or %s: %q", tlsMin, tls13),
		})
	}
	algo := v.servingKey(n)
	f, suites, ok := v.suitesOf(n)
	// TLS_RSA_WITH_… needs the certificate's key, too.
	fits := func(s string) bool {
		return !only13(s) && (algo == "" || strings.Contains(s, "_"+strings.ToUpper(algo)+"_WITH_"))
	}
	switch {
	case !ok, slices.ContainsFunc(suites, fits), tlsHTTP2(v, n) != nil:
	case !slices.ContainsFunc(suites, func(s string) bool { return !only13(s) }):
		say(f, tlsSuites+" names suites of TLS 1.3 only", requiredSuite(algo))
	default:
		say(f, fmt.Sprintf("no suite of %s goes with the serving certificate's key, which is %s", tlsSuites, algo), requiredSuite(algo))
	}
	f, ids := v.curvesOf(n)
	// Without ephemeral keys no curve is needed.
	static := slices.ContainsFunc(suites, func(s string) bool { return fits(s) && !strings.Contains(s, "_ECDHE_") })
	if len(ids) > 0 && !static && !slices.ContainsFunc(ids, func(id int64) bool { return !slices.Contains(curves13, id) }) {
		say(f, tlsCurve+" names key exchanges of TLS 1.3 only", "29 or 23 among them")
	}
	return out
}
