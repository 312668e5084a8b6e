package need_test

import (
	"slices"
	"testing"

	"github.com/kcmgen/kcmgen/internal/need"
)

func TestUnasked(t *testing.T) {
	wrappers := map[string]string{"offline": "namespaces", "unpriv": "setpriv"}
	for _, c := range []struct {
		script string
		want   []string
	}{
		{"exec kcmgen vet\nexec git add fish\nstdout zsh\n", nil},
		{"exec fish a\n! exec zsh b\n[root] exec buildah\nexec fish\n", []string{"fish", "zsh", "buildah"}},
		{"needs fish zsh\nexec fish a\nexits 2 zsh b\n", nil},
		{"exec fish a\nneeds fish\n", []string{"fish"}},
		{"exec offline kcmgen vet\n", []string{"namespaces"}},
		{"needs namespaces\nexits 3 offline cue vet\n", []string{"cue"}},
		{"exec unpriv fish\n", []string{"fish"}},
		{"exec sh -c 'cat a | openssl x509; for i in 1; do curl $i; done'\n", []string{"openssl", "curl"}},
		{"exec sh -c 'echo openssl curl'\n", nil},
		{"exec sh -c 'openssl x'\n", []string{"openssl"}},
		{"exec sh -c 'printf \"a\" \"systemd\" | sed s/x// \"y\" cue/x'\n", nil},
		{"exec kcmgen vet\n\n-- a.sh --\nexec fish\n", nil},
	} {
		if got := need.Unasked(c.script, wrappers); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, expected %q", c.script, got, c.want)
		}
	}
}
