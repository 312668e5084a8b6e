package vet

import "github.com/kcmgen/kcmgen/gen/spec"

func dual(c *spec.Cluster) {
	c.Networks.Pods = cidrs("10.200.0.0/16", "fd01::/56")
	c.Networks.Services = cidrs("10.32.0.0/16", "fd00::/112")
	c.APIServer.Flags[serviceRange] = spec.Setting{Value: "10.32.0.0/16,fd00::/112"}
}

func pods(c *spec.Cluster) { c.Layout = spec.StaticPod }

func service(c *spec.Cluster, name, value string) {
	c.Unit.Service = append(c.Unit.Service, spec.Directive{Name: name, Value: value})
}

func image(c *spec.Cluster, copied ...spec.Role) {
	pods(c)
	c.Image = &spec.Image{Base: "scratch", Copy: copied}
	source(c)
}

func source(c *spec.Cluster) {
	c.Binary = &spec.Binary{Source: map[string]spec.Download{"amd64": {URL: "https://x", SHA256: "0"}}}
}

func url(c *spec.Cluster, address string) {
	image(c)
	c.Binary.Source["amd64"] = spec.Download{URL: address, SHA256: "0"}
}

func install(c *spec.Cluster) {
	source(c)
	c.Binary.Install = true
}

func waiver(c *spec.Cluster, rule string, fields ...string) {
	c.Waivers = append(c.Waivers, spec.Waiver{Rule: rule, Reason: "because of a test", Fields: fields})
}
