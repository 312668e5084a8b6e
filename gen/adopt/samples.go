package adopt

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// sampleOf returns a value that a flag may have. It isn't what the flag has without the hole,
// by default or because kcmgen adds it: a hole that is lost must show in the proof.
func sampleOf(use *flagUse, whole bool, other string) string {
	name := strings.ReplaceAll(use.name, "_", "-")
	usual := cmp.Or(usualFlags()[name], use.def.Default)
	switch {
	case strings.Contains(name, "cidr") && use.def.Type != "bool" && !strings.Contains(name, "mask") && !whole, strings.Contains(name, "address"):
		return "10.209.0.0"
	case name == "cluster-cidr":
		return "10.209.0.0/16"
	case name == "service-cluster-ip-range":
		return "10.210.0.0/16"
	case !whole:
		return other
	case use.def.Type == "bool":
		return strconv.FormatBool(!isTrue(usual))
	case len(use.def.Allowed) > 0:
		return use.def.Allowed[max(0, slices.IndexFunc(use.def.Allowed, func(s string) bool { return s != "" && s != usual }))]
	case use.def.Type == "duration":
		d, _ := time.ParseDuration(usual)
		return (d + time.Second).String()
	case isNumberType(use.def):
		return next(usual)
	case name == "controllers":
		return "*"
	case name == "feature-gates":
		return "AllAlpha=false"
	case strings.HasSuffix(name, "-file"), strings.HasSuffix(name, "kubeconfig"), strings.HasSuffix(name, "-dir"):
		return "/etc/kubernetes/" + other
	}
	return other
}

// usualFlags are the flags that kcmgen adds, by name.
var usualFlags = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, f := range policy.NodeFlags(&spec.Cluster{Hardened: true, Paths: defaultPaths()}, &spec.Node{}) {
		out[f.Name] = f.Value
	}
	return out
})

func isNumberType(d flags.Def) bool { _, ok := number("1", d); return ok }

// next is a number after another one.
func next(s string) string {
	if n, err := strconv.Atoi(s); err == nil {
		return strconv.Itoa(n + 1)
	}
	f, _ := strconv.ParseFloat(s, 64)
	return strconv.FormatFloat(f+0.125, 'f', -1, 32)
}

// typePod gives the holes of a pod samples that their fields take.
func (w *writer) typePod(pod *yamltext.Node) {
	n := 0
	var walk func(key string, v *yamltext.Node)
	walk = func(key string, v *yamltext.Node) {
		if v == nil {
			return
		}
		for _, f := range v.Pairs {
			walk(f.Key.String(), f.Value)
		}
		for _, e := range v.Items {
			walk(key, e)
		}
		if v.Kind != yamltext.Scalar && v.Kind != yamltext.Null {
			return
		}
		t := v.Value()
		for _, hole := range w.Set.Holes(t) {
			n++
			w.holes.typeByField(hole, key, t, n)
		}
	}
	walk("", pod)
}

// fieldSamples are values of a pod's fields, mostly other than those that Kubernetes or the vocabulary
// has without them.
var fieldSamples = map[string]string{
	"imagePullPolicy": "Always", "restartPolicy": "OnFailure", "dnsPolicy": "Default", "protocol": "TCP", "effect": "NoExecute", "operator": "Exists",
	"type": "DirectoryOrCreate", "preemptionPolicy": "Never", "terminationMessagePolicy": "FallbackToLogsOnError",
	"cpu": "150m", "memory": "150Mi", "ephemeral-storage": "1Gi",
	"hostNetwork": "true", "readOnly": "true", "readOnlyRootFilesystem": "true", "runAsNonRoot": "true", "privileged": "true",
	"allowPrivilegeEscalation": "true", "automountServiceAccountToken": "true", "enableServiceLinks": "true", "hostPID": "true", "hostIPC": "true",
	"ip": "10.208.1.1", "host": "10.208.1.1", "hostIP": "10.208.1.1", "scheme": "HTTPS",
}

// numberFields are fields with a number.
var numberFields = strings.Fields(`priority containerPort hostPort port runAsUser runAsGroup fsGroup supplementalGroups terminationGracePeriodSeconds
	tolerationSeconds initialDelaySeconds periodSeconds timeoutSeconds failureThreshold successThreshold`)

// typeByField gives a hole a sample by the field whose value t is.
func (h *holes) typeByField(x text.Hole, field string, t text.Text, n int) {
	found := h.get(x)
	if found.at.Line == 0 {
		found.at = h.set.Pos(t.At(0))
	}
	if found.typed {
		return
	}
	s, known := fieldSamples[field]
	switch {
	case slices.Contains(numberFields, field):
		found.sample, found.typed = strconv.Itoa(20+n), t.IsHole()
	case (field == "cpu" || field == "memory") && !t.IsHole():
		found.sample = strconv.Itoa(150 + n)
	case known && t.IsHole():
		found.sample, found.typed = s, true
	case (field == "path" || field == "mountPath" || field == "workingDir") && h.set.Holes(t)[0] == x && !strings.HasPrefix(t.String(), "/"):
		found.sample = fmt.Sprintf("/%s", strings.TrimPrefix(found.sample, "/"))
		found.typed = t.IsHole()
	}
}
