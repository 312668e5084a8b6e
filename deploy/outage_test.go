package deploy

import (
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/live"
)

// TestOutageTime: what of a time an apiserver was away, and what its absence excuses.
func TestOutageTime(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 1, 1, 0, 0, s, 0, time.UTC) }
	const grace = 8 * time.Second
	var o outage
	for _, c := range []struct {
		second  int
		hangs   int // for how long the question did
		away    bool
		ended   bool
		lasted  int
		excuses bool
	}{
		{0, 0, false, false, 0, false},
		{1, 0, true, false, 0, true},
		{5, 0, true, false, 4, true},
		{13, 0, false, true, 12, true},
		{20, 0, false, false, 12, true}, // who can't renew ends a little later
		{22, 0, false, false, 12, false},
		{30, 0, true, false, 12, true},
		{40, 0, false, true, 22, true},
		{49, 0, false, false, 22, false},
		{60, 2, false, false, 22, false}, // slow
		{80, 9, false, true, 31, true},   // it hung, and answered in the end
		{89, 0, false, false, 31, false},
		{100, 10, true, false, 41, true}, // nobody waits longer
		{101, 1, false, true, 42, true},
	} {
		if ended := o.see(at(c.second-c.hangs), at(c.second), c.away); ended != c.ended {
			t.Errorf("after %d s one has ended: %v", c.second, ended)
		}
		if got := o.lasted(at(c.second)); got != time.Duration(c.lasted)*time.Second {
			t.Errorf("after %d s it was away for %v, expected %d s", c.second, got, c.lasted)
		}
		if got := o.excuses(at(c.second), grace); got != c.excuses {
			t.Errorf("after %d s it excuses: %v", c.second, got)
		}
	}
}

// TestUnanswered: an apiserver that says no is there.
func TestUnanswered(t *testing.T) {
	for reason, want := range map[error]bool{
		live.ErrUnreachable: true, live.ErrTimeout: true, live.ErrUnavailable: true,
		live.ErrUntrusted: false, live.ErrUnauthorized: false, live.ErrForbidden: false, live.ErrNoLease: false, live.ErrCredentials: false, live.ErrAnswer: false,
		nil: false, errors.New("another"): false,
	} {
		err := reason
		if reason != nil {
			err = &LeaseError{&live.Error{Reason: reason}}
		}
		if got := unanswered(err); got != want {
			t.Errorf("%v: %v", reason, got)
		}
	}
}

// TestRegard: a host that passed earlier is held to what its process was then, unless its
// end is excused; then to what it becomes.
func TestRegard(t *testing.T) {
	was, none, other := pulse{10, 0}, pulse{0, 0}, pulse{20, 1}
	for _, c := range []struct {
		name          string
		is            pulse
		had, excused  bool
		then          pulse
		pardoned, fit bool
	}{
		{"as it was", was, false, true, was, false, true},
		{"ended", none, false, false, was, false, false},
		{"another process", other, false, false, was, false, false},
		{"ended, the apiserver is away", none, false, true, was, true, true},
		{"still not there, long after", none, true, false, was, true, true},
		{"there again", other, true, false, other, false, true},
		{"another process, the apiserver is away", other, false, true, other, false, true},
	} {
		then, pardoned, fit := regard(was, c.is, c.had, func() bool { return c.excused })
		if then != c.then || pardoned != c.pardoned || fit != c.fit {
			t.Errorf("%s: %v, %v, %v", c.name, then, pardoned, fit)
		}
	}
}

// aGate is one of a cluster whose gate is 30 s, soak 5 s, lease 15 s.
func aGate(now *time.Time) *gate {
	c := &spec.Cluster{}
	c.Deploy.Gate, c.Deploy.Soak = 30*time.Second, 5*time.Second
	m := &machine{node: &spec.Node{Name: "cp-1"}, want: &Want{Set: Set{Generation: generation, flags: map[string]string{}}}, seen: &host.Seen{}}
	r := &Rollout{cluster: c, o: Options{Now: func() time.Time { return *now }}, machines: []*machine{m}}
	return &gate{r: r, m: m, set: &m.want.Set, soak: c.Deploy.Soak, begun: *now, atLeast: tooOften, out: &r.out, fault: "no", leadless: "nobody"}
}

// TestVerdict: a gate's time doesn't run while the apiserver is away, and that ends some
// day.
func TestVerdict(t *testing.T) {
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return begun.Add(time.Duration(s) * time.Second) }
	for _, c := range []struct {
		name       string
		away, back int // -1: never
		healthy    int // since when; -1: it isn't
		on         bool
		until      int // of a way back; -1: as long as the rollout waits
		now        int
		done       bool
		says       string
	}{
		{"healthy for long enough", -1, -1, 2, false, -1, 7, true, ""},
		{"healthy for not long enough", -1, -1, 3, false, -1, 7, false, ""},
		{"never healthy", -1, -1, -1, false, -1, 31, false, "it isn't healthy after 30s: no"},
		{"away for longer than that", 1, -1, -1, false, -1, 50, false, ""},
		{"away, and back for a moment", 1, 41, -1, false, -1, 60, false, ""},
		{"away, and back, with time left", 1, 41, -1, false, -1, 65, false, ""},
		{"away, and back for long", 1, 41, -1, false, -1, 72, false, "it isn't healthy after 30s: no"},
		{"away for good", 1, -1, -1, false, -1, 92, false, "the apiserver has been away for 1m31s"},
		{"away, and healthy again", 1, 41, 45, false, -1, 50, true, ""},
		{"on the way back, and waited for", 1, -1, -1, true, 80, 50, false, ""},
		{"on the way back, and waited for already", 1, -1, -1, true, 0, 2, false, "the apiserver has been away"},
	} {
		now := begun
		g := aGate(&now)
		if g.back = c.on; c.until >= 0 {
			g.until = at(c.until)
		}
		if c.away >= 0 {
			g.out.see(at(c.away), at(c.away), true)
			g.absent = live.ErrUnreachable
		}
		if c.back >= 0 {
			g.out.see(at(c.back), at(c.back), false)
		}
		if c.healthy >= 0 {
			g.since = at(c.healthy)
		}
		done, err := g.verdict(at(c.now))
		if text := fmt.Sprint(err); done != c.done || (err != nil) != (c.says != "") || !strings.Contains(text, c.says) && err != nil {
			t.Errorf("%s: %v, %v, expected %v, %q", c.name, done, err, c.done, c.says)
		}
		if away := (*AwayError)(nil); errors.As(err, &away) != strings.HasPrefix(c.says, "the apiserver") {
			t.Errorf("%s: %T", c.name, err)
		}
	}
}

// TestAlive: a process that ends by itself fails, unless the apiserver was away.
func TestAlive(t *testing.T) {
	for _, c := range []struct {
		name     string
		is       pulse
		healthy  bool
		away     bool
		says     string
		restarts int // that are too many from now on
	}{
		{"as it was", pulse{10, 0}, true, false, "", 2},
		{"started again once", pulse{11, 1}, false, false, "", 2},
		{"started again twice", pulse{12, 2}, false, false, "it ended 2 times by itself", 2},
		{"ended, and was healthy", pulse{11, 1}, true, false, "it was healthy, and ended by itself", 2},
		{"started again twice, the apiserver is away", pulse{12, 2}, false, true, "", 4},
		{"ended, the apiserver is away", pulse{0, 0}, true, true, "", 2},
	} {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		g := aGate(&now)
		if g.pulse = (pulse{10, 0}); c.healthy {
			g.since = now
		}
		g.out.see(now, now, c.away)
		err := g.alive(t.Context(), &examined{Probed: &host.Probed{}}, c.is)
		if (err != nil) != (c.says != "") || err != nil && err.Error() != c.says {
			t.Errorf("%s: %v, expected %q", c.name, err, c.says)
		}
		if g.atLeast != c.restarts || c.away && !g.since.IsZero() {
			t.Errorf("%s: %d restarts are too many, healthy since %v", c.name, g.atLeast, g.since)
		}
	}
}

// TestLate: one answer that doesn't come in time is none yet, the second is: whichever of
// two it was that came.
func TestLate(t *testing.T) {
	slow, no := &live.Error{Reason: live.ErrTimeout}, errors.New("no")
	now := time.Now()
	g := aGate(&now)
	g.since = now
	for i, c := range []struct {
		errs []error
		want bool
	}{
		{[]error{nil, nil}, false},
		{[]error{nil, slow}, true},
		{[]error{nil, slow}, false},
		{[]error{nil, nil}, false},
		{[]error{slow, nil}, true},
		{[]error{slow, slow}, false},
		{[]error{no, slow}, false},
		{[]error{nil, slow}, true},
	} {
		if got := g.late(c.errs...); got != c.want {
			t.Errorf("%d: %v is late: %v", i, c.errs, got)
		}
	}
	if g.since = (time.Time{}); g.late(slow) {
		t.Error("a host that was never healthy is late")
	}
}

// TestBackTogether: hosts that soak at once on the way back don't write to what they
// share. With -race.
func TestBackTogether(t *testing.T) {
	now := time.Now()
	g := aGate(&now)
	var all sync.WaitGroup
	for range 3 {
		m := &machine{node: g.m.node, want: g.m.want}
		one := &gate{r: g.r, m: m, set: g.set, back: true, begun: now, since: now, out: &outage{}}
		all.Go(func() {
			if done, err := one.verdict(now); !done || err != nil {
				t.Errorf("%v, %v", done, err)
			}
		})
	}
	all.Wait()
	if g.r.led {
		t.Error("a host that is back makes the new configuration lead")
	}
}

// TestDue: a trial whose host would go back by itself is given its time again in time.
func TestDue(t *testing.T) {
	now := time.Now()
	for left, want := range map[time.Duration]bool{40: false, 31: false, 29: true, 1: true} {
		if got := due(now, now.Add(left*time.Second), 40*time.Second); got != want {
			t.Errorf("%d s before it goes back: %v", left, got)
		}
	}
}

// TestUnseen: that the apiserver is away is said once.
func TestUnseen(t *testing.T) {
	away := &AwayError{time.Minute, errors.New("refused")}
	for want, err := range map[string]error{
		"went back: cp-1: the apiserver has been away for 1m0s, and nothing is known to be wrong with the host: refused":            &UnseenError{[]string{"cp-1"}, away, &HostError{"cp-1", away}},
		"went back: cp-1: bad\ncp-1: the apiserver has been away for 1m0s, and nothing is known to be wrong with the host: refused": &UnseenError{[]string{"cp-1"}, away, &HostError{"cp-1", &GateError{Reason: "bad"}}},
	} {
		if got := err.Error(); got != want {
			t.Errorf("%s\nexpected\n%s", got, want)
		}
	}
}

// TestHang: a question of this machine's that hung is an outage for the host, too: it
// complains of it afterwards, and nobody looked meanwhile.
func TestHang(t *testing.T) {
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return begun.Add(time.Duration(s) * time.Second) }
	for _, c := range []struct {
		from, to, now int
		on            bool // an outage that the host has seen goes on
		fails         bool
	}{
		{10, 40, 45, false, false},
		{10, 40, 59, false, false},
		{10, 40, 62, false, true},
		{10, 12, 31, false, true},
		{10, 40, 45, true, false},
	} {
		now := begun
		g := aGate(&now)
		if c.on {
			g.out.see(at(5), at(5), true)
		}
		now = at(c.to)
		g.hang(at(c.from), at(c.to))
		if _, err := g.verdict(at(c.now)); (err != nil) != c.fails {
			t.Errorf("%+v: %v", c, err)
		}
		if on := !g.out.begun.IsZero(); on != c.on {
			t.Errorf("%+v: an outage goes on: %v", c, on)
		}
	}
}

// TestLeaderHangs: asking who leads is such a question.
func TestLeaderHangs(t *testing.T) {
	var clock atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		clock.Add(int64(12 * time.Second))
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"namespace":"kube-system","name":"kube-controller-manager"},"spec":{"holderIdentity":"cp-9_1"}}`)
	}))
	t.Cleanup(server.Close)
	ca := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],"users":[{"name":"u","user":{"token":"t"}}],
		"clusters":[{"name":"k","cluster":{"server":%q,"certificate-authority-data":%q}}]}`, server.URL, ca)
	client, err := live.New([]byte(text), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	g := aGate(&began)
	g.r.o.Now = func() time.Time { return began.Add(time.Duration(clock.Load())) }
	g.r.o.Leader = client
	if err := g.leader(t.Context(), began); err != nil {
		t.Fatal(err)
	}
	if now := g.r.o.Now(); g.out.lasted(now) != 12*time.Second || !g.out.begun.IsZero() {
		t.Errorf("an outage of %v, which goes on: %v; nobody leads: %s", g.out.lasted(now), !g.out.begun.IsZero(), g.leadless)
	}
}
