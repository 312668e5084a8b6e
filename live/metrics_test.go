package live_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/live"
)

// metricsPage is a part of the page of a leader, v1.37.1.
const metricsPage = `# HELP aggregator_discovery_aggregation_count_total [ALPHA] Counter of number of times discovery was aggregated
# TYPE aggregator_discovery_aggregation_count_total counter
aggregator_discovery_aggregation_count_total 0
# HELP go_info Information about the Go environment.
# TYPE go_info gauge
go_info{version="go1.26.4"} 1
# HELP kubernetes_build_info [ALPHA] A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.
# TYPE kubernetes_build_info gauge
kubernetes_build_info{build_date="2026-07-15T17:50:12Z",compiler="gc",git_commit="5a2d1c",git_tree_state="clean",git_version="v1.37.1",go_version="go1.26.4",major="1",minor="37",platform="linux/amd64"} 1
# HELP kubernetes_feature_enabled [BETA] This metric records the data about the stage and enablement of a k8s feature.
# TYPE kubernetes_feature_enabled gauge
kubernetes_feature_enabled{name="WatchListClient",stage="BETA"} 1
kubernetes_feature_enabled{name="AllAlpha",stage="ALPHA"} 0
kubernetes_feature_enabled{name="CoordinatedLeaderElection",stage="ALPHA"} 1
kubernetes_feature_enabled{name="StructuredAuthenticationConfiguration",stage=""} 1
# HELP leader_election_master_status [ALPHA] Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. 'name' is the string used to identify the lease. Please make sure to group by name.
# TYPE leader_election_master_status gauge
leader_election_master_status{name="kube-controller-manager"} 1
# HELP process_resident_memory_bytes Resident memory size in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1.31805184e+08
# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.77788880125e+09
# HELP rest_client_request_duration_seconds [ALPHA] Request latency in seconds. Broken down by verb, and host.
# TYPE rest_client_request_duration_seconds histogram
rest_client_request_duration_seconds_bucket{host="10.0.0.1:6443",verb="GET",le="0.005"} 311
rest_client_request_duration_seconds_bucket{host="10.0.0.1:6443",verb="GET",le="+Inf"} 387
rest_client_request_duration_seconds_sum{host="10.0.0.1:6443",verb="GET"} 12.9
rest_client_request_duration_seconds_count{host="10.0.0.1:6443",verb="GET"} 387
# HELP rest_client_requests_total [ALPHA] Number of HTTP requests, partitioned by status code, method, and host.
# TYPE rest_client_requests_total counter
rest_client_requests_total{code="200",host="10.0.0.1:6443",method="GET"} 12
rest_client_requests_total{code="200",host="10.0.0.1:6443",method="PUT"} 375
rest_client_requests_total{code="403",host="10.0.0.1:6443",method="GET"} 3
rest_client_requests_total{code="<error>",host="10.0.0.1:6443",method="GET"} 2
# HELP workqueue_adds_total [BETA] Total number of adds handled by workqueue
# TYPE workqueue_adds_total counter
workqueue_adds_total{name="deployment"} 41
workqueue_adds_total{name="DynamicServingCertificateController"} 1
# HELP workqueue_depth [BETA] Current depth of workqueue
# TYPE workqueue_depth gauge
workqueue_depth{name="deployment"} 7
workqueue_depth{name="DynamicServingCertificateController"} 0
# HELP workqueue_longest_running_processor_seconds [BETA] How many seconds has the longest running processor for workqueue been running.
# TYPE workqueue_longest_running_processor_seconds gauge
workqueue_longest_running_processor_seconds{name="deployment"} 0.25
# HELP workqueue_queue_duration_seconds [BETA] How long in seconds an item stays in workqueue before being requested.
# TYPE workqueue_queue_duration_seconds histogram
workqueue_queue_duration_seconds_bucket{name="deployment",le="1e-08"} 0
workqueue_queue_duration_seconds_sum{name="deployment"} 0.1
workqueue_queue_duration_seconds_count{name="deployment"} 41
# HELP workqueue_retries_total [BETA] Total number of retries handled by workqueue
# TYPE workqueue_retries_total counter
workqueue_retries_total{name="deployment"} 5
# HELP workqueue_unfinished_work_seconds [BETA] How many seconds of work has done that is in progress and hasn't been observed by work_duration.
# TYPE workqueue_unfinished_work_seconds gauge
workqueue_unfinished_work_seconds{name="deployment"} 0.5
`

// built is the one line that every program of Kubernetes has.
const built = `kubernetes_build_info{git_version="v1.37.1"} 1` + "\n"

// readMetrics reads a page as a kube-controller-manager's metrics.
func readMetrics(ctx context.Context, t *testing.T, h http.HandlerFunc) (*live.Metrics, error) {
	t.Helper()
	s := serve(t, h)
	return at(t, newClient(t, kubeconfig(s.URL, certOf(s)), nil), s, certOf(s)).Metrics(ctx)
}

func page(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func TestMetrics(t *testing.T) {
	want := &live.Metrics{
		Version: "v1.37.1", Started: time.Date(2026, 5, 4, 10, 0, 1, 250e6, time.UTC), Leads: new(true), Memory: 131805184,
		Queues: []live.Queue{
			{Name: "DynamicServingCertificateController", Added: 1},
			{Name: "deployment", Depth: 7, Added: 41, Retried: 5, Unfinished: 0.5, Oldest: 0.25},
		},
		Codes: map[string]int{"200": 387, "403": 3, "<error>": 2},
		Gates: []live.Gate{{"CoordinatedLeaderElection", "ALPHA"}, {"StructuredAuthenticationConfiguration", ""}, {"WatchListClient", "BETA"}},
	}
	for name, h := range map[string]http.HandlerFunc{
		"plain": page(metricsPage),
		"compressed": func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				t.Error("it isn't asked for")
			}
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, metricsPage)
			_ = z.Close()
		},
	} {
		got, err := readMetrics(t.Context(), t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.RequestURI != "/metrics" || r.Header.Get("Accept") != "text/plain;version=0.0.4" {
				t.Errorf("it was asked: %s %s %v", r.Method, r.RequestURI, r.Header)
			}
			h(w, r)
		})
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n-want +got\n%s", name, err, diff)
		}
	}
}

// TestOddMetrics: a part that is missing, or no sensible number, harms nothing else, and all
// can be written as JSON.
func TestOddMetrics(t *testing.T) {
	none := map[string]int{}
	for name, c := range map[string]struct {
		page string
		want live.Metrics
	}{
		"the least":              {"", live.Metrics{Codes: none}},
		"a standby":              {`leader_election_master_status{name="kube-controller-manager"} 0`, live.Metrics{Leads: new(false), Codes: none}},
		"two leases, led first":  {"leader_election_master_status{name=\"a\"} 1\nleader_election_master_status{name=\"b\"} 0", live.Metrics{Leads: new(true), Codes: none}},
		"two leases, led second": {"leader_election_master_status{name=\"a\"} 0\nleader_election_master_status{name=\"b\"} 1", live.Metrics{Leads: new(true), Codes: none}},
		"no numbers": {
			"process_start_time_seconds NaN\nprocess_resident_memory_bytes -1\nworkqueue_depth{name=\"a\"} NaN\nworkqueue_unfinished_work_seconds{name=\"a\"} +Inf\nleader_election_master_status NaN\nkubernetes_feature_enabled{name=\"A\"} NaN",
			live.Metrics{Leads: new(false), Queues: []live.Queue{{Name: "a"}}, Codes: none},
		},
		"too large ones": {
			"process_start_time_seconds 1e300\nprocess_resident_memory_bytes 1e300\nworkqueue_depth{name=\"a\"} 1e300\nrest_client_requests_total{code=\"200\"} +Inf",
			live.Metrics{Memory: 1 << 53, Queues: []live.Queue{{Name: "a", Depth: 1 << 53}}, Codes: map[string]int{"200": 0}},
		},
		"no labels": {"workqueue_depth 1\nrest_client_requests_total 1\nkubernetes_feature_enabled 1", live.Metrics{Queues: []live.Queue{{Depth: 1}}, Gates: []live.Gate{{}}, Codes: none}},
		"histograms of these names": {
			"# TYPE workqueue_depth histogram\nworkqueue_depth_bucket{name=\"a\",le=\"+Inf\"} 1\nworkqueue_depth_sum{name=\"a\"} 1\nworkqueue_depth_count{name=\"a\"} 1", live.Metrics{Codes: none},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Version = "v1.37.1"
			got, err := readMetrics(t.Context(), t, page(built+c.page))
			if diff := cmp.Diff(&c.want, got); err != nil || diff != "" {
				t.Errorf("%v\n-want +got\n%s", err, diff)
			}
			if text, err := json.Marshal(got); err != nil {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}

// TestBadMetrics: what isn't a complete page of a program of Kubernetes is an error, with
// none of the page's own lines in it.
func TestBadMetrics(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		reason  error
		says    string
	}{
		"empty":             {page(""), live.ErrAnswer, "not the metrics of a program of Kubernetes"},
		"HTML":              {page("<h1>log in</h1>\n"), live.ErrAnswer, "not the metrics of a program of Kubernetes"},
		"JSON":              {page(`{"kind":"Status"}`), live.ErrAnswer, "not the metrics of a program of Kubernetes"},
		"another program's": {page("# TYPE node_load1 gauge\nnode_load1 0.5\n# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1.7e+09\nprocess_resident_memory_bytes 1e6\n"), live.ErrAnswer, "not the metrics of a program of Kubernetes"},
		"no number":         {page(built + "workqueue_depth{name=\"a\"} many\n"), live.ErrAnswer, "isn't Prometheus' text format"},
		"an escape":         {page(built + "workqueue_depth{name=\"\\\x1b\n"), live.ErrAnswer, "isn't Prometheus' text format"},
		"a long line":       {page(built + strings.Repeat("x", 65<<10) + "\n"), live.ErrAnswer, "a line is longer than 64 KiB"},
		"cut short": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, built)
		}, live.ErrUnreachable, "EOF"},
		"cut in a chunk": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, built)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, live.ErrUnreachable, "EOF"},
		"hung up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, live.ErrUnreachable, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readMetrics(t.Context(), t, c.handler)
			isOnly(t, err, c.reason, c.says)
			if got != nil || len(err.Error()) > 600 {
				t.Errorf("%v, and %d bytes of text", got, len(err.Error()))
			}
		})
	}
}

// TestLongMetrics: a page that is too long, or never ends, isn't kept, and ends a request
// with an error after what a page may have.
func TestLongMetrics(t *testing.T) {
	const allowed, buffers = 48 << 20, 16 << 20 // buffers: on the way
	inUse := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	lines := strings.Repeat(`apiserver_request_total{code="200",resource="deployments",verb="LIST"} 12`+"\n", 1000)
	for name, size := range map[string]int{"100 MB": 100_000_000, "without end": -1} {
		t.Run(name, func(t *testing.T) {
			before, most := inUse(), uint64(0)
			var sent atomic.Int64
			ended := make(chan struct{})
			_, err := readMetrics(t.Context(), t, func(w http.ResponseWriter, r *http.Request) {
				defer close(ended)
				_, _ = io.WriteString(w, built)
				for i := 0; (size < 0 || sent.Load() < int64(size)) && r.Context().Err() == nil; i++ {
					n, err := io.WriteString(w, lines)
					if sent.Add(int64(n)); err != nil {
						return
					}
					if i%100 == 0 {
						most = max(most, inUse())
					}
				}
			})
			isOnly(t, err, live.ErrAnswer, "longer than 49152 KiB")
			<-ended
			if sent.Load() < allowed || sent.Load() > allowed+buffers || most > before+buffers {
				t.Errorf("%d MB were sent, and took %d MB", sent.Load()>>20, (most-before)>>20)
			}
		})
	}
	// One that trickles in ends with the caller's time.
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := readMetrics(ctx, t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, built); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond)
		}
	})
	isOnly(t, err, live.ErrTimeout, "")
}

// flagz is a part of the answer of a kube-controller-manager v1.37.1.
const flagz = `{"kind":"Flagz","apiVersion":"config.k8s.io/v1beta1","metadata":{"name":"kube-controller-manager"},"flags":{"allocate-node-cidrs":"true","cluster-cidr":"10.244.0.0/16","kubeconfig":"/etc/kubernetes/controller-manager.conf","node-monitor-period":"5s","profiling":""}}`

func TestFlagz(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		// As the real one: without this exact type it answers with a text, or 406.
		if r.RequestURI != "/flagz" || !strings.Contains(r.Header.Get("Accept"), "application/json;g=config.k8s.io;v=v1beta1;as=Flagz") {
			w.WriteHeader(http.StatusNotAcceptable)
			return
		}
		answer(w, http.StatusOK, flagz)
	})
	got, err := at(t, newClient(t, kubeconfig(s.URL, certOf(s)), nil), s, certOf(s)).Flagz(t.Context())
	want := map[string]string{
		"allocate-node-cidrs": "true", "cluster-cidr": "10.244.0.0/16", "kubeconfig": "/etc/kubernetes/controller-manager.conf",
		"node-monitor-period": "5s", "profiling": "",
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n-want +got\n%s", err, diff)
	}
}

// TestBadFlagz: what isn't the structured form is an error, in a short line.
func TestBadFlagz(t *testing.T) {
	for name, c := range map[string]struct{ body, says string }{
		"a text":       {"\nkube-controller-manager flags\nWarning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.\n\nallocate-node-cidrs=true\n", "invalid character"},
		"empty":        {"", "unexpected end of JSON input"},
		"another kind": {strings.Replace(flagz, `"Flagz"`, `"Statusz"`, 1), `it is of kind "Statusz"`},
		"a long kind":  {`{"kind":"` + strings.Repeat(`\u001b`, 100_000) + `"}`, `it is of kind "\x1b\x1b`},
		"no flags":     {`{"kind":"Flagz","flags":{}}`, `it is of kind "Flagz"`},
		"other values": {`{"kind":"Flagz","flags":{"a":["b"]}}`, "cannot unmarshal"},
		"half of it":   {flagz[:100], "unexpected end of JSON input"},
		"too long":     {strings.Repeat(" ", 5<<20) + flagz, "longer than 4 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, page(c.body))
			got, err := at(t, newClient(t, kubeconfig(s.URL, certOf(s)), nil), s, certOf(s)).Flagz(t.Context())
			isOnly(t, err, live.ErrAnswer, c.says)
			if got != nil || len(err.Error()) > 1000 {
				t.Errorf("%v, and %d bytes of text", got, len(err.Error()))
			}
		})
	}
}
