package config

import (
	"context"
	"encoding/json"
	"path/filepath"
	"sync"

	"cuelang.org/go/cue/build"

	"github.com/kcmgen/kcmgen/gen/config/apart"
	"github.com/kcmgen/kcmgen/gen/config/bounds"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/child"
)

// leftApart collects places that children evaluate.
type leftApart struct {
	mu  sync.Mutex
	all []int
	why map[int]*bounds.Reason
}

func (a *leftApart) add(i int, why *bounds.Reason) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.why == nil {
		a.why = map[int]*bounds.Reason{}
	}
	a.all, a.why[i] = append(a.all, i), why
}

// guarded evaluates a package in this process. A panic is a finding: no trace is printed.
func (l *loader) guarded(inst *build.Instance, p place, policy *policyPackage) (o outcome) {
	defer l.watch.Begin(l.rel(p.dir))()
	defer func() {
		if recover() != nil {
			o = outcome{isCluster: true, findings: []finding.Finding{l.overLimit(p, nil, &child.EndedError{Cause: child.Failed})}}
		}
	}()
	return l.instance(inst, p, policy)
}

// evaluateApart evaluates places in children.
func (l *loader) evaluateApart(ctx context.Context, t *task) error {
	if len(t.apart.all) == 0 {
		return nil
	}
	l.children.Lock()
	defer l.children.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	x := apart.Work[errandPlace]{
		Limits:  child.Limits{Time: l.opts.Limits.Time, Memory: l.opts.Limits.Memory},
		Payload: errand{l.cwd, l.opts.Version, l.opts.Overlay, l.opts.Rules != nil},
		Place: func(i int) errandPlace {
			p := t.places[i]
			return errandPlace{p.dir, p.root, p.deep}
		},
		Size: func(i int) int { return t.sizes[i] },
		Kind: func(i int) string { return t.places[i].root },
		Done: func(i int, data []byte) error {
			var a answer
			if err := json.Unmarshal(data, &a); err != nil {
				return err
			}
			l.done(t, i, l.outcome(t.places[i], a, t.apart.why[i]))
			return nil
		},
		Ended: func(i int, e *child.EndedError) {
			l.done(t, i, outcome{isCluster: true, findings: []finding.Finding{l.overLimit(t.places[i], t.apart.why[i], e)}})
		},
	}
	return x.Run(ctx, t.apart.all)
}

// outcome makes an outcome of a child's answer.
func (l *loader) outcome(p place, a answer, why *bounds.Reason) outcome {
	if a.Failed {
		return outcome{isCluster: true, findings: []finding.Finding{l.overLimit(p, why, &child.EndedError{Cause: child.Failed})}}
	}
	o := outcome{isCluster: a.IsCluster, skipped: a.Skipped, other: a.Other, findings: a.Findings, differs: a.Differs, keep: a.Keep}
	if a.Data != nil {
		o.cluster, _ = decode(a.Data) // the child has decoded it too, without a fault
		o.cluster.Dir, o.cluster.Source = filepath.Clean(a.Dir), a.Source
		o.cluster.TypeErrors, o.cluster.Embedded, o.cluster.Own = a.TypeErrors, a.Embedded.Unpack(), a.Own
	}
	return o
}
