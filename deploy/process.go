package deploy

import (
	"io"
	"strings"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/remote"
)

// process adapts a remote session to host.Process.
type process struct {
	*remote.Session
	mu         sync.Mutex
	complaints strings.Builder
	done       chan struct{}
}

// maxComplaints is how much of a program's standard error is kept, in bytes. The first
// lines say why it failed.
const maxComplaints = 2 << 10

func asProcess(s *remote.Session, err error) (host.Process, error) {
	if err != nil {
		return nil, err
	}
	p := &process{Session: s, done: make(chan struct{})}
	go p.readStderr()
	return p, nil
}

func (p *process) readStderr() {
	defer close(p.done)
	buf := make([]byte, 1<<10)
	for {
		n, err := p.Session.Stderr.Read(buf)
		p.mu.Lock()
		if room := maxComplaints - p.complaints.Len(); room > 0 {
			p.complaints.Write(buf[:min(n, room)])
		}
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (p *process) Stdin() io.WriteCloser { return p.Session.Stdin }
func (p *process) Stdout() io.Reader     { return p.Session.Stdout }

// Stderr returns the beginning of standard error. It is called after output has ended, so
// the rest arrives at once or never.
func (p *process) Stderr() string {
	select {
	case <-p.done:
	case <-time.After(time.Second):
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.TrimSpace(p.complaints.String())
}
