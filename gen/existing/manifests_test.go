package existing

import "testing"

// TestBacks: a backup has the name of what it is of, and more. Other files of a directory may
// be those of other hosts.
func TestBacks(t *testing.T) {
	for _, c := range []struct {
		file, of string
		want     bool
	}{
		{"m/kcm.yaml.bak", "m/kcm.yaml", true},
		{"m/kcm.yaml~", "m/kcm.yaml", true},
		{"m/kcm.yaml.2026-11-30", "m/kcm.yaml", true},
		{"m/kcm.yaml", "m/kcm.yaml", false},
		{"m/kcm.yaml", "m/kcm.yaml.bak", false},
		{"m/kcm-2.yaml", "m/kcm.yaml", false},
		{"n/kcm.yaml.bak", "m/kcm.yaml", false},
		{"m/.kcm.yaml.bak", "m/.kcm.yaml", false},
	} {
		if got := backs(c.file, c.of); got != c.want {
			t.Errorf("%s of %s: %v", c.file, c.of, got)
		}
	}
}
