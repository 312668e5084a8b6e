package vet

import (
	"fmt"
	"maps"
	"slices"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

func nodeArchitecture(v *view) []fault {
	if v.Binary == nil && v.Image == nil {
		return nil
	}
	var out []fault
	reported := map[string]bool{}
	for _, n := range v.nodes {
		if _, ok := v.Download(n.Arch); ok || reported[n.Arch] {
			continue
		}
		reported[n.Arch] = true
		out = append(out, fault{
			field: "binary.source", also: []string{finding.Path("nodes", n.Name, "arch")},
			message:  fmt.Sprintf("node %s is %s, and binary has no source for it", n.Name, n.Arch),
			expected: fmt.Sprintf("binary: source: %s: {url: …, sha256: …}", n.Arch),
		})
	}
	return out
}

// unverified returns the fields of sources without a checksum, by architecture.
func (v *view) unverified() map[string]string {
	out := map[string]string{}
	if v.Binary == nil {
		return out
	}
	for arch, d := range v.Binary.Source {
		if d.SHA256 == "" {
			out[arch] = finding.Path("binary", "source", arch)
		}
	}
	return out
}

func downloadUnverified(v *view) []fault {
	if v.Installs() {
		return nil // installUnverified reports it, and can't be waived
	}
	var out []fault
	fields := v.unverified()
	for _, arch := range slices.Sorted(maps.Keys(fields)) {
		out = append(out, fault{field: fields[arch], message: fmt.Sprintf("the program for %s has no checksum", arch), expected: "sha256: 64 hex digits"})
	}
	return out
}

// downloadCredentials: a builder fetches the URL in the Containerfile, and logs it.
func downloadCredentials(v *view) []fault {
	if v.Binary == nil {
		return nil
	}
	why := "anyone who reads this file has it"
	if v.Image != nil {
		why = "it would be in the Containerfile, the builder's log and the image's history"
	}
	var out []fault
	for _, arch := range slices.Sorted(maps.Keys(v.Binary.Source)) {
		if held := v.Binary.Source[arch].Credentials(); held != "" {
			out = append(out, fault{
				field: finding.Path("binary", "source", arch, "url"), message: fmt.Sprintf("the URL of the program for %s holds %s: %s", arch, held, why),
				expected: "a URL without secrets, or a file",
			})
		}
	}
	return out
}

func installUnverified(v *view) []fault {
	if !v.Installs() {
		return nil
	}
	var out []fault
	fields := v.unverified()
	for _, arch := range slices.Sorted(maps.Keys(fields)) {
		out = append(out, fault{
			field: fields[arch], also: []string{"binary.install"},
			message: fmt.Sprintf("the program for %s has no checksum, which names its directory on the hosts", arch), expected: "sha256: 64 hex digits",
		})
	}
	return out
}

func installLayout(v *view) []fault {
	if !v.Installs() || v.Uses(spec.Systemd) {
		return nil
	}
	return one(fault{
		field: "binary.install", also: []string{"layout"},
		message: "a static pod runs the program in its image, not one on the host", expected: `layout: "systemd", or no install`,
		hint: "kcmgen image makes the image from the same source",
	})
}
