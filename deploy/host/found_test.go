//go:build linux

package host_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/host"
)

func TestParseFound(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       host.Found
	}{
		{name: "nothing", text: "host node-1\n", want: host.Found{Host: "node-1"}},
		{
			name: "a unit",
			text: "host node-1\naddress 10.0.0.1\naddress fd00::1\npid 41\nversion Kubernetes v1.34.2\nunit kcm.service\n" +
				"file /etc/systemd/system/kcm.service\ndropin /etc/systemd/system/kcm.service.d/a b.conf\nenv /etc/default/kcm\n",
			want: host.Found{
				Host: "node-1", Addresses: []string{"10.0.0.1", "fd00::1"},
				Processes: []host.FoundProcess{{
					PID: 41, Version: "Kubernetes v1.34.2", Unit: "kcm.service",
					Files: []string{"/etc/systemd/system/kcm.service", "/etc/systemd/system/kcm.service.d/a b.conf"},
					Env:   []string{"/etc/default/kcm"},
				}},
			},
		},
		{
			name: "a unit that doesn't run",
			text: "host node-1\nunit kcm.service\nfile /etc/systemd/system/kcm.service\n",
			want: host.Found{Host: "node-1", Processes: []host.FoundProcess{{
				Unit: "kcm.service", Files: []string{"/etc/systemd/system/kcm.service"},
			}}},
		},
		{
			name: "two processes",
			text: "host node-1\npid 41\nversion \nmanifest /etc/kubernetes/manifests/a.yaml\npid 42\nunit b.service\n",
			want: host.Found{Host: "node-1", Processes: []host.FoundProcess{
				{PID: 41, Manifests: []string{"/etc/kubernetes/manifests/a.yaml"}},
				{PID: 42, Unit: "b.service"},
			}},
		},
	} {
		if got := host.ParseFound(c.text); !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", c.name, *got, c.want)
		}
	}
}

// TestPublic: what leaves a host of a file with a private key in it. Every secret in the
// files has the word "secret" in it.
func TestPublic(t *testing.T) {
	const certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
	s := session(t)
	for _, c := range []struct{ name, text, want string }{
		{
			name: "certificate and key",
			text: "-----BEGIN EC PRIVATE KEY-----\nsecret\n-----END EC PRIVATE KEY-----\n" + certificate +
				"-----BEGIN RSA PRIVATE KEY-----\nsecret\n-----END RSA PRIVATE KEY-----\n",
			want: certificate,
		},
		{
			name: "kubeconfig",
			text: "apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster:\n    server: https://10.0.0.1:6443\n" +
				"users:\n- name: b\n  user:\n    client-certificate-data: TUlJQg==\n    client-key-data: secret\n" +
				"    token: secret\n    password: secret\n    exec:\n      env:\n      - name: T\n        value: secret\n",
			want: "apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster:\n    server: https://10.0.0.1:6443\n" +
				"users:\n- name: b\n  user:\n    client-certificate-data: TUlJQg==\n      - name: T\n",
		},
		{
			name: "kubeconfig on few lines",
			text: "kind: Config\nusers: [{name: b, user: {token: secret}}]\nclusters:\n- cluster: {server: \"https://a:secret@b\"}\n" +
				"- name: c\n  user: {client-key-data: secret}\n  user: [secret]\n",
			want: "kind: Config\nclusters:\n- name: c\n",
		},
		{
			name: "password in a URL",
			text: "    server: https://admin:secret@10.0.0.1:6443\n",
			want: "    server: https://10.0.0.1:6443\n",
		},
		{name: "JSON", text: `{"kind": "Config", "users": [{"user": {"token": "secret"}}]}` + "\n"},
	} {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := s.Public(within(t), file)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if string(got) != c.want || strings.Contains(string(got), "secret") {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
	if _, err := s.Public(within(t), "/nowhere"); err == nil {
		t.Error("no error for a file that doesn't exist")
	}
}
