package show_test

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/kcmgen/kcmgen/deploy/show"
	"github.com/kcmgen/kcmgen/deploy/status"
	"github.com/kcmgen/kcmgen/internal/promtext"
)

func metrics(t *testing.T, all ...*status.Cluster) string { return written(t, show.Prometheus, all) }

// samples reads metrics back. It fails for two samples with one name and the same labels.
func samples(t *testing.T, text string) map[string]float64 {
	t.Helper()
	names := names(regexp.MustCompile(`(?m)^# TYPE (\S+)`), text)
	all, err := promtext.Read(strings.NewReader(text), 1<<20, names...)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for name, of := range all {
		for _, s := range of {
			key := name
			for _, label := range slices.Sorted(maps.Keys(s.Labels)) {
				key += fmt.Sprintf(" %s=%s", label, s.Labels[label])
			}
			if _, ok := out[key]; ok {
				t.Errorf("twice: %s", key)
			}
			out[key] = s.Value
		}
	}
	return out
}

// TestMetrics: values are exact, and what wasn't seen has none.
func TestMetrics(t *testing.T) {
	text := metrics(t, clusters()...)
	got := samples(t, text)
	for key, want := range map[string]float64{
		"kcmgen_status_timestamp_seconds cluster=prod-eu":                                                               1773480413,
		"kcmgen_lease_renewed_timestamp_seconds cluster=prod-eu":                                                        1773480411.800345,
		"kcmgen_certificate_end_timestamp_seconds cluster=prod-eu node=cp-1 path=/etc/kubernetes/kcm/kubeconfig use=CA": float64(now.Add(3250 * day).Unix()),
		"kcmgen_up cluster=prod-eu node=cp-1":                                                                           1,
		"kcmgen_up cluster=prod-eu node=cp-3":                                                                           0,
		"kcmgen_process_running cluster=lab node=lab":                                                                   0,
		"kcmgen_process_restarts cluster=lab node=lab":                                                                  61,
		"kcmgen_healthy cluster=prod-eu node=cp-1":                                                                      1,
		"kcmgen_healthy cluster=prod-eu node=cp-2":                                                                      0,
		"kcmgen_drift cluster=prod-eu node=cp-1":                                                                        0,
		"kcmgen_drift cluster=prod-eu node=cp-2":                                                                        1,
		"kcmgen_leader cluster=prod-eu node=cp-1":                                                                       1,
		"kcmgen_leader cluster=prod-eu node=cp-3":                                                                       0,
		"kcmgen_lease_known cluster=lab":                                                                                0,
		"kcmgen_lease_transitions_total cluster=prod-eu":                                                                1312,
		"kcmgen_leader_changes_last_hour cluster=prod-us":                                                               0,
		"kcmgen_findings cluster=prod-us severity=error":                                                                0,
		"kcmgen_findings cluster=prod-eu severity=warning":                                                              4,
		"kcmgen_findings cluster=lab severity=not checked":                                                              1,
		"kcmgen_finding cluster=prod-eu id=certificate-ends node=cp-2 severity=warning":                                 1,
		"kcmgen_finding cluster=lab id=cluster-not-read node= severity=not checked":                                     1,
		"kcmgen_nodes cluster=prod-eu":                                                                                  5000,
		"kcmgen_node_ranges_left cidr=10.128.0.0/11 cluster=prod-eu":                                                    3192,
		"kcmgen_clock_skew_seconds cluster=prod-eu node=cp-2":                                                           -12.25,
		"kcmgen_program_info cluster=prod-eu node=cp-1 version=v1.34.2":                                                 1,
	} {
		if is, ok := got[key]; !ok || is != want {
			t.Errorf("%s is %v (%v), want %v", key, is, ok, want)
		}
	}
	for _, absent := range []string{
		"kcmgen_process_running cluster=prod-eu node=cp-3", "kcmgen_healthy cluster=lab node=lab", "kcmgen_drift cluster=lab node=lab", "kcmgen_leader cluster=lab node=lab",
		"kcmgen_apiserver_up cluster=lab", "kcmgen_nodes cluster=lab", "kcmgen_process_start_timestamp_seconds cluster=lab node=lab",
	} {
		if _, ok := got[absent]; ok {
			t.Errorf("%s wasn't seen, and is there", absent)
		}
	}
	for _, want := range []string{
		"\nkcmgen_lease_renewed_timestamp_seconds{cluster=\"prod-eu\"} 1.773480411800345e+09\n",
		"\nkcmgen_node_ranges_left{cidr=\"fd00:10:128::/48\",cluster=\"prod-eu\"} +Inf\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %s", want)
		}
	}
}

// TestNoSeriesTwice: what is there several times has one sample, whatever the texts are.
func TestNoSeriesTwice(t *testing.T) {
	for _, all := range [][]*status.Cluster{
		append(clusters(), clusters()...), poison(clusters()), poison(clusters(), reflect.TypeFor[status.Severity]()),
	} {
		for _, c := range all {
			c.Findings = append(c.Findings, c.Findings...)
			c.Hosts = append(c.Hosts, c.Hosts...)
			c.Nodes.Pools = append(c.Nodes.Pools, c.Nodes.Pools...)
		}
		text := metrics(t, all...)
		samples(t, text)
		if r := steering(text); r != 0 {
			t.Errorf("it has the character %q", r)
		}
	}
}

// TestFirstEnd: of several certificates of one use in one file the first end counts.
func TestFirstEnd(t *testing.T) {
	c := fine()
	c.Hosts = c.Hosts[:1]
	c.Hosts[0].Certificates = []status.Certificate{
		{Use: status.RootCA, Path: "/ca", Ends: in(90 * day)},
		{Use: status.RootCA, Path: "/ca", Ends: in(day)},
		{Use: status.RootCA, Path: "/ca"},
		{Use: status.RootCA, Path: "/ca", Ends: in(-day), Problem: "it isn't one"},
		{Use: status.Signer, Path: "/ca", Ends: in(7 * day)},
	}
	got := samples(t, metrics(t, c))
	for use, want := range map[string]time.Duration{"root CA": day, "signer": 7 * day} {
		if is := got["kcmgen_certificate_end_timestamp_seconds cluster=prod-us node=us-1 path=/ca use="+use]; is != float64(in(want).Unix()) {
			t.Errorf("%s: %v", use, is)
		}
	}
}

// conventions are those of https://prometheus.io/docs/practices/naming/ that a text shows.
func conventions(t *testing.T, text string) {
	t.Helper()
	told := map[string]string{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case words[0] != "#":
			name, _, _ := strings.Cut(words[0], "{")
			if told[name] == "" {
				t.Errorf("%s has no type", name)
			}
			if (told[name] == "counter") != strings.HasSuffix(name, "_total") {
				t.Errorf("%s is a %s", name, told[name])
			}
			if !regexp.MustCompile(`^kcmgen(_[a-z]+)+$`).MatchString(name) {
				t.Errorf("%s isn't a name of ours", name)
			}
		case words[1] == "HELP":
			if len(words) < 5 || !strings.HasSuffix(strings.TrimSpace(line), ".") {
				t.Errorf("no sentence: %s", line)
			}
		case told[words[2]] != "":
			t.Errorf("%s is there in two places", words[2])
		default:
			told[words[2]] = words[3]
		}
	}
	for name := range told {
		if strings.Contains(name, "timestamp") != strings.HasSuffix(name, "_timestamp_seconds") {
			t.Errorf("%s has no unit", name)
		}
	}
}

func TestConventions(t *testing.T) { conventions(t, metrics(t, clusters()...)) }

// TestLint: Prometheus' own linter has no complaint.
func TestLint(t *testing.T) {
	for _, all := range [][]*status.Cluster{clusters(), poison(clusters())} {
		problems, err := promlint.New(strings.NewReader(metrics(t, all...))).Lint()
		if err != nil || len(problems) > 0 {
			t.Errorf("%v, %v", err, problems)
		}
	}
	problems, err := promlint.New(strings.NewReader("# TYPE badName counter\nbadName 1\n")).Lint()
	if err != nil || len(problems) == 0 {
		t.Errorf("of a bad name: %v, %v", err, problems)
	}
}
