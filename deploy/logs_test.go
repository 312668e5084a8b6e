package deploy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// TestFresh: reads that overlap return each entry once, also entries of one moment.
func TestFresh(t *testing.T) {
	at := func(s int, text string) host.Entry { return host.Entry{Time: time.Unix(int64(s), 0), Text: text} }
	m := &machine{}
	r := &LogReader{since: map[*machine]time.Time{m: time.Unix(0, 0)}, last: map[*machine][]string{}}
	var got []string
	for _, read := range [][]host.Entry{
		{at(1, "a"), at(2, "b")},
		{at(2, "b"), at(2, "c")},
		{at(2, "b"), at(2, "c")},
		{},
		{at(2, "b"), at(2, "c"), at(3, "b")},
	} {
		for _, e := range r.fresh(m, read) {
			got = append(got, e.Text)
		}
	}
	if strings.Join(got, " ") != "a b c b" {
		t.Errorf("%q", got)
	}
}

// TestShowLog: changes of the leader and known errors stand out; an error is explained once for
// each node.
func TestShowLog(t *testing.T) {
	m := &machine{node: &spec.Node{Name: "cp-1"}, host: &plan.Host{Skew: time.Minute}}
	at := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	const unauthorized = `E0304 12:00:00.000000       1 leaderelection.go:439] error retrieving resource lock kube-system/kube-controller-manager: Unauthorized`
	var entries []LogEntry
	for _, text := range []string{"I0304 12:00:00.000000       1 leaderelection.go:1] successfully acquired lease x", unauthorized, unauthorized, "one\ntwo", `E0304 12:00:00.000000       1 controllermanager.go:1] "leaderelection lost"`} {
		entries = append(entries, m.entry(host.Entry{Time: at, Text: text}))
	}
	if want := at.Add(-time.Minute); !entries[0].Time.Equal(want) || entries[0].Leader != "leads" || entries[4].Leader != "lost" || entries[1].Known == nil {
		t.Errorf("%+v", entries)
	}
	var got []string
	for _, l := range ShowLog(entries, map[string]bool{}) {
		got = append(got, l.Mark+l.Text[:min(len(l.Text), 40)])
	}
	want := []string{
		"11:59:00.000 cp-1 I0304 12:00:00.000000 ", "------------ cp-1 leads", "11:59:00.000 cp-1 E0304 12:00:00.000000 ",
		"    that is:the apiserver doesn't accept its client ", "11:59:00.000 cp-1 E0304 12:00:00.000000 ",
		"11:59:00.000 cp-1 one", "11:59:00.000 cp-1     two",
		"11:59:00.000 cp-1 E0304 12:00:00.000000 ", "------------ cp-1 doesn't lead any more", "    that is:it lost its lease, or gave it back becau",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
