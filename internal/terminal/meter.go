package terminal

import (
	"fmt"
	"io"
)

// Meter is a line of progress on a terminal; elsewhere it prints nothing.
type Meter struct {
	w    io.Writer
	what string
	last int // percent
}

// NewMeter returns a meter of something, such as "evaluated".
func NewMeter(w io.Writer, what string) *Meter {
	if !Is(w) {
		w = nil
	}
	return &Meter{w, what, -1}
}

// Step shows that done of total are done.
func (m *Meter) Step(done, total int) {
	percent := done * 100 / max(total, 1)
	if m.w == nil || total < 4 || percent == m.last {
		return
	}
	m.last = percent
	fmt.Fprintf(m.w, "\r\x1b[K%s %d of %d", m.what, done, total)
}

// End removes the line.
func (m *Meter) End() {
	if m.w != nil && m.last >= 0 {
		fmt.Fprint(m.w, "\r\x1b[K")
	}
}
