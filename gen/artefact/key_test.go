package artefact

import (
	"strings"
	"testing"
)

// TestCommandLineOfAKey: a key is refused, and no message reveals it.
func TestCommandLineOfAKey(t *testing.T) {
	for name, text := range map[string]string{
		"PEM":        "-----BEGIN RSA PRIVATE KEY-----\nCANARYhunter2\n-----END RSA PRIVATE KEY-----\n",
		"a bundle":   "--v=2\n# and below\n-----BEGIN PRIVATE KEY-----\nCANARYhunter2\n",
		"PuTTY":      "PuTTY-User-Key-File-3: ssh-ed25519\nCANARYhunter2\n",
		"age":        "# created\nAGE-SECRET-KEY-1CANARYhunter2\n",
		"kubeconfig": "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    token: CANARYhunter2\n",
		"a password": "CANARYhunter2\n",
		"a token":    "eyJhbGciOi.CANARYhunter2.x\n",
	} {
		if args, err := CommandLine([]byte(text)); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v, %v", name, args, err)
		}
	}
}
