package plan

import (
	"strings"

	"github.com/kcmgen/kcmgen/gen/tree"
)

// Image is an image that is brought to a host.
type Image struct {
	Name    string // in full
	Digest  string // of its manifest, as a registry shows it
	Archive tree.Blob
}

// ImageOf is the image that a generation's pod names.
type ImageOf struct{ Name, Generation string }

// ImageName returns an image's full name, as runtimes have it: with a registry and a tag.
func ImageName(name string) string {
	first, _, several := strings.Cut(name, "/")
	switch {
	case name == "":
		return ""
	case !several:
		name = "docker.io/library/" + name
	case first != "localhost" && !strings.ContainsAny(first, ".:"):
		name = "docker.io/" + name
	}
	if !strings.ContainsAny(name[strings.LastIndexByte(name, '/')+1:], ":@") {
		name += ":latest"
	}
	return name
}

// Image returns the full name of the pod's image; "" without a pod.
func (s *Config) Image() string {
	if s == nil || s.Pod == nil {
		return ""
	}
	return ImageName(s.Pod.Image)
}

// ImageOf returns the pod's image.
func (s *Config) ImageOf() ImageOf { return ImageOf{s.Image(), s.Generation} }

// MissingImage returns the image to bring to the host; nil if it has it, or has no tool to
// import it with.
func (h *Host) MissingImage() *Image {
	k, i := h.Snapshot.Kubelet, h.Desired.Archived
	if i == nil || k == nil || k.Runtime == "" || k.ImageDigest == i.Digest || k.KeptDigest == i.Digest {
		return nil
	}
	return i
}

// noteImage returns a note about an image that can't be looked for before the pod starts; "" if
// there is none.
func (h *Host) noteImage() string {
	k, name := h.Snapshot.Kubelet, h.Desired.Image()
	switch {
	case k == nil || k.PID == 0 || name == "" || k.Runtime != "":
		return ""
	case h.Desired.Archived != nil:
		return "it has no ctr or podman: import " + h.Desired.Archived.Archive.Path + " there by hand, unless its runtime has " + name + " already"
	}
	return "it has no ctr or podman: whether it has or gets " + name + " shows only when the pod starts"
}
