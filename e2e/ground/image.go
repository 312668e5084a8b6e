//go:build linux

package ground

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"runtime"
)

// writeImage writes an OCI archive with an image of one static program.
func writeImage(file, name, program string) error {
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	entry := "/" + path.Base(program)
	layer, err := archive(tarred{entry[1:], content, 0o755})
	if err != nil {
		return err
	}
	files := []tarred{{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644}}
	type object = map[string]any
	// blob adds a blob and returns its descriptor.
	blob := func(kind string, content []byte) object {
		sum := fmt.Sprintf("%x", sha256.Sum256(content))
		files = append(files, tarred{"blobs/sha256/" + sum, content, 0o644})
		return object{"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + sum, "size": len(content)}
	}
	encoded := func(o object) []byte {
		text, err := json.Marshal(o)
		if err != nil {
			panic(err) // strings and numbers
		}
		return text
	}
	layers := []object{blob("layer.v1.tar", layer)}
	config := blob("config.v1+json", encoded(object{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": object{"Entrypoint": []string{entry}},
		"rootfs": object{"type": "layers", "diff_ids": []any{layers[0]["digest"]}},
	}))
	manifest := blob("manifest.v1+json", encoded(object{"schemaVersion": 2, "config": config, "layers": layers}))
	manifest["annotations"] = object{"io.containerd.image.name": name}
	index := encoded(object{"schemaVersion": 2, "manifests": []object{manifest}})
	all, err := archive(append(files, tarred{"index.json", index, 0o644})...)
	if err != nil {
		return err
	}
	return os.WriteFile(file, all, 0o644)
}

// tarred is a file in an archive.
type tarred struct {
	name    string
	content []byte
	mode    int64
}

func archive(files ...tarred) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}
