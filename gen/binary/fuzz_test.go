package binary

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// FuzzCheck: any bytes are a program for at most one architecture, and checking them is
// safe.
func FuzzCheck(f *testing.F) {
	for _, m := range machines {
		h := make([]byte, 64)
		copy(h, elf.ELFMAG)
		h[4], h[5], h[6] = byte(m.class), byte(m.data), byte(elf.EV_CURRENT)
		var order binary.ByteOrder = binary.LittleEndian
		if m.data == elf.ELFDATA2MSB {
			order = binary.BigEndian
		}
		order.PutUint16(h[16:], uint16(elf.ET_EXEC))
		order.PutUint16(h[18:], uint16(m.machine))
		order.PutUint32(h[20:], uint32(elf.EV_CURRENT))
		f.Add(h)
		f.Add(h[:40])
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		fits := 0
		for _, arch := range spec.Archs {
			if check(bytes.NewReader(data), arch) == nil {
				fits++
			}
		}
		if fits > 1 {
			t.Errorf("it is a program for %d architectures", fits)
		}
		name := filepath.Join(dir, "program")
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_ = File{Path: name}.Static("here")
	})
}
