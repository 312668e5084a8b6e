//go:build linux

package host_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	pemCertificate = "-----BEGIN CERTIFICATE-----\nMIIB\nAb+/==\n-----END CERTIFICATE-----\n"
	pemKey         = "-----BEGIN EC PRIVATE KEY-----\nsecret\n-----END EC PRIVATE KEY-----\n"
)

// base64Of returns a file as kubeconfigs have it.
func base64Of(pem string) string { return base64.StdEncoding.EncodeToString([]byte(pem)) }

// publicCases are files with private keys, and what leaves a host of them. Every secret in them
// has the word "secret" in it.
var publicCases = []struct{ name, text, want string }{
	{"certificate and key", pemKey + pemCertificate + strings.ReplaceAll(pemKey, "EC", "RSA"), pemCertificate},
	{"two certificates and text", "subject: secret\n" + pemCertificate + "secret\n" + pemCertificate, pemCertificate + pemCertificate},
	{"certificate without an end", "-----BEGIN CERTIFICATE-----\nMIIB\n" + pemKey, ""},
	{"certificate without an end, and another", "-----BEGIN CERTIFICATE-----\nsecret\n" + pemCertificate, pemCertificate},
	{"certificate with text in it", "-----BEGIN CERTIFICATE-----\nMIIB\nits secret\nMIIB\n-----END CERTIFICATE-----\n", ""},
	{"key that ends as a certificate", "-----BEGIN PRIVATE KEY-----\nsecret\n-----END CERTIFICATE-----\n", ""},
	{
		"kubeconfig",
		"apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster:\n    extensions:\n    - extension:\n        name: secret\n      name: secret\n" +
			"    server: https://10.0.0.1:6443\npreferences: {}\n" +
			"users:\n- name: b\n  user:\n    client-certificate-data: " + base64Of(pemCertificate) + "\n    client-key-data: secret\n" +
			"    token: secret\n    password: secret\n    exec:\n      env:\n      - name: T\n        value: secret\n" +
			"contexts:\n- context:\n    cluster: a\n    user: 'b'\n  name: b@a\ncurrent-context: \"b@a\"\n",
		"apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster:\n    server: https://10.0.0.1:6443\n" +
			"users:\n- name: b\n  user:\n    client-certificate-data: " + base64Of(pemCertificate) + "\n" +
			"contexts:\n- context:\n    cluster: a\n    user: 'b'\n  name: b@a\ncurrent-context: \"b@a\"\n",
	},
	{
		"kubeconfig on few lines",
		"kind: Config\nusers: [{name: b, user: {token: secret}}]\nclusters:\n- cluster: {server: \"https://a:secret@b\"}\n" +
			"- name: c\n  user: {client-key-data: secret}\n  user: [secret]\n",
		"kind: Config\nclusters:\n- name: c\n",
	},
	{"key beside the certificate", "client-certificate-data: \"" + base64Of(pemCertificate+pemKey) + "\"\n", "client-certificate-data: " + base64Of(pemCertificate) + "\n"},
	{"key in place of the certificate", "client-certificate-data: " + base64Of(pemKey) + "\n", ""},
	{"password in a URL", "    server: https://admin:secret@10.0.0.1:6443\n", "    server: https://10.0.0.1:6443\n"},
	{"password with a slash in a URL", "server: https://admin:12/secret@10.0.0.1:6443\n", ""},
	{"URLs", "server: \"https://[fd00::1]:6443/k8s/c-1\"\nserver: http://a\nserver: https://a?token=secret\nserver: secret\nserver: https://a # secret\n", "server: \"https://[fd00::1]:6443/k8s/c-1\"\nserver: http://a\n"},
	{"block scalar", "user:\n  password: |\n    server: https://secret\n\n    name: secret\n  name: a\n", "user:\n  name: a\n"},
	{"folded block scalar in a list", "users:\n- password: >-\n    name: secret\n  name: a\n- |\n  name: secret\n- name: b\n", "users:\n  name: a\n- name: b\n"},
	{"block scalar as a name", "name: |\n  name: secret\ncluster: >\n  server: https://secret\n", ""},
	{"value in quotes on several lines", "kind: Config\npassword: \"a\nname: secret\nb\"\nname: secret\n", "kind: Config\n"},
	{"value in brackets on several lines", "kind: Config\nusers: [\nname: secret\n]\n", "kind: Config\n"},
	{"escaped quote", "kind: Config\npassword: \"\\\"\nname: secret\"\n", "kind: Config\n"},
	{"document that is a text", "--- |\n name: secret\nname: secret\n", ""},
	{"other forms of values", "name: secret word\nkind: 'secret\"\ncurrent-context: &secret a\nclient-certificate-data: secret!\ncontext: secret\nuser:secret\nuser.name: secret\n", ""},
	{"JSON", `{"kind": "Config", "users": [{"user": {"token": "secret"}}]}` + "\n", ""},
}

// TestPublic: no part of a private key or a password leaves a host.
func TestPublic(t *testing.T) {
	s := session(t)
	for _, c := range publicCases {
		for _, end := range []string{"", "\r"} {
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(c.text, "\n", end+"\n")), 0o600); err != nil {
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
	}
	if _, err := s.Public(within(t), "/nowhere"); err == nil {
		t.Error("no error for a file that doesn't exist")
	}
}
