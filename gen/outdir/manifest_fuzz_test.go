package outdir

import (
	"testing"

	"github.com/kcmgen/kcmgen/gen/tree"
)

// FuzzParseManifest: a manifest is parsed or refused. A parsed one lists no file outside of
// the cluster's directory.
func FuzzParseManifest(f *testing.F) {
	for _, s := range []string{
		"", "{}", "[]", "null", `{"schema":1}`, `{"schema":2}`, `{"schema":0}`, `{"schema":-1}`, `{"schema":"1"}`, `{"schema":1e3}`, `{"schema":99999999999999999999}`,
		`{"schema":1,"files":[{"path":"a/b","mode":"0644","size":1,"sha256":"00"}]}`, `{"schema":1,"files":[{"path":"../a"}]}`, `{"schema":1,"files":[{"path":"/a"}]}`, `{"schema":1,"files":[{"path":"a/../../b"}]}`,
		`{"schema":1,"files":[{"path":"-a"}]}`, `{"schema":1,"files":[{"path":"a\u0000"}]}`, `{"schema":1,"files":[{"path":""}]}`, `{"schema":1,"files":[{}]}`, `{"schema":1,"files":null,"nodes":{"a":"b"}}`, `{"schema":1,"Files":[{"PATH":"../x"}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err != nil {
			return
		}
		if m.Schema < 1 || m.Schema > ManifestSchema {
			t.Errorf("read schema %d", m.Schema)
		}
		for at := range m.listed() {
			if err := tree.Safe(at); err != nil {
				t.Errorf("it lists %v", err)
			}
		}
	})
}
