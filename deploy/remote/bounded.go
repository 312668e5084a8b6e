package remote

import (
	"bytes"
	"fmt"
	"sync"
)

// maxOutput bounds each stream of Run, in bytes.
const maxOutput = 16 << 20

// bounded collects output. take may be called while writes go on.
type bounded struct {
	max int // in bytes
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *bounded) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	room := min(len(p), b.max-b.buf.Len())
	b.buf.Write(p[:room])
	if room < len(p) {
		return room, fmt.Errorf("the command printed more than %d bytes", b.max)
	}
	return len(p), nil
}

func (b *bounded) take() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.buf.Bytes())
}
