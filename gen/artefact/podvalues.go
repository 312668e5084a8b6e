package artefact

import (
	"encoding/json"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"
)

// Literal returns a scalar without quotes as JSON, if the kubelet reads it as a number or a
// truth value. It reads YAML 1.1: no is false, and 0644 is 420.
func Literal(scalar string) (string, bool) {
	data, err := yaml.YAMLToJSON([]byte(scalar))
	out := strings.TrimSpace(string(data))
	if err != nil || out == "" || strings.ContainsAny(out[:1], `"[{n`) || !json.Valid([]byte(out)) {
		return "", false
	}
	return out, true
}

// SameQuantity reports whether two texts are the same amount of a resource.
func SameQuantity(a, b string) bool {
	x, err := resource.ParseQuantity(a)
	if err != nil {
		return false
	}
	y, err := resource.ParseQuantity(b)
	return err == nil && x.Cmp(y) == 0
}
