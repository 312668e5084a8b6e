package deploy

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/image"
)

// archiveOf writes an image's archive, and returns its file and its digest.
func archiveOf(t *testing.T, name, arch string) (file, digest string) {
	t.Helper()
	var b bytes.Buffer
	digest, _, err := image.Image{Name: name, Arch: arch, Version: "v1.37.1", Program: image.Bytes("/kcm", 0o755, []byte("program"))}.Write(&b)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, digest
}

// TestReadImage: an archive is of the pod's image and for the node, or refused.
func TestReadImage(t *testing.T) {
	const name = "docker.io/library/kcm:v1"
	good, digest := archiveOf(t, "kcm:v1", "amd64")
	if i, err := readImage(good, "amd64", name); err != nil || i.Name != name || i.Digest != digest || i.Archive.Size == 0 {
		t.Errorf("%+v, %v: expected digest %s", i, err, digest)
	} else if archive, err := withSum(i.Archive); err != nil || len(archive.SHA256) != 64 || archive.Size != i.Archive.Size {
		t.Errorf("%+v, %v: expected its checksum", archive, err)
	}
	if i, err := readImage(filepath.Join(t.TempDir(), "none"), "amd64", name); i != nil || err != nil {
		t.Errorf("no archive: %v, %v", i, err)
	}
	broken := filepath.Join(t.TempDir(), "broken.tar")
	if err := os.WriteFile(broken, []byte("no archive"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct{ file, arch, name, want string }{
		"another architecture": {good, "arm64", name, "an image for amd64, and not for arm64"},
		"another name":         {good, "amd64", "docker.io/library/kcm:v2", "it is the image kcm:v1, and the pod's is docker.io/library/kcm:v2"},
		"no archive":           {broken, "amd64", name, ""},
		"a directory":          {t.TempDir(), "amd64", name, ""},
	} {
		if i, err := readImage(c.file, c.arch, c.name); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v, expected %q", what, i, err, c.want)
		}
	}
}
