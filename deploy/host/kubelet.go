package host

import (
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// parseKubelet parses the output of kubelet. A line that begins with "|" is one of the file
// named before it.
func parseKubelet(text string) *plan.Kubelet {
	k := &plan.Kubelet{}
	var file *plan.Text
	open := func(in *[]plan.Text, name string) {
		*in = append(*in, plan.Text{File: name})
		file = &(*in)[len(*in)-1]
	}
	for line := range strings.Lines(text) {
		if of, ok := strings.CutPrefix(line, "|"); ok {
			if file != nil {
				file.Data = append(file.Data, of...)
			}
			continue
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "kubelet.pid":
			k.PID, _ = strconv.Atoi(value)
		case "kubelet.version":
			k.Version = value
		case "kubelet.directory":
			k.Dir = value
		case "kubelet.arg":
			k.Args = append(k.Args, value)
		case "kubelet.runtime":
			k.Runtime = value
		case "kubelet.silent":
			k.Silent = value
		case "kubelet.kept":
			k.KeptDigest = value
		case "kubelet.image":
			k.ImageDigest = value
		case "kubelet.config":
			open(&k.Configs, value)
		case "kubelet.manifest":
			open(&k.Manifests, value)
		}
	}
	return k
}
