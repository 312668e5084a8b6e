//go:build linux

package host_test

import (
	"reflect"
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
		{
			name: "two units that don't run, and processes of users",
			text: "host node-1\nstray 7\nstray 8\npid 0\nunit a.service\npid 0\nunit b.service\n",
			want: host.Found{Host: "node-1", Strays: []int{7, 8}, Processes: []host.FoundProcess{{Unit: "a.service"}, {Unit: "b.service"}}},
		},
	} {
		if got := host.ParseFound(c.text); !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", c.name, *got, c.want)
		}
	}
}
