//go:build linux

package ground

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// Addresses of the ground. Its namespaces are isolated, so they can't conflict with the same
// addresses outside.
const (
	network   = "10.77.0.0/24"
	gateway   = "10.77.0.1"
	control   = "10.77.0.10"
	firstHost = "10.77.0.11"
	wireNear  = "10.77.1.2" // the operator's end of the wire
	wireFar   = "10.77.1.1"
)

// members returns the addresses of the namespaces on the bridge.
func members(hosts []*Host) map[string]netip.Addr {
	out := map[string]netip.Addr{"control": netip.MustParseAddr(control)}
	for _, h := range hosts {
		out[h.Name] = h.Address
	}
	return out
}

// names returns the names of all namespaces of the ground.
func names(hosts []*Host) []string {
	out := []string{"operator", "fabric", "control"}
	for _, h := range hosts {
		out = append(out, h.Name)
	}
	return out
}

// connect makes the namespaces, the bridge and the wire.
func (g *Ground) connect(ctx context.Context, o Options) error {
	for _, name := range names(g.Hosts) {
		if err := addNamespace(ctx, name); err != nil {
			return err
		}
	}
	var err error
	if g.wire, err = newWire(o.RTT/2, slices.Collect(maps.Values(members(g.Hosts)))); err != nil {
		return err
	}
	if err := setting("fabric", "ipv4/ip_forward"); err != nil {
		return err
	}
	fabric := []string{
		"link add br0 type bridge",
		"address add " + gateway + "/24 dev br0",
		"link set br0 up",
		"address add " + wireFar + "/30 dev wire",
		"link set wire up txqueuelen 5000",
	}
	for name := range members(g.Hosts) {
		fabric = append(fabric, "link add "+name+" type veth peer name eth0 netns "+prefix+name, "link set "+name+" master br0 up")
	}
	if err := configure(ctx, "fabric", fabric...); err != nil {
		return err
	}
	for name, address := range members(g.Hosts) {
		if err := configure(ctx, name, "link set lo up", "address add "+address.String()+"/24 dev eth0",
			"link set eth0 up", "route add default via "+gateway); err != nil {
			return err
		}
	}
	return configure(ctx, "operator", "link set lo up", "address add "+wireNear+"/30 dev wire",
		"link set wire up txqueuelen 5000", "route add "+network+" via "+wireFar)
}

// addNamespace makes a namespace without IPv6, which would add packets of its own.
func addNamespace(ctx context.Context, name string) error {
	if _, err := program(ctx, "ip", "netns", "add", prefix+name); err != nil {
		return err
	}
	if err := setting(name, "ipv6/conf/default/disable_ipv6"); !os.IsNotExist(err) {
		return err
	}
	return nil
}

// setting turns on a setting of the kernel in a namespace.
func setting(name, path string) error {
	return in(name, func() error { return os.WriteFile("/proc/sys/net/"+path, []byte("1"), 0) })
}

// configure runs ip's commands in a namespace.
func configure(ctx context.Context, name string, commands ...string) error {
	cmd := inside(name, "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	r, err := finish(ctx, cmd)
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("the network of %s: %s", name, r.Err)
	}
	return err
}
