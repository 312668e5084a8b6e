package config_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// TestDeploy: the field deploy is decoded, with its defaults.
func TestDeploy(t *testing.T) {
	for _, c := range []struct {
		name, cue string
		deploy    spec.Deploy
		ssh       spec.SSH
	}{
		{"nothing", "", spec.Deploy{Gate: time.Minute, Soak: 20 * time.Second, HandOver: true}, spec.SSH{Port: 0, HostKeys: []string{}}},
		{
			"all",
			`deploy: {kubeconfig: "a/admin.conf", gate: "1m30s", soak: "5s", handover: false}
			nodes: "doc-1": ssh: {host: "cp.example", port: 2222, user: "ops", identityFile: "id", hostKeys: ["ssh-rsa AAAA"], proxyJump: "j", sftpServer: "/opt/sftp-server"}`,
			spec.Deploy{Kubeconfig: "a/admin.conf", Gate: 90 * time.Second, Soak: 5 * time.Second},
			spec.SSH{Host: "cp.example", Port: 2222, User: "ops", IdentityFile: "id", HostKeys: []string{"ssh-rsa AAAA"}, ProxyJump: "j", SFTPServer: "/opt/sftp-server"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, err := config.Load(t.Context(), module(t, fmt.Sprintf(header, c.cue)), []string{"./c"}, config.Options{})
			if err != nil || len(res.Findings) > 0 {
				t.Fatal(err, res.Findings)
			}
			got := res.Clusters[0]
			if diff := cmp.Diff(c.deploy, got.Deploy) + cmp.Diff(c.ssh, got.Nodes[0].SSH); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestSSHNames: spec.SSH has the same field names in JSON reports as in CUE.
func TestSSHNames(t *testing.T) {
	want := spec.SSH{Host: "cp.example", Port: 2222, User: "ops", IdentityFile: "id", HostKeys: []string{"ssh-rsa AAAA"}, ProxyJump: "j", SFTPServer: "/opt/sftp-server"}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	res, err := config.Load(t.Context(), module(t, fmt.Sprintf(header, `nodes: "doc-1": ssh: `+string(data))), []string{"./c"}, config.Options{})
	if err != nil || len(res.Findings) > 0 {
		t.Fatal(err, res.Findings)
	}
	if diff := cmp.Diff(want, res.Clusters[0].Nodes[0].SSH); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if data, err = json.Marshal(spec.SSH{}); err != nil || string(data) != "{}" {
		t.Errorf("what isn't said is %s, %v", data, err)
	}
}
