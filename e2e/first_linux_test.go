package e2e

import (
	"testing"
	"time"
)

// none is the generation of a host without any deployment.
const none = "none"

// blank makes the host one without any deployment.
func (s *site) blank(t *testing.T) {
	t.Helper()
	do(t, s.h, "sh", "-c", `
		systemctl stop kcmgen-revert.timer kcmgen-revert.service 2>/dev/null
		systemctl disable -q --now kube-controller-manager kcmgen-recover 2>/dev/null
		rm -rf /etc/kubernetes /etc/systemd/system/kube-controller-manager.service /etc/systemd/system/kcmgen-recover.service /run/kcmgen.lock /run/kcmgen.act
		systemctl daemon-reload
		systemctl reset-failed`)
}

// firsts has the same faults in first deployments: afterwards a host runs nothing, or all of
// the deployment.
func firsts(t *testing.T, all []*site) {
	old := map[*site]*variant{}
	for _, s := range all {
		old[s], s.a = s.a, &variant{name: "nothing", generation: none}
	}
	defer func() {
		for _, s := range all {
			s.settle(t, s.b)
			s.a = old[s]
			s.a, s.b = s.b, s.a
		}
	}()
	for _, s := range all {
		s.blank(t)
	}
	everywhere(t, all, func(t *testing.T, s *site) {
		s.measured(t)
		s.traced(t)
	})
	t.Run("kill", func(t *testing.T) {
		sum := newCount()
		share(t, all, few(moments(24), 99, 3), func(t *testing.T, s *site, at moment) { s.killed(t, at, sum) })
		cuts(t, "kill -9 in a first deployment", sum, 10)
	})
	t.Run("left alone", func(t *testing.T) {
		sum := newCount()
		everywhere(t, all, func(t *testing.T, s *site) { sum.add("", "", s.leftAlone(t)) })
		figure(t, "kill -9 in the trial of a first deployment", "nothing runs again, on %d of %d hosts, the last after %.0f s", len(all), len(all), sum.worst.Seconds())
	})
	t.Run("sftp", func(t *testing.T) {
		cuts(t, "SFTP cut in a first deployment", cutSFTP(t, all, all[0].packets, 12, 0), 10)
	})
	t.Run("connection", func(t *testing.T) {
		cuts(t, "connection cut in a first deployment", cutConnection(t, all, 18, 0), 10)
	})
}

// leftAlone kills a deployment in its trial, without another run. It returns the time until
// the host runs nothing.
func (s *site) leftAlone(t *testing.T) time.Duration {
	t.Helper()
	s.ready(t)
	r, err := s.run(t.Context(), s.b, s.killing("soak", s.calls["soak"]/2, 0, s.deploy()...)...)
	if err != nil || r.code != killedCode {
		t.Fatalf("exit %d, %v\n%s", r.code, err, r.err)
	}
	start := time.Now()
	eventually(t, func() error {
		p, err := s.look(t.Context())
		if err == nil {
			_, err = p.judge(s.a)
		}
		return err
	})
	took := time.Since(start)
	if took > s.slower()*70*time.Second {
		t.Errorf("it took %v", took)
	}
	if err := s.converge(t.Context(), s.b); err != nil {
		t.Error(err)
	}
	s.next(t)
	return took
}
