package live_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/live"
)

// TestForeign: a kubeconfig from a host makes this machine run nothing, read no file and
// connect only through the host.
func TestForeign(t *testing.T) {
	s := serve(t, giveLease)
	good := kubeconfig(s.URL, certOf(s))
	dialled := errors.New("through the host")
	dial := func(context.Context, string, string) (net.Conn, error) { return nil, dialled }
	c, err := live.Foreign([]byte(good), dial)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Lease(t.Context(), "kube-system", "kube-controller-manager"); !errors.Is(err, dialled) {
		t.Errorf("it didn't go through the host: %v", err)
	}
	for what, by := range map[string][2]string{
		"a program":       {"token: " + canary, "exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, interactiveMode: Never}"},
		"a token's file":  {"token: " + canary, "tokenFile: /etc/hostname"},
		"a key's file":    {"token: " + canary, "client-key: /etc/hostname"},
		"a plugin":        {"token: " + canary, "auth-provider: {name: gcp}"},
		"a CA's file":     {"certificate-authority-data: ", "certificate-authority: /etc/hostname # "},
		"a proxy":         {"certificate-authority-data: ", "proxy-url: http://127.0.0.1:1\n    certificate-authority-data: "},
		"not even a file": {"apiVersion", "\tapiVersion"},
	} {
		changed := strings.Replace(good, by[0], by[1], 1)
		if changed == good {
			t.Fatalf("%s: nothing to replace in\n%s", what, good)
		}
		if _, err := live.Foreign([]byte(changed), dial); err == nil || !strings.HasPrefix(err.Error(), "kubeconfig: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
