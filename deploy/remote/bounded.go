package remote

import (
	"bytes"
	"fmt"
	"sync"
)

// maxOutput bounds what Run keeps of each stream.
const maxOutput = 16 << 20

// bounded collects what is printed, which may still go on when it is taken.
type bounded struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *bounded) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buf.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("the command printed more than %d bytes", maxOutput)
	}
	return b.buf.Write(p)
}

func (b *bounded) take() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.buf.Bytes())
}
