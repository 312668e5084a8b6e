package plan

import "testing"

// TestLiveFlags: values that can mean the same don't differ, whatever way they are written in.
func TestLiveFlags(t *testing.T) {
	for _, c := range []struct {
		unit, running string
		differ        bool
	}{
		{"a", "a", false},
		{"a", "b", true},
		{"", "", false},
		{"a", "", true},
		{"true", "1", false},
		{"true", "false", true},
		{"T", "true", false},
		{"15s", "15s", false},
		{"60s", "1m0s", false},
		{"1h", "60m", false},
		{"15s", "16s", true},
		{"20", "20", false},
		{"20", "20.0", false},
		{"20", "30", true},
		{"a,b", "[a,b]", false},
		{"b,a", "[a b]", false},
		{"a,b", "[a]", true},
		{"A=true,B=false", "B=false,A=true", false},
		{"A=true", ":A=true", false},
		{"B=false,A=true", ":A=true,:B=false", false},
		{"A=true", "kube:A=true", false},
		{"A=true", ":A=false", true},
		{"0", "0s", false},
		{"0", "0", false},
		{"0", "false", false},
		{"0s", "1s", true},
		{"1", "2", true},
		{"10.0.0.0/16", "10.0.0.0/16", false},
		{"10.0.0.0/16", "10.1.0.0/16", true},
	} {
		got := LiveFlags(&Config{flags: map[string]string{"x": c.unit}}, map[string]string{"x": c.running, "y": "z"})
		if (len(got) == 1) != c.differ {
			t.Errorf("%q in the unit, %q running: %v", c.unit, c.running, got)
		}
	}
	if got := LiveFlags(&Config{flags: map[string]string{"unknown": "a"}}, map[string]string{"x": "b"}); len(got) != 0 {
		t.Errorf("a flag that the process doesn't name: %v", got)
	}
	twice := &Config{Argv: []string{"kcm", "--x=a", "--x=b"}, flags: map[string]string{"x": "b"}}
	if got := LiveFlags(twice, map[string]string{"x": "a,b"}); len(got) != 0 {
		t.Errorf("a flag that is given twice: %v", got)
	}
	got := LiveFlags(&Config{flags: map[string]string{"b": "1", "a": "1"}}, map[string]string{"a": "2", "b": "2"})
	if len(got) != 2 || got[0].Name != "a" || *got[0].From != "2" || *got[0].To != "1" {
		t.Errorf("%+v", got)
	}
}
