package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sample is an image with all kinds of content.
func sample(t *testing.T) (Image, string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program")
	data := bytes.Repeat([]byte("not so short\n"), 200_000)
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return Image{
		Name: "localhost/kcm:v1.37.1", Arch: "arm64", Version: "v1.37.1",
		Program:     File{To: "/usr/bin/kcm", Mode: 0o755, Size: int64(len(data)), Sum: strings.TrimPrefix(digestOf(data), "sha256:"), Open: func() (io.ReadCloser, error) { return os.Open(name) }},
		Directories: []string{"/var/lib/kubernetes", "/etc/kubernetes"},
		Files:       []File{Bytes("/etc/kubernetes/sa.key", 0o600, []byte("key")), Bytes("/etc/ca.crt", 0o644, []byte("ca"))},
	}, name
}

func write(t *testing.T, i Image) ([]byte, string) {
	t.Helper()
	var b bytes.Buffer
	digest, size, err := i.Write(&b)
	if err != nil {
		t.Fatal(err)
	}
	if size != int64(b.Len()) {
		t.Errorf("it returns %d bytes, and wrote %d", size, b.Len())
	}
	return b.Bytes(), digest
}

// unpack returns a tar's files by name, and a line for each entry.
func unpack(t *testing.T, r io.Reader) (map[string][]byte, []string) {
	t.Helper()
	files, lines := map[string][]byte{}, []string(nil)
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return files, lines
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = data
		lines = append(lines, fmt.Sprintf("%c %04o %d:%d %d %s", h.Typeflag, h.Mode, h.Uid, h.Gid, h.ModTime.Unix(), h.Name))
	}
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// descriptor is OCI's descriptor.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations"`
	Platform    map[string]string `json:"platform"`
}

// TestArchive follows the image from its index to the last file, as any reader would: every
// blob has the checksum in its name.
func TestArchive(t *testing.T) {
	i, _ := sample(t)
	data, digest := write(t, i)
	files, _ := unpack(t, bytes.NewReader(data))
	blob := func(d descriptor) []byte {
		b, ok := files["blobs/"+strings.Replace(d.Digest, ":", "/", 1)]
		if !ok || digestOf(b) != d.Digest || len(b) != d.Size {
			t.Fatalf("the blob %+v is not there, or another (%d bytes, %s)", d, len(b), digestOf(b))
		}
		return b
	}
	decode := func(data []byte, to any) {
		if err := json.Unmarshal(data, to); err != nil {
			t.Fatal(err)
		}
	}
	var index struct{ Manifests []descriptor }
	decode(files["index.json"], &index)
	top := index.Manifests[0]
	if top.Digest != digest || top.Annotations["org.opencontainers.image.ref.name"] != i.Name || top.Platform["architecture"] != "arm64" || top.Platform["variant"] != "v8" {
		t.Errorf("the index has %+v, and %s was returned", top, digest)
	}
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	decode(blob(top), &manifest)
	var config struct {
		Architecture, OS, Variant, Created string
		Config                             struct {
			Entrypoint []string
			Labels     map[string]string
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	decode(blob(manifest.Config), &config)
	if config.Architecture != "arm64" || config.OS != "linux" || config.Variant != "v8" || config.Created != "1970-01-01T00:00:00Z" ||
		!cmp.Equal(config.Config.Entrypoint, []string{"/usr/bin/kcm"}) || config.Config.Labels["org.opencontainers.image.version"] != "v1.37.1" {
		t.Errorf("the config is %+v", config)
	}
	want := [][]string{
		{"5 0755 0:0 0 usr/", "5 0755 0:0 0 usr/bin/", "0 0755 0:0 0 usr/bin/kcm"},
		{
			"5 0755 0:0 0 etc/", "5 0755 0:0 0 etc/kubernetes/", "5 0755 0:0 0 var/", "5 0755 0:0 0 var/lib/", "5 0755 0:0 0 var/lib/kubernetes/",
			"0 0644 0:0 0 etc/ca.crt", "0 0600 0:0 0 etc/kubernetes/sa.key",
		},
	}
	if len(manifest.Layers) != len(want) || len(config.RootFS.DiffIDs) != len(want) {
		t.Fatalf("there are %d layers and %d ids", len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	for n, l := range manifest.Layers {
		z, err := gzip.NewReader(bytes.NewReader(blob(l)))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		if got := digestOf(plain); got != config.RootFS.DiffIDs[n] {
			t.Errorf("layer %d is %s, the config says %s", n, got, config.RootFS.DiffIDs[n])
		}
		if _, lines := unpack(t, bytes.NewReader(plain)); !cmp.Equal(lines, want[n]) {
			t.Errorf("layer %d: %s", n, cmp.Diff(want[n], lines))
		}
	}
}

// TestReproducible: the bytes depend on contents, modes and names, not on time, order or
// place.
func TestReproducible(t *testing.T) {
	i, name := sample(t)
	first, digest := write(t, i)
	if err := os.Chtimes(name, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	other, _ := sample(t)
	other.Files[0], other.Files[1] = other.Files[1], other.Files[0]
	other.Directories[0], other.Directories[1] = other.Directories[1], other.Directories[0]
	for what, i := range map[string]Image{"again": i, "in another order": other} {
		if again, d := write(t, i); d != digest || !bytes.Equal(again, first) {
			t.Errorf("%s it is %s, and was %s", what, d, digest)
		}
		if got, err := InputsOf(bytes.NewReader(first)); err != nil || got != i.Inputs() {
			t.Errorf("%s it is made of %s, and was of %s (%v)", what, i.Inputs(), got, err)
		}
	}
	for what, change := range map[string]func(*Image){
		"an architecture": func(i *Image) { i.Arch = "amd64" },
		"a version":       func(i *Image) { i.Version = "v1.37.2" },
		"a mode":          func(i *Image) { i.Files[0].Mode = 0o644 },
		"contents":        func(i *Image) { i.Files[0] = Bytes(i.Files[0].To, i.Files[0].Mode, []byte("other")) },
		"a directory":     func(i *Image) { i.Directories = i.Directories[1:] },
		"a place":         func(i *Image) { i.Program.To = "/kcm" },
		"a file":          func(i *Image) { i.Files = i.Files[1:] },
		"another place":   func(i *Image) { i.Files[0].To = "/x" },
		"a program":       func(i *Image) { i.Program = Bytes(i.Program.To, i.Program.Mode, []byte("other")) },
	} {
		changed, _ := sample(t)
		change(&changed)
		other, d := write(t, changed)
		if d == digest {
			t.Errorf("%s makes no difference", what)
		}
		if got, err := InputsOf(bytes.NewReader(other)); err != nil || got != changed.Inputs() || got == i.Inputs() {
			t.Errorf("%s: it is made of %q (%v)", what, got, err)
		}
	}
}

// TestInputsOf: other archives are errors, and blobs aren't read.
func TestInputsOf(t *testing.T) {
	i, _ := sample(t)
	other := i
	other.Name = "localhost/other:v1"
	if other.Inputs() == i.Inputs() {
		t.Error("a name makes no difference")
	}
	data, _ := write(t, i)
	r := &counting{ReadSeeker: bytes.NewReader(data)}
	if got, err := InputsOf(r); err != nil || got != i.Inputs() || r.n > 8<<10 {
		t.Errorf("%d bytes of %d were read: %q (%v)", r.n, len(data), got, err)
	}
	i.Program.Sum = ""
	unknown, _ := write(t, i)
	if i.Inputs() != "" {
		t.Error("a program that isn't known has inputs")
	}
	var plain bytes.Buffer
	if err := writeTar(&plain, []File{Bytes(indexName, 0o644, []byte("{"))}, nil); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":        {nil, "it has no index.json"},
		"no tar":         {bytes.Repeat([]byte("text"), 1000), "invalid tar header"},
		"half an image":  {data[:700], "unexpected EOF"},
		"a broken index": {plain.Bytes(), "index.json: unexpected EOF"},
		"another tool's": {unknown, "index.json has no io.github.kcmgen.inputs"},
	} {
		if got, err := InputsOf(bytes.NewReader(tc.data)); got != "" || err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// counting counts the bytes that are read.
type counting struct {
	io.ReadSeeker
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.ReadSeeker.Read(p)
	c.n += n
	return n, err
}

// TestChanging: a program that changes while it is read is an error.
func TestChanging(t *testing.T) {
	for name, data := range map[string][]string{"other bytes": {"one", "two"}, "fewer": {"one", "on"}, "more": {"one", "once"}} {
		i, _ := sample(t)
		reads := 0
		i.Program = File{To: "/kcm", Mode: 0o755, Size: 3, Open: func() (io.ReadCloser, error) {
			reads++
			return io.NopCloser(strings.NewReader(data[min(reads, 2)-1])), nil
		}}
		if _, _, err := i.Write(io.Discard); err == nil || !strings.Contains(err.Error(), "changed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	i, _ := sample(t)
	gone := errors.New("gone")
	i.Program.Open = func() (io.ReadCloser, error) { return nil, gone }
	if _, _, err := i.Write(io.Discard); !errors.Is(err, gone) {
		t.Errorf("a program that is gone: %v", err)
	}
	i, _ = sample(t)
	if _, _, err := i.Write(full{}); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
}

var errFull = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// TestCollide: files of an image must have different paths.
func TestCollide(t *testing.T) {
	for name, change := range map[string]func(*Image){
		"one place":                func(i *Image) { i.Files[0].To = i.Files[1].To },
		"the program's":            func(i *Image) { i.Files[0].To = i.Program.To },
		"below the program":        func(i *Image) { i.Files[0].To = i.Program.To + "/ca.crt" },
		"a directory at a file":    func(i *Image) { i.Directories[0] = i.Files[0].To },
		"a directory below a file": func(i *Image) { i.Directories[0] = i.Program.To + "/x/y" },
	} {
		i, _ := sample(t)
		change(&i)
		if _, _, err := i.Write(io.Discard); err == nil || !strings.Contains(err.Error(), "in each other's way") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
