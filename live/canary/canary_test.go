package canary_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/live"
	"github.com/kcmgen/kcmgen/live/canary"
)

// cluster is an apiserver whose controllers work, except for those that are off. It is one in
// memory, for what a real one can't be made to do: the tests on hosts run the canary on a real one.
type cluster struct {
	mu      sync.Mutex
	objects map[string]live.Object
	off     []string
	forbid  string // a word of requests that are refused
	webhook bool   // by a webhook
	now     time.Time
	looks   int
	lose    bool // each first answer to a creation is lost
	// loseBelow: only of paths with that word
	loseBelow string
	lost      map[string]bool
	written   []string
	uid       int
}

func newCluster(off ...string) *cluster {
	return &cluster{objects: map[string]live.Object{}, off: off, now: time.Unix(1_800_000_000, 0)}
}

func (c *cluster) works(controller string) bool { return !slices.Contains(c.off, controller) }

func (c *cluster) refuse(verb, path string) error {
	if c.forbid != "" && strings.Contains(verb+" "+path, c.forbid) {
		text := "%s is forbidden: User \"u\" cannot " + verb + " resource"
		if c.webhook {
			text = "admission webhook \"w\" denied the request"
		}
		return &live.Error{Server: "s", What: verb + " " + path, Reason: live.ErrForbidden, Err: errors.New(text)}
	}
	return nil
}

func (c *cluster) GetObject(_ context.Context, path string) (live.Object, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.refuse("get", path); err != nil {
		return nil, err
	}
	o, ok := c.objects[path]
	if !ok {
		return nil, &live.Error{Server: "s", What: path, Reason: live.ErrAbsent}
	}
	return maps.Clone(o), nil
}

func (c *cluster) ListObjects(_ context.Context, path, label string) ([]live.Object, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.refuse("list", path); err != nil {
		return nil, err
	}
	var out []live.Object
	for _, p := range slices.Sorted(maps.Keys(c.objects)) {
		rest, below := strings.CutPrefix(p, path+"/")
		if below && !strings.Contains(rest, "/") && c.matches(c.objects[p], label) {
			out = append(out, c.objects[p])
		}
	}
	return out, nil
}

func (c *cluster) matches(o live.Object, label string) bool {
	key, value, exact := strings.Cut(label, "=")
	labels, _ := o["metadata"].(live.Object)["labels"].(live.Object)
	has, ok := labels[key]
	return ok && (!exact || has == value)
}

func (c *cluster) CreateObject(_ context.Context, path string, o live.Object) (live.Object, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.refuse("create", path); err != nil {
		return nil, err
	}
	o = clone(o)
	meta := o["metadata"].(live.Object)
	name := meta["name"].(string)
	if _, there := c.objects[path+"/"+name]; there {
		return nil, &live.Error{Server: "s", What: path, Reason: live.ErrExists}
	}
	c.uid++
	meta["uid"] = fmt.Sprint("uid-", c.uid)
	c.objects[path+"/"+name] = o
	c.written = append(c.written, path+"/"+name)
	c.act(path, name, o)
	if at := path + "/" + name; c.lose && !c.lost[at] && strings.Contains(path, c.loseBelow) {
		if c.lost == nil {
			c.lost = map[string]bool{}
		}
		c.lost[at] = true
		return nil, &live.Error{Server: "s", What: path, Reason: live.ErrTimeout}
	}
	return o, nil
}

// clone returns what an apiserver gets of an object.
func clone(o live.Object) live.Object {
	text, err := json.Marshal(o)
	var out live.Object
	if err = errors.Join(err, json.Unmarshal(text, &out)); err != nil {
		panic(err)
	}
	return out
}

// act does what controllers do.
func (c *cluster) act(path, name string, o live.Object) {
	put := func(controller, at string, labels live.Object) {
		if c.works(controller) {
			c.objects[at] = live.Object{"metadata": live.Object{"name": "made", "labels": labels}}
		}
	}
	in := path[:strings.LastIndexByte(path, '/')]
	status := func(controller, field string) {
		if c.works(controller) {
			o["status"] = live.Object{field: 1}
		}
	}
	switch kind := o["kind"]; kind {
	case "Namespace":
		put("serviceaccount-controller", "/api/v1/namespaces/"+name+"/serviceaccounts/default", nil)
		put("root-ca-certificate-publisher-controller", "/api/v1/namespaces/"+name+"/configmaps/kube-root-ca.crt", nil)
	case "Secret":
		if c.works("serviceaccount-token-controller") {
			o["data"] = live.Object{"token": "x"}
		}
	case "Deployment":
		put("deployment-controller", in+"/replicasets/of-deployment", live.Object{"canary": "deployment"})
	case "ReplicaSet":
		ns := strings.Split(in, "/namespaces/")[1]
		put("replicaset-controller", "/api/v1/namespaces/"+ns+"/pods/p", live.Object{"canary": "replicaset"})
	case "StatefulSet":
		status("statefulset-controller", "observedGeneration")
	case "DaemonSet":
		status("daemonset-controller", "observedGeneration")
	case "PodDisruptionBudget":
		status("disruption-controller", "observedGeneration")
	case "Job":
		status("job-controller", "conditions")
	case "ResourceQuota":
		status("resourcequota-controller", "used")
	case "Service":
		ns := strings.Split(in, "/namespaces/")[1]
		put("endpointslice-controller", "/apis/discovery.k8s.io/v1/namespaces/"+ns+"/endpointslices/e", live.Object{"kubernetes.io/service-name": "canary"})
	}
}

func (c *cluster) ReplaceObject(_ context.Context, path string, o live.Object) (live.Object, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.refuse("update", path); err != nil {
		return nil, err
	}
	if at, ok := strings.CutSuffix(path, "/approval"); ok && c.works("certificatesigningrequest-signing-controller") {
		o["status"].(live.Object)["certificate"] = "x"
		c.objects[at] = o
	}
	return o, nil
}

func (c *cluster) DeleteObject(_ context.Context, path string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.refuse("delete", path); err != nil {
		return err
	}
	if strings.Contains(path, "/namespaces/") && strings.Count(path, "/") == 4 {
		if c.works("namespace-controller") {
			maps.DeleteFunc(c.objects, func(p string, _ live.Object) bool {
				return strings.Contains(p+"/", strings.TrimPrefix(path, "/api/v1")+"/")
			})
		}
		return nil
	}
	delete(c.objects, path)
	if owned := strings.TrimSuffix(path, "owner") + "owned"; strings.HasSuffix(path, "/owner") && c.works("garbage-collector-controller") {
		delete(c.objects, owned)
	}
	return nil
}

func (c *cluster) options() canary.Options {
	return canary.Options{
		Timeout: 20 * time.Millisecond, Signer: "example.com/signer", Name: "x", Request: []byte("csr"),
		Now: func() time.Time {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.now
		},
		Pause: func(context.Context) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.looks++
			c.now = c.now.Add(time.Millisecond)
		},
	}
}

func broken(r *canary.Report) []string {
	var out []string
	for _, c := range r.Results {
		if !c.Works && !c.Skipped {
			out = append(out, c.Controller)
		}
	}
	return out
}

// TestEach: each controller that is off is named, and no other; and the canary leaves nothing.
func TestEach(t *testing.T) {
	if n := len(canary.Controllers()); n != 14 {
		t.Fatalf("%d controllers", n)
	}
	for _, off := range append(canary.Controllers(), "") {
		c := newCluster(off)
		r, err := canary.Run(t.Context(), c, c.options())
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		if off != "" {
			want = []string{off}
		}
		if got := broken(r); !slices.Equal(got, want) {
			t.Errorf("%q is off: %q don't work", off, got)
		}
		for _, result := range r.Results {
			if result.Controller == off && (result.Reason == "" || result.Skipped || result.Since.IsZero()) {
				t.Errorf("%+v", result)
			}
		}
		if r.Works() != (off == "") {
			t.Errorf("%q is off, and all works: %v", off, r.Works())
		}
		if left := len(c.objects) > 0; left != (off == "namespace-controller") || left != (len(r.Left) > 0) {
			t.Errorf("%q is off: %d objects are left, and it says %q", off, len(c.objects), r.Left)
		}
	}
}

// TestOnly: with a list, nothing is made for other controllers.
func TestOnly(t *testing.T) {
	c := newCluster()
	o := c.options()
	o.Only = []string{"job-controller", "namespace-controller"}
	r, err := canary.Run(t.Context(), c, o)
	if err != nil || len(r.Results) != 2 || !r.Works() {
		t.Errorf("%v, %+v", err, r)
	}
	if len(c.written) != 2 {
		t.Errorf("it made %q", c.written)
	}
}

// TestRights: a controller that the user may not give anything to do isn't watched; the others
// are, and nothing is left.
func TestRights(t *testing.T) {
	for forbid, want := range map[string]string{
		"create /apis/batch":                        "job-controller",
		"list /apis/discovery":                      "endpointslice-controller",
		"update /apis/certificates":                 "certificatesigningrequest-signing-controller",
		"get /api/v1/namespaces/kcmgen-canary-x/se": "serviceaccount-controller",
	} {
		c := newCluster()
		c.forbid = forbid
		r, err := canary.Run(t.Context(), c, c.options())
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range r.Results {
			if strings.HasPrefix(forbid, "get ") && result.Controller == "serviceaccount-token-controller" {
				continue // it needs the service account
			}
			if result.Skipped != (result.Controller == want) {
				t.Errorf("%s: %+v", forbid, result)
			}
		}
		if len(c.objects) > 0 {
			t.Errorf("%s: %d objects are left", forbid, len(c.objects))
		}
	}
	c := newCluster()
	c.forbid = "create /api/v1/namespaces"
	if _, err := canary.Run(t.Context(), c, c.options()); !errors.Is(err, live.ErrForbidden) {
		t.Errorf("without a namespace: %v", err)
	}
}

// TestWebhook: what a webhook refuses isn't a missing right; the controller couldn't be tried.
func TestWebhook(t *testing.T) {
	c := newCluster()
	c.forbid, c.webhook = "create /apis/batch", true
	r, err := canary.Run(t.Context(), c, c.options())
	if err != nil || r.Works() {
		t.Fatalf("%v, %+v", err, r)
	}
	for _, result := range r.Results {
		if bad := result.Untried && !result.Skipped && strings.Contains(result.Reason, "denied the request"); bad != (result.Controller == "job-controller") {
			t.Errorf("%+v", result)
		}
	}
}

// TestLostAnswers: objects whose creation wasn't answered are used, and removed.
func TestLostAnswers(t *testing.T) {
	c := newCluster()
	c.lose = true
	r, err := canary.Run(t.Context(), c, c.options())
	if err == nil || r != nil || len(c.objects) > 0 {
		t.Errorf("the namespace's creation wasn't answered: %v, %d objects are left", err, len(c.objects))
	}
	c = newCluster()
	c.lose, c.loseBelow = true, "/namespaces/"
	r, err = canary.Run(t.Context(), c, c.options())
	if err != nil || !r.Works() || len(c.objects) > 0 {
		t.Errorf("%v, %+v, %d objects are left", err, r, len(c.objects))
	}
}

// TestEnded: a canary that is ended removes everything.
func TestEnded(t *testing.T) {
	for _, at := range []int{1, 3, 10} {
		c := newCluster(canary.Controllers()[:13]...)
		o := c.options()
		o.Timeout = time.Minute
		ctx, cancel := context.WithCancel(t.Context())
		pause := o.Pause
		var looks sync.Mutex
		n := 0
		o.Pause = func(ctx context.Context) {
			looks.Lock()
			if n++; n == at {
				cancel()
			}
			looks.Unlock()
			pause(ctx)
		}
		r, err := canary.Run(ctx, c, o)
		cancel()
		if !errors.Is(err, context.Canceled) || len(c.objects) > 0 || len(r.Left) > 0 {
			t.Errorf("ended at look %d: %v, %d objects are left, it says %q", at, err, len(c.objects), r.Left)
		}
	}
}

// TestSwept: what a killed run left is removed by the next one, once that run is over for sure;
// what has no such label stays.
func TestSwept(t *testing.T) {
	c := newCluster()
	labelled := func(path, name, value string) {
		c.objects[path+"/"+name] = live.Object{"metadata": live.Object{"name": name, "labels": live.Object{canary.Label: value}}}
	}
	unix := func(d time.Duration) string { return fmt.Sprint(c.now.Add(d).Unix()) }
	const csrs = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
	labelled("/api/v1/namespaces", "kcmgen-canary-old", unix(-time.Second))
	labelled("/api/v1/namespaces", "kcmgen-canary-other", unix(time.Minute))
	labelled("/api/v1/namespaces", "kcmgen-canary-odd", "x")
	labelled("/api/v1/namespaces", "shop", unix(-time.Hour))
	labelled(csrs, "kcmgen-canary-old", unix(-time.Hour))
	c.objects["/api/v1/namespaces/prod"] = live.Object{"metadata": live.Object{"name": "prod", "labels": live.Object{"a": "b"}}}
	r, err := canary.Run(t.Context(), c, c.options())
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"kcmgen-canary-old", "kcmgen-canary-old"}; !slices.Equal(r.Swept, want) {
		t.Errorf("swept %q", r.Swept)
	}
	if got := slices.Sorted(maps.Keys(c.objects)); !slices.Equal(got, []string{"/api/v1/namespaces/kcmgen-canary-odd", "/api/v1/namespaces/kcmgen-canary-other", "/api/v1/namespaces/prod", "/api/v1/namespaces/shop"}) {
		t.Errorf("there are %q", got)
	}
}
