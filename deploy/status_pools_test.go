package deploy

import (
	"fmt"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// TestPools: which ranges nodes get a part of, by the flags of a unit.
func TestPools(t *testing.T) {
	for flags, want := range map[string]string{
		"--allocate-node-cidrs=true --cluster-cidr=10.0.0.0/16":                                                   "true [{10.0.0.0/16 24 0}]",
		"--allocate-node-cidrs --cluster-cidr=10.0.1.0/16 --node-cidr-mask-size=25":                               "true [{10.0.0.0/16 25 0}]",
		"--allocate-node-cidrs=true --cluster-cidr=10.0.0.0/16,fd00::/48 --node-cidr-mask-size-ipv6=80":           "true [{10.0.0.0/16 24 0} {fd00::/48 80 0}]",
		"--allocate-node-cidrs=false --cluster-cidr=10.0.0.0/16":                                                  "false []",
		"--cluster-cidr=10.0.0.0/16":                                                                              "false []",
		"--allocate-node-cidrs=true --cluster-cidr=x":                                                             "false []",
		"--allocate-node-cidrs=true --cluster-cidr=10.0.0.0/16 --cidr-allocator-type=CloudAllocator":              "false []",
		"--allocate-node-cidrs=true --cluster-cidr=10.0.0.0/16 --controllers=*,-node-ipam-controller":             "false []",
		"--allocate-node-cidrs=true --cluster-cidr=10.0.0.0/16 --controllers=*,-nodeipam":                         "false []",
		"--allocate-node-cidrs=true --cluster-cidr=10.0.0.0/16 --controllers=job-controller":                      "false []",
		"--allocate-node-cidrs=true --cluster-cidr=10.0.0.0/16 --controllers=*,-job-controller":                   "true [{10.0.0.0/16 24 0}]",
		"--allocate-node-cidrs=true --cluster-cidr=10.0.0.0/16 --controllers=job-controller,node-ipam-controller": "true [{10.0.0.0/16 24 0}]",
	} {
		u := plan.Unit{File: "/etc/systemd/system/x.service", Name: "x.service"}
		c, err := plan.ParseConfig(u, plan.Found, []byte("[Service]\nExecStart=/bin/kcm "+flags+"\n"), func(string, bool) ([]byte, error) { return nil, nil })
		if err != nil {
			t.Fatal(err)
		}
		on, pools := pools(c)
		if got := fmt.Sprint(on, " ", pools); got != want {
			t.Errorf("%s: %s, want %s", flags, got, want)
		}
	}
}
