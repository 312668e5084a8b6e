package artefact

import (
	"encoding/json"
	"errors"
	"strings"

	corev1 "k8s.io/api/core/v1"
	kjson "sigs.k8s.io/json"

	"github.com/kcmgen/kcmgen/internal/lazy"
)

// FieldError is a field that the Kubernetes API doesn't have, or a value of another type.
type FieldError struct {
	Path    string // such as tolerations[0].key
	Message string // without the value, which may be secret
}

// SpecErrors returns the errors in fields of a pod's spec, in the form of JSON.
func SpecErrors(fields map[string]any) []FieldError { return fieldErrors(fields, &corev1.PodSpec{}) }

// ContainerErrors returns the errors in fields of a container, in the form of JSON.
func ContainerErrors(fields map[string]any) []FieldError {
	return fieldErrors(fields, &corev1.Container{})
}

var unknownField = lazy.Regexp(`^unknown field "(.+)"$`)

func fieldErrors(fields map[string]any, into any) []FieldError {
	if len(fields) == 0 {
		return nil
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return []FieldError{{Message: "it can't be written as JSON"}}
	}
	strict, err := kjson.UnmarshalStrict(data, into)
	var out []FieldError
	for _, e := range strict {
		if m := unknownField().FindStringSubmatch(e.Error()); m != nil {
			out = append(out, FieldError{m[1], "the Kubernetes API has no such field"})
		}
	}
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		// Its Field begins with the type's name in some versions of Go.
		at := strings.TrimPrefix(strings.TrimPrefix(wrong.Field, "PodSpec."), "Container.")
		return append(out, FieldError{at, "the Kubernetes API wants another type than " + strings.Fields(wrong.Value + " ")[0]})
	}
	if err != nil { // such as a quantity: the message may have the value
		out = append(out, FieldError{Message: "the Kubernetes API refuses a value in it"})
	}
	return out
}
