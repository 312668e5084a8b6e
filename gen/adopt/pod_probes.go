package adopt

import (
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// probeTimes are the fields of a probe that the vocabulary has, with what Kubernetes does
// without them.
var probeTimes = []struct{ name, kubernetes string }{{"initialDelaySeconds", "0"}, {"periodSeconds", "10"}, {"timeoutSeconds", "1"}, {"failureThreshold", "3"}}

func (p *podWriter) probes() {
	for _, name := range []string{"livenessProbe", "startupProbe"} {
		n := p.container.Get(name)
		if n.Is(yamltext.Null) {
			p.w.line("%s: null", name)
			continue
		}
		if n.Get("httpGet", "path").Str() != "/healthz" {
			p.left("container."+name, n)
			p.w.line("%s: null", name)
			continue
		}
		p.w.line("%s: {\n%s\n}", name, strings.Join(p.probeTimes(name, n), "\n"))
		if headers := n.Get("httpGet", "httpHeaders"); headers != nil {
			p.left("container."+name+".httpGet.httpHeaders", headers)
		}
		for key, value := range n.Each() {
			switch key.String() {
			case "httpGet", "initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold":
			case "successThreshold": // a probe of these kinds must have 1
			default:
				p.left("container."+name+"."+p.w.Set.Show(key), value)
			}
		}
	}
}

// probeTimes writes the times of a probe. What is no number isn't written: the vocabulary takes
// numbers alone.
func (p *podWriter) probeTimes(probe string, n *yamltext.Node) []string {
	var lines []string
	for _, f := range probeTimes {
		value := f.kubernetes
		if v := n.Get(f.name); !v.Is(yamltext.Null) {
			got, ok := literal(v)
			switch {
			case ok && strings.Trim(got, "0123456789") == "":
				value = got
			case v.IsHole():
				value = p.w.holes.expression(v.Value())
			default:
				p.left("container."+probe+"."+f.name, v)
			}
		}
		lines = append(lines, f.name+": "+value)
	}
	return lines
}
