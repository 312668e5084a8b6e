package deploy

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/status"
)

// pools returns whether a configuration gives each node a range, and of which ranges.
func pools(c *plan.Config) (bool, []status.Pool) {
	on, err := strconv.ParseBool(c.Flag("allocate-node-cidrs"))
	if kind := c.Flag("cidr-allocator-type"); err != nil || !on || kind != "" && kind != "RangeAllocator" {
		return false, nil
	}
	if !runsIPAM(c.Flag("controllers")) {
		return false, nil
	}
	var out []status.Pool
	for text := range strings.SplitSeq(c.Flag("cluster-cidr"), ",") {
		cidr, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return false, nil
		}
		family, usual := "ipv4", 24
		if cidr.Addr().Is6() {
			family, usual = "ipv6", 64
		}
		mask, _ := strconv.Atoi(cmp.Or(c.Flags()["node-cidr-mask-size-"+family], c.Flags()["node-cidr-mask-size"]))
		out = append(out, status.Pool{CIDR: cidr.Masked(), Mask: cmp.Or(mask, usual)})
	}
	return true, out
}

// runsIPAM reports whether a value of --controllers has the controller that gives nodes their ranges.
func runsIPAM(controllers string) bool {
	on := false
	for name := range strings.SplitSeq(strings.Trim(controllers, "[]"), ",") {
		switch strings.TrimSpace(name) {
		case "*", "node-ipam-controller", "nodeipam":
			on = true
		case "-node-ipam-controller", "-nodeipam":
			return false
		}
	}
	return on
}
