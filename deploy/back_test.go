package deploy

import (
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/live"
)

// TestQuiet: on the way back a host that works is restarted only while none of those
// that are still to go back can get to lead, since that may be what ends it.
func TestQuiet(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := &Rollout{o: Options{Now: func() time.Time { return now }, Poll: time.Second}}
	var todo []*wayBack
	for _, name := range []string{"cp-1", "cp-2", "cp-3"} {
		m := &machine{node: &spec.Node{Name: name}, seen: &host.Seen{}}
		r.machines = append(r.machines, m)
		if name != "cp-3" {
			todo = append(todo, &wayBack{m: m})
		}
	}
	lease := func(holder string, age, duration time.Duration) *live.Lease {
		return &live.Lease{Holder: holder + "_1", Hostname: holder, Renewed: now.Add(-age), Duration: duration}
	}
	const second = time.Second
	for _, c := range []struct {
		name    string
		was, is *live.Lease
		skew    float64 // of cp-2's clock
		next    int
		ok      bool
	}{
		{"one of them leads", nil, lease("cp-2", second, 15*second), 0, 1, true},
		{"one of them has led, and the lease is long", nil, lease("cp-2", 10*second, 15*second), 0, 0, true},
		{"one of them has led, and its clock is late", nil, lease("cp-2", 10*second, 15*second), -5, 1, true},
		{"one of them has led, and its clock is early", nil, lease("cp-2", 10*second, 15*second), 4, 0, false},
		{"one of them has led, and the lease runs out", nil, lease("cp-2", 12*second, 15*second), 0, 0, false},
		{"another one leads, with a short lease", nil, lease("cp-3", 0, 3*second), 0, 0, false},
		{"another one goes on leading", lease("cp-3", second, 3*second), lease("cp-3", 0, 3*second), 0, 0, true},
		{"another one doesn't", lease("cp-3", second, 3*second), lease("cp-3", second, 3*second), 0, 0, false},
		{"another one has begun to", lease("cp-2", 3*second, 3*second), lease("cp-3", 0, 3*second), 0, 0, false},
	} {
		r.machines[1].report.Skew = c.skew
		l := &lull{poll: r.o.Poll}
		if c.was != nil {
			r.quiet(l, todo, c.was, 3*second)
		}
		next, ok := r.quiet(l, todo, c.is, 3*second)
		if ok != c.ok || ok && next != c.next {
			t.Errorf("%s: %d, %v, expected %d, %v", c.name, next, ok, c.next, c.ok)
		}
	}
}
