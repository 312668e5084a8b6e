package canary

import (
	"errors"
	"fmt"

	"github.com/kcmgen/kcmgen/live"
)

// fieldOf returns a field of an object; nil if it isn't there.
func fieldOf(o live.Object, path ...string) any {
	var at any = o
	for _, name := range path {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[name]
	}
	return at
}

// text returns a field that is a text; "" if it is none.
func text(o live.Object, path ...string) string {
	s, _ := fieldOf(o, path...).(string)
	return s
}

func isAbsent(err error) bool { return errors.Is(err, live.ErrAbsent) }

// failed reports whether a ReplicaSet's controller says that it couldn't make a pod.
func failed(o live.Object) bool { return condition(o, "ReplicaFailure") != "" }

// condition returns the message of a condition that is true; "" if it isn't.
func condition(o live.Object, kind string) string {
	all, _ := fieldOf(o, "status", "conditions").([]any)
	for _, c := range all {
		if m, ok := c.(map[string]any); ok && m["type"] == kind && m["status"] == "True" {
			return fmt.Sprint(m["message"])
		}
	}
	return ""
}

// ending returns what a namespace's controller says keeps it from ending; "" if it says nothing.
func ending(o live.Object) string {
	all, _ := fieldOf(o, "status", "conditions").([]any)
	for _, c := range all {
		if m, ok := c.(map[string]any); ok && m["status"] == "True" {
			return fmt.Sprintf("%v: %v", m["type"], m["message"])
		}
	}
	return ""
}

// conditions returns the failed conditions of a CSR.
func conditions(o live.Object) string {
	all, _ := fieldOf(o, "status", "conditions").([]any)
	for _, c := range all {
		if m, ok := c.(map[string]any); ok && m["type"] != "Approved" {
			return fmt.Sprintf(": %v: %v", m["type"], m["message"])
		}
	}
	return ""
}
