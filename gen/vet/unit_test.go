package vet

import (
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// lines adds directives to a unit that systemd restarts.
func lines(kv ...string) func(*spec.Cluster) {
	return func(c *spec.Cluster) {
		for i := 0; i < len(kv); i += 2 {
			service(c, kv[i], kv[i+1])
		}
	}
}

var unitCases = map[string]testCase{
	"a unit of type exec":          {lines("Type", "exec"), nil},
	"a unit of type notify":        {lines("Type", "notify"), []string{"unit-type"}},
	"a unit of type notify, reset": {lines("Type", "notify", "Type", "", "Type", "simple"), nil},
	"a unit of type forking":       {lines("Type", "forking"), []string{"unit-type"}},
	"a unit of type oneshot":       {lines("Type", "oneshot"), []string{"unit-type"}},
	"a unit of type dbus":          {lines("Type", "dbus"), []string{"unit-type"}},
	"started again at once":        {lines("RestartSec", ""), []string{"start-limit"}},
	"started again after a second": {lines("Restart", "always", "RestartSec", "1s"), []string{"start-limit"}},
	"started again at the limit":   {lines("RestartSec", "2"), nil},
	"started again just before it": {lines("RestartSec", "1s 999ms"), []string{"start-limit"}},
	"started again without a limit": {func(c *spec.Cluster) {
		lines("Restart", "always", "RestartSec", "1")(c)
		c.Unit.Unit = []spec.Directive{{Name: "StartLimitIntervalSec", Value: "0"}}
	}, nil},
	"started again, a long limit": {func(c *spec.Cluster) {
		lines("Restart", "always", "RestartSec", "5")(c)
		c.Unit.Unit = []spec.Directive{{Name: "StartLimitIntervalSec", Value: "1min"}}
	}, []string{"start-limit"}},
	"started again, and often": {func(c *spec.Cluster) {
		lines("Restart", "always", "RestartSec", "1")(c)
		c.Unit.Unit = []spec.Directive{{Name: "StartLimitBurst", Value: "50"}}
	}, nil},
	"started again in steps": {lines("Restart", "always", "RestartSec", "1", "RestartSteps", "5", "RestartMaxDelaySec", "30"), nil},
	"no network":             {lines("PrivateNetwork", "yes"), []string{"network-hidden"}},
	"no network, taken back": {lines("PrivateNetwork", "yes", "PrivateNetwork", "no"), nil},
	"another network":        {lines("PrivateNetwork", "yes", "NetworkNamespacePath", "/run/netns/a"), nil},
	"a network with another unit": {func(c *spec.Cluster) {
		lines("PrivateNetwork", "yes")(c)
		c.Unit.Unit = []spec.Directive{{Name: "JoinsNamespaceOf", Value: "vpn.service"}}
	}, nil},
	"no address":                         {lines("IPAddressDeny", "any"), []string{"network-hidden"}},
	"some addresses":                     {lines("IPAddressDeny", "any", "IPAddressAllow", "10.0.0.0/8 localhost"), nil},
	"no port":                            {lines("SocketBindDeny", "any"), []string{"network-hidden"}},
	"one port":                           {lines("SocketBindDeny", "any", "SocketBindAllow", "tcp:10257"), nil},
	"no sockets":                         {lines("RestrictAddressFamilies", "none"), []string{"network-hidden"}},
	"sockets of its own":                 {lines("RestrictAddressFamilies", "AF_UNIX"), []string{"network-hidden"}},
	"sockets, in two lines":              {lines("RestrictAddressFamilies", "AF_UNIX", "RestrictAddressFamilies", "AF_INET AF_INET6"), nil},
	"sockets, but not those":             {lines("RestrictAddressFamilies", "~AF_INET"), []string{"network-hidden"}},
	"sockets, but not others":            {lines("RestrictAddressFamilies", "~AF_PACKET AF_NETLINK"), nil},
	"sockets, taken away and given back": {lines("RestrictAddressFamilies", "~AF_INET AF_PACKET", "RestrictAddressFamilies", "AF_INET"), nil},
	"a pod has no unit":                  {func(c *spec.Cluster) { pods(c); lines("Type", "notify", "PrivateNetwork", "yes")(c) }, nil},
}

// TestSpan: the results are those of systemd-analyze timespan.
func TestSpan(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"5": 5 * time.Second, "1min 30s": 90 * time.Second, "500ms": 500 * time.Millisecond, "2.5s": 2500 * time.Millisecond, "1h": time.Hour,
		"1 min2sec": 62 * time.Second, "": time.Minute,
	} {
		if got, ok := span(s, time.Minute); !ok || got != want {
			t.Errorf("%q is %v, %v", s, got, ok)
		}
	}
	for _, s := range []string{"infinity", "x", "5 fortnights", "-1", "1000000h", "5M"} {
		if got, ok := span(s, 0); ok {
			t.Errorf("%q is %v", s, got)
		}
	}
}
