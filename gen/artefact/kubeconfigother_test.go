package artefact

import (
	"strings"
	"testing"
)

// TestOtherOfKubeconfig: ways to prove who a client is that an export doesn't have are named,
// without what is secret of them.
func TestOtherOfKubeconfig(t *testing.T) {
	got := OtherOfKubeconfig([]byte("current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n" +
		"clusters: [{name: c, cluster: {server: 'http://x', tls-server-name: n, certificate-authority: ca.crt}}]\n" +
		"users: [{name: u, user: {token: opensesame, exec: {command: x}, client-certificate: k.crt}}, {name: v, user: {username: v}}]\n"))
	all := strings.Join(got.Ways, "\n")
	for _, want := range []string{"user's token", "user's exec", "client-certificate names a file", "tls-server-name", "certificate-authority names a file", "http"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	if len(got.Ways) != 6 || got.ClientFile != "k.crt" || strings.Contains(all, "opensesame") {
		t.Errorf("%+v", got)
	}
}
