package live

import (
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/internal/promtext"
)

// metricsOf returns what metrics say. It fails for a page of another program.
func metricsOf(all map[string][]promtext.Sample) (*Metrics, error) {
	if len(all["kubernetes_build_info"]) == 0 {
		return nil, errors.New("these are not the metrics of a program of Kubernetes")
	}
	out := &Metrics{Codes: map[string]int{}}
	for _, s := range all["kubernetes_build_info"] {
		out.Version = s.Labels["git_version"]
	}
	for _, s := range all["process_start_time_seconds"] {
		out.Started = timeOf(s.Value)
	}
	for _, s := range all["process_resident_memory_bytes"] {
		out.Memory = int64(count(s.Value))
	}
	for _, s := range all["leader_election_master_status"] {
		leads := s.Value == 1 || out.Leads != nil && *out.Leads
		out.Leads = &leads
	}
	for _, s := range all["rest_client_requests_total"] {
		if code := s.Labels["code"]; code != "" {
			out.Codes[code] += count(s.Value)
		}
	}
	for _, s := range all["kubernetes_feature_enabled"] {
		if s.Value == 1 {
			out.Gates = append(out.Gates, Gate{s.Labels["name"], s.Labels["stage"]})
		}
	}
	slices.SortFunc(out.Gates, func(a, b Gate) int { return strings.Compare(a.Name, b.Name) })
	out.Queues = queuesOf(all)
	return out, nil
}

func queuesOf(all map[string][]promtext.Sample) []Queue {
	of := map[string]*Queue{}
	for metric, set := range map[string]func(*Queue, float64){
		"workqueue_depth":                             func(q *Queue, v float64) { q.Depth = count(v) },
		"workqueue_adds_total":                        func(q *Queue, v float64) { q.Added = count(v) },
		"workqueue_retries_total":                     func(q *Queue, v float64) { q.Retried = count(v) },
		"workqueue_unfinished_work_seconds":           func(q *Queue, v float64) { q.Unfinished = finite(v) },
		"workqueue_longest_running_processor_seconds": func(q *Queue, v float64) { q.Oldest = finite(v) },
	} {
		for _, s := range all[metric] {
			name := s.Labels["name"]
			if of[name] == nil {
				of[name] = &Queue{Name: name}
			}
			set(of[name], s.Value)
		}
	}
	var out []Queue
	for _, q := range of {
		out = append(out, *q)
	}
	slices.SortFunc(out, func(a, b Queue) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// finite returns a value that JSON can hold.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return 0
	}
	return v
}

// count returns a metric's value as a whole number, 0 for what is none.
func count(v float64) int {
	if v = finite(v); v > 1<<53 {
		return 1 << 53
	}
	return int(v)
}

func timeOf(seconds float64) time.Time {
	if seconds = finite(seconds); seconds == 0 || seconds > 1<<40 {
		return time.Time{}
	}
	return time.UnixMilli(int64(seconds * 1000)).UTC()
}
