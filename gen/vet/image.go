package vet

import (
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// tagOf returns an image's digest or tag; "" if it has neither.
func tagOf(image string) string {
	if _, digest, ok := strings.Cut(image, "@"); ok {
		return digest
	}
	last := image[strings.LastIndex(image, "/")+1:]
	_, tag, _ := strings.Cut(last, ":")
	return tag
}

func imageTag(v *view) []fault {
	if v.Layout != spec.StaticPod {
		return nil
	}
	if tag := tagOf(v.Pod.Image); tag != "" && tag != "latest" {
		return nil
	}
	return one(fault{field: "pod.image", message: fmt.Sprintf("the image %s can be another one on every host", v.Pod.Image), expected: "a version as the tag, or a digest"})
}

var versionTag = lazy.Regexp(`^v1\.\d+\.\d+$`)

func imageVersion(v *view) []fault {
	name, _, _ := strings.Cut(v.Pod.Image, "@")
	tag := tagOf(name)
	if v.Layout != spec.StaticPod || !versionTag().MatchString(tag) || tag == v.Version.String() {
		return nil
	}
	return one(fault{field: "pod.image", also: []string{"version"}, message: fmt.Sprintf("the image is %s, the cluster's version %s", tag, v.Version), expected: "one version"})
}

func imageKeys(v *view) []fault {
	if v.Image == nil {
		return nil
	}
	var secret []string
	for _, r := range v.Image.Copy {
		if r.Secret() {
			secret = append(secret, string(r))
		}
	}
	if len(secret) == 0 {
		return nil
	}
	return one(fault{
		field: "image.copy", message: fmt.Sprintf("the image holds private keys (%s): anyone who pulls it has them", strings.Join(secret, ", ")),
		expected: "no copy: the files then come from the host, read-only",
	})
}

func imagePerNode(v *view) []fault {
	if v.Image == nil || v.Layout != spec.StaticPod {
		return nil
	}
	first := map[string]*nodeView{}
	for _, n := range v.own() {
		f, ok := first[n.Arch]
		if !ok {
			first[n.Arch] = n
			continue
		}
		for _, r := range v.Image.Copy {
			differs := r == spec.TLSCert || r == spec.TLSKey || r == spec.KubeconfigFile
			same := v.PKI.Shared && (r != spec.KubeconfigFile || v.Endpoint(f.Node) == v.Endpoint(n.Node))
			if differs && !same {
				return one(fault{
					field: "image.copy", message: fmt.Sprintf("%s differs between nodes %s and %s, which use one image", r, f.Name, n.Name),
					expected: `files from the host, or pki: scope: "cluster" with one endpoint`,
				})
			}
		}
	}
	return nil
}
