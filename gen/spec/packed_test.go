package spec

import (
	"encoding/json"
	"testing"
)

// TestPack: an Embedded that was sent to another process redacts the same, bytes that are no
// text too.
func TestPack(t *testing.T) {
	e := NewEmbedded([]string{"a.json"}, map[string]bool{"own": true, "cluster": true})
	for _, s := range []string{"hunter2", "a long secret value", "own", "\xff\xfe bytes that are no text", "1234"} {
		e.Add(s)
	}
	e.Own("later")
	data, err := json.Marshal(e.Pack())
	if err != nil {
		t.Fatal(err)
	}
	var p *PackedEmbedded
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	got := p.Unpack()
	for _, text := range []string{"hunter2", "x hunter2 y", "a long sec", "own cluster later", "\xff\xfe bytes that", "1234 12345", "ecret valu"} {
		if a, b := e.Redact(text), got.Redact(text); a != b {
			t.Errorf("%q: %q, not %q", text, b, a)
		}
	}
	if (*Embedded)(nil).Pack() != nil || (*PackedEmbedded)(nil).Unpack() != nil {
		t.Error("nil isn't nil")
	}
}
