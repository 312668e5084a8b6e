package roundtrip

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/kcmgen/kcmgen/gen/adopt"
	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/render"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// comparePod compares how a pod starts the program, its fields, and what it mounts apart from
// the volumes of a generation.
func (r *Comparison) comparePod(c *spec.Cluster, want adopt.Expected, form render.Form) error {
	got, err := artefact.PodMap(form.Text)
	if err != nil {
		return err
	}
	seen, err := artefact.ParseHostPod(form.Text)
	if err != nil {
		return err
	}
	asked, have := podLeaves(want.Pod), podLeaves(got)
	// A probe without a host asks the pod's address, where such a process listens, too.
	everywhere := slices.ContainsFunc(seen.Argv, func(a string) bool {
		return a == "--bind-address=0.0.0.0" || a == "--bind-address=::" || a == "--bind-address="
	})
	for _, at := range slices.Sorted(maps.Keys(asked)) {
		if at == "metadata.name" || at == "metadata.creationTimestamp" || strings.HasPrefix(at, "status") {
			continue
		}
		r.Fields.Of++
		value, ok := have[at]
		switch {
		case ok && value.equal(at, asked[at]), !ok && asked[at].unset(at):
			r.Fields.Equal++
		case !ok:
			r.differs("%s: %s is exported as nothing", at, asked[at].shown(at))
		case hidden(at):
			r.differs("%s: … is exported as another value", at)
		case value.text == asked[at].text && asked[at].isText:
			r.differs("%s: the text %q is exported as %s", at, asked[at].text, value.text)
		case value.text == asked[at].text:
			r.differs("%s: %s is exported as the text %q", at, asked[at].text, value.text)
		default:
			r.differs("%s: %s is exported as %s", at, asked[at].shown(at), value.shown(at))
		}
	}
	for _, at := range slices.Sorted(maps.Keys(have)) {
		_, said := asked[at]
		host := everywhere && strings.HasSuffix(at, "Probe.httpGet.host")
		if !said && !host && !implied(at, have[at].text, want.Pod) {
			r.differs("%s: %s is exported, and isn't in the files", at, have[at].shown(at))
		}
	}
	r.compareStart(c, want, got)
	r.compareMounts(c, want.Pod, got, form)
	return nil
}

// unset reports whether a value is what Kubernetes does without it.
func (l leaf) unset(at string) bool {
	field := at[strings.LastIndexByte(at, '.')+1:]
	if strings.Contains(at, "Probe.") && field == "successThreshold" {
		return l.text == "1"
	}
	return field == "initialDelaySeconds" && l.text == "0" ||
		slices.Contains([]string{"spec.hostNetwork", "spec.hostPID", "spec.hostIPC", "spec.shareProcessNamespace"}, at) && l == leaf{text: "false"}
}

// implied reports whether a field that is exported says what Kubernetes does without it, or
// what a template has no place for.
func implied(at, value string, want map[string]any) bool {
	image, _ := programOf(want)["image"].(string)
	switch at {
	case "kind", "apiVersion":
		return want["kind"] == nil
	case "metadata.name":
		return true
	case "metadata.namespace":
		return value == "default"
	case "spec.containers.imagePullPolicy":
		return value == "IfNotPresent" && !adopt.Latest(image) || value == "Always" && adopt.Latest(image)
	}
	probe := strings.TrimPrefix(strings.TrimPrefix(at, "spec.containers.livenessProbe."), "spec.containers.startupProbe.")
	name, _, _ := strings.Cut(strings.TrimPrefix(at, "spec.containers."), ".")
	return programOf(want)[name] != nil && slices.Contains([]string{"periodSeconds 10", "timeoutSeconds 1", "failureThreshold 3"}, probe+" "+value)
}

// leaf is a field's value. A text isn't equal to a number that is written like it.
type leaf struct {
	text   string
	isText bool
}

func (l leaf) equal(at string, other leaf) bool {
	if strings.HasSuffix(at, "Get.port") { // a number, or a port's name
		return l.text == other.text
	}
	if strings.Contains(at, ".resources.") {
		return artefact.SameQuantity(l.text, other.text)
	}
	return l == other
}

// shown is the value for messages, which don't print what may be a password.
func (l leaf) shown(at string) string {
	switch {
	case hidden(at):
		return "…"
	case l.text == "" || strings.IndexFunc(l.text, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0:
		return strconv.Quote(l.text)
	}
	return l.text
}

// hidden reports whether a value may be a password: that of a variable or of a header, or a
// word of a command line.
func hidden(at string) bool {
	element := func(list, field string) bool {
		_, after, ok := strings.Cut(at, list+"[")
		return ok && strings.HasSuffix(after, field)
	}
	name := at[strings.LastIndexByte(at, '.')+1:]
	return element(".env", "].value") || element(".httpHeaders", "].value") || element(".command", "]") || element(".args", "]") || adopt.LooksSecret(name) && name != "key"
}

// programOf is the container of a pod that starts the program: the first one.
func programOf(pod map[string]any) map[string]any {
	s, _ := pod["spec"].(map[string]any)
	list, _ := s["containers"].([]any)
	if len(list) == 0 {
		return nil
	}
	out, _ := list[0].(map[string]any)
	return out
}

// compareStart compares the words up to the program.
func (r *Comparison) compareStart(c *spec.Cluster, want adopt.Expected, got map[string]any) {
	r.Fields.Of++
	var words []string
	container := programOf(got)
	for _, field := range []string{"command", "args"} {
		list, _ := container[field].([]any)
		for _, w := range list {
			words = append(words, fmt.Sprint(w))
		}
	}
	for i := len(words) - 1; i >= 0; i-- { // what starts the program may have it as an argument
		if words[i] == c.Paths.Binary {
			words = words[:i+1]
			break
		}
	}
	asked := want.Start.Words
	last := func(words []string) string { return strconv.Quote(words[len(words)-1]) }
	switch {
	case len(words) == 0:
		r.differs("command: nothing is exported")
	case want.Start.Other != "":
		r.differs("command: %s isn't exported: the pod starts %s", want.Start.Other, last(words))
	case len(asked) == 0 || !slices.Equal(asked[:len(asked)-1], words[:len(words)-1]): // which may have a password
		r.differs("command: what starts the program, with %d words, is exported as other words", len(asked))
	case !sameProgram(want.Pod, asked[len(asked)-1], words[len(words)-1]):
		r.differs("command: the program %s is exported as %s", last(asked), last(words))
	default:
		r.Fields.Equal++
	}
}

// sameProgram reports whether a pod starts the same file. The images of Kubernetes, and their
// copies under other registries, find the program's bare name in /usr/local/bin.
func sameProgram(want map[string]any, asked, got string) bool {
	image, _ := programOf(want)["image"].(string)
	return asked == got || asked == spec.ProgramName && got == "/usr/local/bin/"+asked && strings.HasPrefix(path.Base(image), spec.ProgramName)
}

// podLeaves returns the fields of a pod that hold values, by path. The fields of the program's
// container are directly under spec.containers, those of others under their names.
func podLeaves(pod map[string]any) map[string]leaf {
	out := map[string]leaf{}
	ports := map[string]string{}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				switch {
				case at == "spec" && (key == "volumes" || key == "containers"):
				case at == "spec.containers" && slices.Contains([]string{"command", "args", "volumeMounts", "name"}, key):
				default:
					walk(strings.TrimPrefix(at+"."+key, "."), value)
				}
			}
		case []any:
			for i, e := range v {
				if m, ok := e.(map[string]any); ok && m["containerPort"] != nil && at == "spec.containers.ports" {
					ports[fmt.Sprint(m["name"])] = fmt.Sprint(m["containerPort"])
				}
				walk(fmt.Sprintf("%s[%d]", at, i), e)
			}
		case nil:
		case float64: // of JSON
			out[at] = leaf{text: strconv.FormatFloat(v, 'f', -1, 64)}
		case string:
			out[at] = leaf{v, true}
		default:
			out[at] = leaf{text: fmt.Sprint(v)}
		}
	}
	walk("", any(pod))
	podSpec, _ := pod["spec"].(map[string]any)
	containers, _ := podSpec["containers"].([]any)
	for i, c := range containers {
		at := "spec.containers"
		if m, _ := c.(map[string]any); i > 0 {
			at = fmt.Sprintf("spec.containers[%v]", m["name"])
		}
		walk(at, c)
	}
	for at, l := range out {
		if strings.HasPrefix(at, "spec.containers.") && strings.HasSuffix(at, "Get.port") && ports[l.text] != "" {
			out[at] = leaf{text: ports[l.text]}
		}
	}
	return out
}
