package config

import (
	"encoding/json"

	"cuelang.org/go/cue/build"

	"github.com/kcmgen/kcmgen/gen/config/apart"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// errand is what a child needs for all places.
type errand struct {
	Dir     string            `json:"dir"` // relative to which names are shown
	Version string            `json:"version"`
	Overlay map[string][]byte `json:"overlay,omitempty"`
	Rules   bool              `json:"rules,omitempty"` // the organisation's own are applied
}

// errandPlace is a place that a child evaluates.
type errandPlace struct {
	Dir  string `json:"dir"`
	Root string `json:"root"`
	Deep bool   `json:"deep,omitempty"`
}

// answer is the outcome of a place, over a pipe. It holds values of embedded files, and is
// never written elsewhere.
type answer struct {
	Failed    bool              `json:"failed,omitempty"` // by a panic
	IsCluster bool              `json:"isCluster,omitempty"`
	Skipped   string            `json:"skipped,omitempty"`
	Other     bool              `json:"other,omitempty"`
	Findings  []finding.Finding `json:"findings,omitempty"`
	Differs   []finding.Finding `json:"differs,omitempty"`
	Keep      []byte            `json:"keep,omitempty"`

	// Of a cluster without findings. Data is nil if there is none.
	Data       json.RawMessage      `json:"data,omitempty"`
	Dir        string               `json:"clusterDir,omitempty"`
	Source     finding.Source       `json:"source,omitempty"`
	TypeErrors []finding.Finding    `json:"typeErrors,omitempty"`
	Embedded   *spec.PackedEmbedded `json:"embedded,omitempty"`
	Own        spec.Own             `json:"own"`
}

// Answers returns the function of a child that evaluates places for a parent that called
// Load, from the payload that it sent. rules are what own rules need, if the parent has them
// applied.
func Answers(payload []byte, rules *RuleOptions) (func(request []byte) []byte, error) {
	var e errand
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, err
	}
	o := Options{Version: e.Version, Overlay: e.Overlay}
	if e.Rules {
		o.Rules = rules
	}
	l := newLoader(e.Dir, o)
	l.serves = true
	s := &server{loader: l}
	return func(request []byte) []byte {
		data, err := json.Marshal(s.answer(request))
		if err != nil {
			return []byte(`{"failed":true}`)
		}
		return data
	}, nil
}

// server is the state of a child.
type server struct {
	*loader
	places []place
	insts  []*build.Instance
	policy *policyPackage // of their module
}

func (s *server) answer(request []byte) (a answer) {
	defer func() {
		if recover() != nil {
			a = answer{Failed: true}
		}
	}()
	var r apart.Request[errandPlace]
	if json.Unmarshal(request, &r) != nil {
		return answer{Failed: true}
	}
	if len(r.Load) > 0 {
		s.places = nil
		var all []int
		for i, p := range r.Load {
			s.places, all = append(s.places, place{dir: p.Dir, root: p.Root, deep: p.Deep}), append(all, i)
		}
		s.insts = s.instances(s.places, all)
		s.policy = s.policyOf(s.places[0].root) // they are all of one module
		return answer{}
	}
	s.readRules(s.policy)
	o := s.instance(s.insts[r.At], s.places[r.At], s.policy)
	a = answer{
		IsCluster: o.isCluster, Skipped: o.skipped, Other: o.other, Keep: o.keep,
		Findings: finding.EnsureMessages(o.findings), Differs: finding.EnsureMessages(o.differs),
	}
	if c := o.cluster; c != nil {
		a.Data, a.Dir, a.Source, a.TypeErrors, a.Embedded = o.data, c.Dir, c.Source, finding.EnsureMessages(c.TypeErrors), c.Embedded.Pack()
		a.Own = c.Own
	}
	return a
}
