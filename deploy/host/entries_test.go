package host_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/host"
)

func shown(entries []host.Entry) string {
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%s %q\n", e.Time.UTC().Format("15:04:05.000000"), e.Text)
	}
	return b.String()
}

// TestParseJournal: entries come out in the order of time, with all lines of their texts, and
// systemd's own are marked.
func TestParseJournal(t *testing.T) {
	got := shown(host.ParseJournal(strings.Join([]string{
		`1700000003.000003 cp-1 systemd[1]: Started kube-controller-manager.service: it runs.`,
		`1700000002.500000 cp-1 kube-controller-manager[7]: goroutine 1:`,
		`                                                  main.go:12`,
		`                                                  main.go:13`,
		`1700000001.000001 cp-1 kube-controller-manager[7]: I0304 x.go:1] a: b`,
		`1700000000.000000 cp-1 odd`,
		``,
	}, "\n")))
	want := `22:13:20.000000 "odd"
22:13:21.000001 "I0304 x.go:1] a: b"
22:13:22.500000 "goroutine 1:\nmain.go:12\nmain.go:13"
22:13:23.000003 "systemd: Started kube-controller-manager.service: it runs."
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for _, text := range []string{"", "\n", "-- No entries --\n", "  a\n", "1700000000 cp-1 a[1]: b\n", "x.000000 a b: c\n"} {
		if got := host.ParseJournal(text); len(got) != 0 {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestParsePodLog: parts of a line that the runtime has cut are put together.
func TestParsePodLog(t *testing.T) {
	got := shown(host.ParsePodLog(strings.Join([]string{
		`2026-03-04T12:00:00.123456789+07:00 stderr F E0304 a b`,
		`2026-03-04T05:00:01Z stdout P one `,
		`2026-03-04T05:00:01.5Z stdout P two `,
		`2026-03-04T05:00:02Z stdout F three`,
		`2026-03-04T05:00:03Z stdout F `,
		`nonsense`,
		`x stdout F y`,
		``,
	}, "\n")))
	want := `05:00:00.123456 "E0304 a b"
05:00:01.000000 "one two three"
05:00:03.000000 ""
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// FuzzEntries: no answer of a host makes it fail, and no text is made up.
func FuzzEntries(f *testing.F) {
	f.Add("1700000003.000003 cp-1 a[1]: b\n  c\n")
	f.Add("2026-03-04T05:00:01Z stdout P one\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, parse := range []func(string) []host.Entry{host.ParseJournal, host.ParsePodLog} {
			total := 0
			for _, e := range parse(text) {
				total += len(e.Text)
			}
			if total > len(text)+len("systemd: ")*strings.Count(text, "\n")+len("systemd: ") {
				t.Errorf("%d bytes of %d", total, len(text))
			}
		}
	})
}
