package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	coordination "k8s.io/api/coordination/v1"
	api "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validate/content"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Lease is a leader lease.
type Lease struct {
	Holder   string // hostname_uuid; "": it was released
	Hostname string // the holder's

	Renewed, Acquired time.Time // by the holder's clock
	Duration          time.Duration
	Transitions       int
	ResourceVersion   string // changes with each write
}

// Lease reads a lease. It returns an *Error, with ErrNoLease if the cluster has no lease of
// this name, as before the first kube-controller-manager starts.
func (c *Client) Lease(ctx context.Context, namespace, name string) (*Lease, error) {
	got, err := c.lease(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return leaseOf(got), nil
}

// Holding is a lease that has a holder, and when it was last renewed.
type Holding struct {
	Holder  string
	Renewed time.Time
}

// Release gives a lease back for a holder whose process is gone, with the values of client-go's
// own release (k8s.io/client-go/tools/leaderelection, release). It returns an *Error with
// ErrNotHeld if the lease has another holder, was renewed since, or is one for which the
// apiserver chooses the holder.
func (c *Client) Release(ctx context.Context, namespace, name string, held Holding, now time.Time) error {
	l, err := c.lease(ctx, namespace, name)
	if err != nil {
		return err
	}
	what := "giving back lease " + strconv.Quote(namespace+"/"+name)
	notHeld := &Error{c.server, what, ErrNotHeld, nil}
	if is := leaseOf(l); is.Holder != held.Holder || !is.Renewed.Equal(held.Renewed) || l.Spec.Strategy != nil || l.Spec.PreferredHolder != nil {
		return notHeld
	}
	at := meta.NewMicroTime(now)
	l.Spec.HolderIdentity, l.Spec.LeaseDurationSeconds = new(""), new(int32(1))
	l.Spec.RenewTime, l.Spec.AcquireTime = &at, &at
	err = c.read(ctx, what, func(ctx context.Context) error {
		// With its resourceVersion: a lease that was written meanwhile stays.
		return c.rest.Put().Namespace(namespace).Resource("leases").Name(name).Body(l).MaxRetries(0).Do(ctx).Error()
	})
	if api.IsConflict(err) || missing(err, name) {
		return notHeld
	}
	return err
}

func (c *Client) lease(ctx context.Context, namespace, name string) (*coordination.Lease, error) {
	what := "reading lease " + strconv.Quote(namespace+"/"+name)
	if err := checkNames(what, namespace, name); err != nil {
		return nil, err
	}
	var got coordination.Lease
	err := c.read(ctx, what, func(ctx context.Context) error {
		return c.rest.Get().Namespace(namespace).Resource("leases").Name(name).MaxRetries(0).Do(ctx).Into(&got)
	})
	switch {
	case missing(err, name):
		return nil, &Error{c.server, what, ErrNoLease, nil}
	case err != nil:
		return nil, err
	case got.Namespace != namespace || got.Name != name:
		return nil, &Error{c.server, what, ErrAnswer, fmt.Errorf("it is lease %q", got.Namespace+"/"+got.Name)}
	}
	return &got, nil
}

// checkNames refuses names that would lead to another path.
func checkNames(what string, names ...string) error {
	for _, n := range names {
		if faults := content.IsPathSegmentName(n); n == "" || len(faults) > 0 {
			return fmt.Errorf("%s: %q can't be a name: %s", what, n, strings.Join(faults, ", "))
		}
	}
	return nil
}

// missing reports whether an error is an apiserver's answer that it has no lease of a name.
// Other servers at that address may answer 404 as well.
func missing(err error, name string) bool {
	var status api.APIStatus
	if !api.IsNotFound(err) || !errors.As(err, &status) {
		return false
	}
	d := status.Status().Details
	if d == nil || d.Kind != "leases" || d.Name != name {
		return false
	}
	return !slices.ContainsFunc(d.Causes, func(c meta.StatusCause) bool { return c.Type == meta.CauseTypeUnexpectedServerResponse })
}

func leaseOf(l *coordination.Lease) *Lease {
	out := &Lease{ResourceVersion: l.ResourceVersion}
	if l.Spec.HolderIdentity != nil {
		out.Holder = *l.Spec.HolderIdentity
		out.Hostname = out.Holder
		if i := strings.LastIndexByte(out.Holder, '_'); i >= 0 { // a UUID has none
			out.Hostname = out.Holder[:i]
		}
	}
	if t := l.Spec.RenewTime; t != nil {
		out.Renewed = t.Time
	}
	if t := l.Spec.AcquireTime; t != nil {
		out.Acquired = t.Time
	}
	if s := l.Spec.LeaseDurationSeconds; s != nil {
		out.Duration = time.Duration(*s) * time.Second
	}
	if n := l.Spec.LeaseTransitions; n != nil {
		out.Transitions = int(*n)
	}
	return out
}
