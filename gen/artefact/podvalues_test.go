package artefact

import "testing"

// TestLiteral: numbers and truth values are those of YAML 1.1.
func TestLiteral(t *testing.T) {
	for scalar, want := range map[string]string{
		"0x3e8": "1000", "0644": "420", "2_000": "2000", "30.0": "30", "0.20": "0.2", "-1": "-1",
		"no": "false", "On": "true", "y": "true", "False": "false",
		"": "", "null": "", "~": "", "a": "", "1.2.3": "", "2001-01-01": "", ".inf": "", "{}": "", "[1]": "", "a: b": "",
	} {
		got, ok := Literal(scalar)
		if got != want || ok != (want != "") {
			t.Errorf("%q is %q, %v; want %q", scalar, got, ok, want)
		}
	}
}

func TestSameQuantity(t *testing.T) {
	for _, q := range []struct {
		a, b string
		same bool
	}{{"0.2", "200m", true}, {"1Gi", "1024Mi", true}, {"1G", "1Gi", false}, {"x", "x", false}, {"1", "x", false}} {
		if SameQuantity(q.a, q.b) != q.same {
			t.Errorf("%s and %s: want %v", q.a, q.b, q.same)
		}
	}
}
