package logs_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/kcmgen/kcmgen/deploy/logs"
)

// TestParse: klog's text and JSON give a severity and a time, anything else neither.
func TestParse(t *testing.T) {
	now := time.Date(2026, 11, 30, 15, 0, 0, 0, time.UTC)
	at := time.Date(2026, 11, 30, 14, 28, 12, 592505000, time.UTC)
	for _, c := range []struct {
		text     string
		severity byte
		time     time.Time
	}{
		{`I1130 14:28:12.592505  100129 controllermanager.go:204] "Starting" version="v1.37.1"`, 'I', at},
		{`W1130 14:28:12.592505       1 probe.go:275] Flexvolume plugin directory`, 'W', at},
		{`E1130 14:28:12.592505 1234567 leaderelection.go:439] "Error retrieving lease lock" err="Unauthorized" lock="kube-system/kube-controller-manager"`, 'E', at},
		{`F1130 14:28:12.592505       1 ???:1] stopped`, 'F', at},
		{`E1130 14:28:12.592505       1 x.go:1] `, 'E', at},
		{`E1331 14:28:12.592505       1 x.go:1] no such month`, 'E', time.Time{}},
		{`E1130 24:28:12.592505       1 x.go:1] no such hour`, 'E', time.Time{}},
		{`{"ts":1796048892592.505,"caller":"app/controllermanager.go:204","msg":"Starting","v":0,"version":"v1.37.1"}`, 'I', at},
		{`{"ts":1796048892592.505,"logger":"UnhandledError","caller":"cache/reflector.go:227","msg":"Failed to watch","type":"*v1.Node","err":"nodes is forbidden"}`, 'E', at},
		{`{"ts":1796048892592.505,"caller":"app/controllermanager.go:413","msg":"leaderelection lost/stopped"}`, 'E', at},
		{`{"ts":1796048892592.505,"caller":"cache/reflector.go:227","msg":"Failed to watch","err":"cut at one thous`, 'E', at},
		{`{"ts":1796048892592.505,"caller":"x/x.go:1","msg":"Failed to renew lease","v":0,"lock":"cut at one thous`, 'I', at},
		{`{"ts":1796048892592.505,"msg":"nested","v":2,"object":{"ts":1,"v":[{}]}}`, 'I', at},
		{`{"ts":1e300,"msg":"too late"}`, 0, time.Time{}},
		{`{"ts":253402300800000,"msg":"the year 10000"}`, 0, time.Time{}},
		{`{"ts":-1,"msg":"too early"}`, 0, time.Time{}},
		{`{"ts":"now","msg":"no number"}`, 0, time.Time{}},
		{`{"msg":"no time","v":0}`, 0, time.Time{}},
		{`{}`, 0, time.Time{}},
		{`{`, 0, time.Time{}},
		{`{"kind":"Status"} {"ts":1796048892592.505}`, 0, time.Time{}},
		{`Error: unknown flag: --pod-eviction-timeout`, 0, time.Time{}},
		{`D1130 14:28:12.592505       1 x.go:1] no such severity`, 0, time.Time{}},
		{` E1130 14:28:12.592505       1 x.go:1] indented`, 0, time.Time{}},
		{`E1130 14:28:12       1 x.go:1] without a fraction`, 0, time.Time{}},
		{`E1130 14:28:12.592505 x.go:1] without a thread`, 0, time.Time{}},
		{`E1130 14:28:12.592505`, 0, time.Time{}},
		{"\tgoroutine 1 [running]:", 0, time.Time{}},
		{"", 0, time.Time{}},
	} {
		got := logs.Parse(c.text, now)
		if got.Text != c.text || got.Severity != c.severity || !got.Time.Equal(c.time) {
			t.Errorf("%s\nis %q at %s, want %q at %s", c.text, got.Severity, got.Time, c.severity, c.time)
		}
	}
}

// TestYears: klog's text has no year. It is the one around now, whatever the zone is.
func TestYears(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin") // with another offset in the year 0
	if err != nil {
		t.Fatal(err)
	}
	const form = "2006-01-02 15:04:05"
	for _, zone := range []*time.Location{time.UTC, berlin, time.FixedZone("", 14*3600), time.FixedZone("", -12*3600+1800)} {
		for _, c := range []struct{ now, line, want string }{
			{"2026-06-15 12:00:00", "0615 11:59:59", "2026-06-15 11:59:59"},
			{"2026-06-15 12:00:00", "0615 12:00:01", "2026-06-15 12:00:01"}, // its clock is ahead
			{"2026-01-01 00:00:30", "1231 23:59:59", "2025-12-31 23:59:59"},
			{"2026-01-01 00:00:30", "0101 00:00:29", "2026-01-01 00:00:29"},
			{"2025-12-31 23:59:58", "0101 00:00:01", "2026-01-01 00:00:01"},
			{"2026-01-10 00:00:00", "0801 00:00:00", "2025-08-01 00:00:00"},
			{"2024-02-29 12:00:00", "0229 11:00:00", "2024-02-29 11:00:00"},
			{"2024-03-01 00:00:01", "0229 23:59:59", "2024-02-29 23:59:59"},
			{"2025-01-02 00:00:00", "0229 12:00:00", "2024-02-29 12:00:00"},
			{"2025-02-28 12:00:00", "0229 12:00:00", "2024-02-29 12:00:00"}, // not March 1st, 2025
			{"2023-12-31 12:00:00", "0229 12:00:00", "2024-02-29 12:00:00"},
			{"2026-02-28 12:00:00", "0229 12:00:00", ""},
			{"2026-02-28 12:00:00", "0230 12:00:00", ""},
			{"2024-02-28 12:00:00", "0301 12:00:00", "2024-03-01 12:00:00"},
			{"2026-11-30 12:00:00", "1130 11:00:00", "2026-11-30 11:00:00"}, // not in summer time
			{"2026-07-30 12:00:00", "0330 11:00:00", "2026-03-30 11:00:00"},
		} {
			now, err := time.ParseInLocation(form, c.now, zone)
			if err != nil {
				t.Fatal(err)
			}
			got := logs.Parse("E"+c.line+".000000       1 x.go:1] x", now)
			var text string
			if !got.Time.IsZero() {
				text = got.Time.Format(form)
			}
			if text != c.want || got.Severity != 'E' || !got.Time.IsZero() && got.Time.Location() != zone {
				t.Errorf("%s: at %s, %s is %s, want %s", zone, c.now, c.line, got.Time, c.want)
			}
		}
	}
}

// TestMessage: klog's header isn't part of a message, and nothing else is missing.
func TestMessage(t *testing.T) {
	for text, want := range map[string]string{
		`E1130 14:28:12.592505  100129 run.go:72] "command failed" err="x"`:                 `"command failed" err="x"`,
		`I1130 14:28:12.592505       1 x.go:1] E1130 14:28:12.592505       1 y.go:1] again`: `E1130 14:28:12.592505       1 y.go:1] again`,
		`E1130 14:28:12.592505       1 x.go:1] `:                                            ``,
		`E1130 14:28:12.592505       1 x.go] no line`:                                       `E1130 14:28:12.592505       1 x.go] no line`,
		`{"ts":1796048892592.505,"msg":"x"}`:                                                `{"ts":1796048892592.505,"msg":"x"}`,
		`Error: unknown flag: --x`:                                                          `Error: unknown flag: --x`,
		``:                                                                                  ``,
	} {
		if got := (logs.Line{Text: text}).Message(); got != want {
			t.Errorf("%s\nhas the message %s\nwant %s", text, got, want)
		}
	}
}

// TestLeads: the lines of an election, as versions write them, and lines that are like them.
func TestLeads(t *testing.T) {
	for _, c := range []struct {
		text   string
		change logs.Change
	}{
		{`I1130 14:28:16.457967  100129 leaderelection.go:272] "Successfully acquired lease" lock="kube-system/kube-controller-manager"`, logs.Acquired},
		{`I1130 14:28:16.457967       1 leaderelection.go:260] successfully acquired lease kube-system/kube-controller-manager`, logs.Acquired}, // v1.28
		{`{"ts":1796048896457.967,"caller":"leaderelection/leaderelection.go:272","msg":"Successfully acquired lease","v":0,"lock":"kube-system/kube-controller-manager"}`, logs.Acquired},
		{`E1130 14:28:16.457967  100129 controllermanager.go:413] "leaderelection lost/stopped"`, logs.Lost},
		{`E1130 14:28:16.457967       1 controllermanager.go:302] "leaderelection lost"`, logs.Lost}, // v1.28
		{`F0325 11:08:47.205929       1 controllermanager.go:294] leaderelection lost`, logs.Lost},   // v1.22
		{`{"ts":1796048896457.967,"caller":"app/controllermanager.go:413","msg":"leaderelection lost/stopped"}`, logs.Lost},
		{`I1130 14:28:16.457967  100129 leaderelection.go:304] "Failed to renew lease" lock="kube-system/kube-controller-manager" err="context deadline exceeded"`, logs.NoChange},
		{`I0325 11:08:47.205695       1 leaderelection.go:278] failed to renew lease kube-system/kube-controller-manager: timed out waiting for the condition`, logs.NoChange},
		{`I1130 14:28:12.603370  100129 leaderelection.go:258] "Attempting to acquire leader lease..." lock="kube-system/kube-controller-manager"`, logs.NoChange},
		{`I1130 14:28:16.457967  100129 leaderelection.go:299] "Successfully renewed lease" lock="kube-system/kube-controller-manager"`, logs.NoChange},
		{`I1130 14:28:16.457967  100129 leaderelection.go:267] "Failed to acquire lease" lock="kube-system/kube-controller-manager"`, logs.NoChange},
		{`E1130 14:28:16.457967  100129 leaderelection.go:439] "Error retrieving lease lock" err="Unauthorized" lock="kube-system/kube-controller-manager"`, logs.NoChange},
		{`I1130 14:28:16.457967  100129 leaderelection.go:470] "Lease is held by and has not yet expired" lock="kube-system/kube-controller-manager" holder="cp-2_5a2d"`, logs.NoChange},
		{"", logs.NoChange},
	} {
		if change := logs.Parse(c.text, time.Now()).Leads(); change != c.change {
			t.Errorf("%s\nis %d, want %d", c.text, change, c.change)
		}
	}
}
