// Package canary proves that the controllers of a cluster work: it makes objects that give each
// of them something to do, and watches whether that is done. It cleans up what it made.
package canary

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/live"
)

// Label is on the canary's namespace, and on what it makes outside of it. Its value is when the
// canary is over at the latest, in seconds since 1970: what is there later was left behind.
const Label = "kcmgen.dev/canary"

// API is what the canary needs of a live.Client.
type API interface {
	GetObject(ctx context.Context, path string) (live.Object, error)
	ListObjects(ctx context.Context, path, label string) ([]live.Object, error)
	CreateObject(ctx context.Context, path string, o live.Object) (live.Object, error)
	ReplaceObject(ctx context.Context, path string, o live.Object) (live.Object, error)
	DeleteObject(ctx context.Context, path string) error
}

// Options are the settings of a run.
type Options struct {
	// Only are the controllers to watch; none: all.
	Only []string
	// Timeout is how long each controller has.
	Timeout time.Duration
	// Signer signs the CSR: a signer of kube-controller-manager's.
	Signer string
	Now    func() time.Time
	// Name ends the namespace's name: something that no other run has.
	Name string
	// Request is the PEM of the CSR, for the signer.
	Request []byte
	// Pause waits between two looks.
	Pause func(context.Context)
	// Progress tells of each controller that has done its part.
	Progress func(Result)
}

// Result is what became of a controller's part.
type Result struct {
	Controller string `json:"controller"`
	Does       string `json:"does"` // its part
	Works      bool   `json:"works"`
	// Seconds is how long its part took, or how long it was waited for.
	Seconds float64   `json:"seconds"`
	Since   time.Time `json:"since"` // when it could begin
	Reason  string    `json:"reason,omitempty"`
	// Skipped: a right is missing to watch it, or what another controller makes, which is named.
	Skipped bool `json:"skipped,omitempty"`
	// Untried: it couldn't be given anything to do, or its object couldn't be read.
	Untried bool `json:"untried,omitempty"`
}

// Report is the result of a run.
type Report struct {
	Namespace string    `json:"namespace"`
	Started   time.Time `json:"started"`
	Results   []Result  `json:"results"`
	// Left are objects that couldn't be removed, and why.
	Left []string `json:"left,omitempty"`
	// Swept are objects of earlier runs that were removed.
	Swept []string `json:"swept,omitempty"`
}

// Works reports whether every controller that was watched did its part, one at least was watched,
// and all was cleaned up.
func (r *Report) Works() bool {
	failed := slices.ContainsFunc(r.Results, func(r Result) bool { return !r.Works && !r.Skipped })
	watched := slices.ContainsFunc(r.Results, func(r Result) bool { return !r.Skipped })
	return len(r.Left) == 0 && !failed && watched
}

// Controllers returns the names of the controllers that can be watched, as --controllers has
// them.
func Controllers() []string {
	var out []string
	for _, c := range checks {
		out = append(out, c.controller)
	}
	return append(out, namespaceController)
}

// Run runs the canary. Whatever happens, it removes what it made: also when ctx ends, within
// Timeout. The error is one that kept it from beginning, or the context's, with the report so far.
func Run(ctx context.Context, api API, o Options) (*Report, error) {
	r := &run{api: api, o: o, report: &Report{Namespace: prefix + o.Name, Started: o.Now().UTC()}}
	if err := r.sweep(ctx); err != nil {
		return nil, err
	}
	_, err := api.CreateObject(ctx, namespaces, live.Object{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": live.Object{"name": r.report.Namespace, "labels": r.label()},
	})
	switch {
	case errors.Is(err, live.ErrForbidden), errors.Is(err, live.ErrUnauthorized):
		return nil, err
	case err != nil: // it may be there all the same: the answer was lost
		r.end(ctx)
		return nil, err
	}
	r.watch(ctx)
	r.end(ctx)
	return r.report, context.Cause(ctx)
}

const (
	prefix              = "kcmgen-canary-" // of the names of what isn't in the namespace
	namespaces          = "/api/v1/namespaces"
	namespaceController = "namespace-controller"
)

type run struct {
	api    API
	o      Options
	mu     sync.Mutex
	report *Report
}

func (r *run) label() live.Object {
	over := r.report.Started.Add(3*r.o.Timeout + time.Minute)
	return live.Object{Label: fmt.Sprint(over.Unix())}
}

func (r *run) wants(controller string) bool {
	return len(r.o.Only) == 0 || slices.Contains(r.o.Only, controller)
}

// sweep removes what earlier runs left behind.
func (r *run) sweep(ctx context.Context) error {
	for _, path := range []string{namespaces, csrs} {
		all, err := r.api.ListObjects(ctx, path, Label)
		if errors.Is(err, live.ErrForbidden) && path == csrs {
			continue
		}
		if err != nil {
			return err
		}
		for _, o := range all {
			name, labels := text(o, "metadata", "name"), fieldOf(o, "metadata", "labels")
			over, _ := labels.(map[string]any)[Label].(string)
			seconds, err := strconv.ParseInt(over, 10, 64)
			ending := fieldOf(o, "metadata", "deletionTimestamp") != nil
			// What only has that label isn't the canary's.
			if !strings.HasPrefix(name, prefix) || err != nil || ending || r.o.Now().Before(time.Unix(seconds, 0)) {
				continue
			}
			if err := r.api.DeleteObject(ctx, path+"/"+name); err != nil {
				return err
			}
			r.report.Swept = append(r.report.Swept, name)
		}
	}
	return nil
}

// watch gives each controller its part, all at once.
func (r *run) watch(ctx context.Context) {
	results := make([]Result, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		if r.wants(c.controller) {
			all.Go(func() {
				results[i] = r.check(ctx, c)
				r.tell(results[i])
			})
		}
	}
	all.Wait()
	for _, result := range results {
		if result.Controller != "" {
			r.report.Results = append(r.report.Results, result)
		}
	}
}

func (r *run) tell(result Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.o.Progress != nil {
		r.o.Progress(result)
	}
}

// check gives one controller its part, and looks until it is done.
func (r *run) check(ctx context.Context, c check) Result {
	out := Result{Controller: c.controller, Does: c.does, Since: r.o.Now().UTC()}
	ctx, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	finish := func(why string, skipped, untried bool) Result {
		out.Reason, out.Skipped, out.Untried, out.Works = why, skipped, untried && !skipped, why == ""
		out.Seconds = r.o.Now().Sub(out.Since).Seconds()
		return out
	}
	if c.begin != nil {
		if err := r.begin(ctx, c); err != nil {
			return finish(err.Error(), lacksRight(err) || errors.Is(err, errNeeds), true)
		}
		out.Since = r.o.Now().UTC()
	}
	why, unread := "", false
	for {
		got, err := c.look(ctx, r)
		switch {
		case err == nil && got == "":
			return finish("", false, false)
		case lacksRight(err):
			return finish(err.Error(), true, true)
		case err == nil:
			why, unread = got, false
		case errors.Is(err, live.ErrAbsent):
			why, unread = c.missing, false
		case ctx.Err() == nil || why == "": // the last look's error is that its time was up
			why, unread = err.Error(), true
		}
		if ctx.Err() != nil {
			return finish(why, false, unread)
		}
		r.o.Pause(ctx)
	}
}

// lacksRight reports whether RBAC refuses something. Webhooks, quotas and policies answer with the
// same status, and not with that sentence.
func lacksRight(err error) bool {
	return errors.Is(err, live.ErrForbidden) && strings.Contains(err.Error(), "is forbidden: User ") && strings.Contains(err.Error(), " cannot ")
}

// begin makes what a controller needs. It tries again where that isn't possible yet: pods need
// the service account that another controller makes.
func (r *run) begin(ctx context.Context, c check) error {
	for {
		err := c.begin(ctx, r)
		if err == nil || lacksRight(err) || ctx.Err() != nil {
			return err
		}
		r.o.Pause(ctx)
	}
}

// end removes what was made, and watches the namespace controller do its part.
func (r *run) end(ctx context.Context) {
	// Also after the operator has ended the run.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.o.Timeout)
	defer cancel()
	left := func(what string, err error) {
		r.report.Left = append(r.report.Left, fmt.Sprintf("%s: %v", what, err))
	}
	if err := r.api.DeleteObject(ctx, csrs+"/"+r.report.Namespace); err != nil && !errors.Is(err, live.ErrForbidden) {
		left("certificatesigningrequest "+r.report.Namespace, err)
	}
	path := namespaces + "/" + r.report.Namespace
	since := r.o.Now().UTC()
	if err := r.api.DeleteObject(ctx, path); err != nil {
		left("namespace "+r.report.Namespace, err)
		return
	}
	out := Result{Controller: namespaceController, Does: "ends a namespace and all in it", Since: since}
	acted := ""
	for {
		o, err := r.api.GetObject(ctx, path)
		if out.Works = errors.Is(err, live.ErrAbsent); out.Works {
			break
		}
		if err == nil {
			acted = ending(o)
		}
		if ctx.Err() != nil {
			// Conditions are the controller's: it acts, and something else keeps the namespace.
			out.Works = acted != ""
			if out.Reason = cmp.Or(acted, "the namespace is still ending"); out.Works {
				out.Reason = ""
			}
			left("namespace "+r.report.Namespace, errors.New(cmp.Or(acted, out.Reason)))
			break
		}
		r.o.Pause(ctx)
	}
	out.Seconds = r.o.Now().Sub(since).Seconds()
	if r.wants(namespaceController) {
		r.report.Results = append(r.report.Results, out)
		r.tell(out)
	}
}
