package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// watch continuously checks kube-controller-manager's health on all hosts, from their own
// networks, and reads the lease.
type watch struct {
	cancel context.CancelFunc
	gone   chan struct{}
	seen   seen
}

// seen is the result of a watch.
type seen struct {
	rounds int
	least  int // the least number of healthy hosts
	// lost is the total time in which two or more hosts weren't healthy.
	lost    time.Duration
	down    map[string]time.Duration // time that each host wasn't healthy
	worst   string                   // the faults when least were healthy
	leaders []string                 // hosts, in the order in which they led
	story   []string                 // what changed, and when
	last    map[string]string        // the last state by host, and of the lease
}

// every is how often a watch looks.
const every = 100 * time.Millisecond

func watchHosts(t *testing.T, g *ground.Ground) *watch {
	ctx, cancel := context.WithCancel(t.Context())
	w := &watch{cancel: cancel, gone: make(chan struct{}), seen: seen{least: len(g.Hosts), down: map[string]time.Duration{}, last: map[string]string{}}}
	clients := map[*ground.Host]*http.Client{}
	for _, h := range g.Hosts {
		clients[h] = inside(g, h)
	}
	go func() {
		defer close(w.gone)
		defer func() {
			for _, c := range clients {
				c.CloseIdleConnections()
			}
		}()
		start := time.Now()
		last := start
		for tick := time.NewTicker(every); ; {
			w.round(ctx, g, clients, start, &last)
			select {
			case <-tick.C:
			case <-ctx.Done():
				tick.Stop()
				return
			}
		}
	}()
	t.Cleanup(func() { w.end() })
	return w
}

func (w *watch) round(ctx context.Context, g *ground.Ground, clients map[*ground.Host]*http.Client, start time.Time, last *time.Time) {
	ill := map[string]error{}
	var lock sync.Mutex
	var all sync.WaitGroup
	for h, client := range clients {
		all.Go(func() {
			if err := healthy(ctx, client); err != nil {
				lock.Lock()
				ill[h.Name] = err
				lock.Unlock()
			}
		})
	}
	lease, err := g.Lease(ctx)
	all.Wait()
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	passed := now.Sub(*last)
	*last = now
	s := &w.seen
	s.rounds++
	for h := range clients {
		s.note(now.Sub(start), h.Name, fmt.Sprint(ill[h.Name]))
	}
	s.note(now.Sub(start), "lease", lease.Holder)
	for name := range ill {
		s.down[name] += passed
	}
	fine := len(clients) - len(ill)
	if fine < len(clients)-1 {
		s.lost += passed
	}
	if fine < s.least {
		s.least, s.worst = fine, fmt.Sprint(ill)
	}
	leader, _, _ := strings.Cut(lease.Holder, "_")
	if err == nil && leader != "" && (len(s.leaders) == 0 || s.leaders[len(s.leaders)-1] != leader) {
		s.leaders = append(s.leaders, leader)
	}
}

// note adds a change to the story.
func (s *seen) note(at time.Duration, who, what string) {
	if s.last[who] != what {
		s.last[who] = what
		s.story = append(s.story, fmt.Sprintf("%.1f s: %s: %s", at.Seconds(), who, what))
	}
}

// end ends it, and returns the result.
func (w *watch) end() seen {
	w.cancel()
	<-w.gone
	return w.seen
}

// changes returns how often the leader changed.
func (s seen) changes() int { return max(0, len(s.leaders)-1) }

func (s seen) String() string {
	return fmt.Sprintf("%d of 3 healthy at the least (%d looks), %d changes of the leader", s.least, s.rounds, s.changes())
}

// spared checks that at most one host was down at a time, and that the leader changed at most
// once.
func (s seen) spared(t *testing.T) {
	t.Helper()
	if s.rounds < 10 {
		t.Errorf("only %d looks at the hosts", s.rounds)
	}
	if s.least < 2 {
		t.Errorf("only %d hosts were healthy at once, for %.1f s in all: %s\n%s", s.least, s.lost.Seconds(), s.worst, strings.Join(s.story, "\n"))
	}
	if s.changes() > 1 {
		t.Errorf("the leader changed %d times: %v", s.changes(), s.leaders)
	}
}

// inside returns an HTTP client in a host's network that accepts any certificate.
func inside(g *ground.Ground, h *ground.Host) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return g.Dial(ctx, h.Name, address)
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
}

// healthy asks /healthz. A kept connection ends with its process, so the answer is from a
// running process.
func healthy(ctx context.Context, client *http.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+healthAddress+"/healthz", nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("/healthz says %d", answer.StatusCode)
	}
	return nil
}
