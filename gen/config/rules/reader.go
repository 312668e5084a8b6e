package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Limits of a rule.
const (
	maxRuleID  = 63
	maxMessage = 300
	maxHelp    = 1000
)

// reader reads the rules of one package.
type reader struct {
	*Set
	Package
	ctx        *cue.Context
	at         finding.Source
	vocabulary map[string]bool // its files
	aliases    bool            // see hasAliases
}

// add adds a rule, or what is wrong with it.
func (r *reader) add(id string, v cue.Value) {
	one := &Rule{ctx: r.ctx, origin: r.origin(v), embedded: r.Embedded}
	one.OwnRule = spec.OwnRule{ID: id, Severity: finding.Error, Pos: r.position(id, one.origin)}
	if other := r.Rule(id); other != nil {
		if !one.origin.IsValid() || !samePos(other.origin, one.origin) {
			r.fault(one, fmt.Sprintf("there is another rule %.80q, which this can't replace", id), "an id of its own", other.Pos)
		}
		return
	}
	r.byID[id] = one
	r.rules = append(r.rules, one)
	switch {
	case !isRuleID(id):
		r.fault(one, fmt.Sprintf("%.80q is no id of a rule", id), `at most 63 small letters and digits, with single "-" between them, such as "acme-registry"`)
	case r.opts.Taken != nil && r.opts.Taken(id):
		r.fault(one, fmt.Sprintf("%s is a rule of kcmgen's own", id), `another id, such as "acme-`+id+`"`)
	default:
		r.read(one, v)
	}
}

// read reads the fields of a rule.
func (r *reader) read(one *Rule, v cue.Value) {
	if err := v.Validate(); err != nil {
		r.invalid(one, "rule "+one.ID+" can't be evaluated", err)
		return
	}
	it, err := v.Fields(cue.Optional(true))
	if err != nil {
		r.invalid(one, "rule "+one.ID+" is not a rule", err)
		return
	}
	fields := map[string]cue.Value{}
	for it.Next() {
		switch name := it.Selector().Unquoted(); {
		case !slices.Contains(ruleFields, name):
			r.fault(one, fmt.Sprintf("rule %s has an unknown field %.80q", one.ID, name), "one of "+strings.Join(ruleFields, ", "))
		case !it.IsOptional():
			fields[name], _ = it.Value().Default()
		}
	}
	r.texts(one, fields)
	if f, ok := fields["fixed"]; ok {
		if one.Fixed, err = f.Bool(); err != nil {
			r.fault(one, fmt.Sprintf("fixed of rule %s is not true or false", one.ID), "true or false")
		}
	}
	check, ok := fields["check"]
	if classes, about := fields["changes"]; about {
		r.changes(one, classes, ok)
		return
	}
	if !ok {
		r.fault(one, fmt.Sprintf("rule %s has no check", one.ID), "check: {…}, which is unified with each cluster; or changes: […], of which each needs an acknowledgement")
	}
	// The default of a check would be another check.
	one.check = v.LookupPath(cue.ParsePath("check"))
	if !r.aliases {
		one.touches = touched(one.check)
	}
	// A check whose conditions need a cluster has no kind yet.
	if kind := check.IncompleteKind(); ok && kind != cue.BottomKind && kind&cue.StructKind == 0 {
		r.fault(one, fmt.Sprintf("the check of rule %s is not a struct", one.ID), "check: {…}, which is unified with each cluster")
	}
}

// changes reads the classes of effects that a rule is about.
func (r *reader) changes(one *Rule, v cue.Value, checks bool) {
	if checks {
		r.fault(one, fmt.Sprintf("rule %s has a check, and is about changes", one.ID), "check: {…} or changes: […]; make it two rules")
		return
	}
	var classes []string
	if err := v.Decode(&classes); err != nil || len(classes) == 0 {
		r.fault(one, fmt.Sprintf("changes of rule %s are not a list of classes", one.ID), `a list such as ["bootstrap", "trust"]`)
		return
	}
	for _, c := range classes {
		if r.opts.Classes != nil && !slices.Contains(r.opts.Classes(), c) {
			r.fault(one, fmt.Sprintf("rule %s is about changes of the class %.80q, and there is none", one.ID, c), "one of "+strings.Join(r.opts.Classes(), ", "))
			return
		}
	}
	one.Changes = classes
}

// touched returns the fields at the top of a cluster that a check can look at, or nil for all
// of them: a check with conditions, patterns or alternatives at its top, or a closed one. A
// check that names three fields of thirty needn't be unified with the others.
func touched(check cue.Value) []string {
	if op, _ := check.Expr(); op == cue.OrOp || check.IncompleteKind() != cue.StructKind || !check.Allows(cue.AnyString) {
		return nil
	}
	it, err := check.Fields(cue.Optional(true), cue.Patterns(true))
	if err != nil {
		return nil
	}
	out := []string{}
	for it.Next() {
		if it.Selector().ConstraintType() == cue.PatternConstraint {
			return nil
		}
		out = append(out, it.Selector().Unquoted())
	}
	slices.Sort(out)
	return out
}

// hasAliases reports whether a package or one that it imports has an alias of a value, by
// which a check can look at fields that it doesn't name.
func hasAliases(inst *build.Instance, vocabulary map[string]bool) bool {
	found := false
	syntax.EachFile(inst, map[*build.Instance]bool{}, func(f *ast.File) {
		if vocabulary[f.Filename] {
			return
		}
		ast.Walk(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Alias, *ast.PostfixAlias:
				found = true
			case *ast.Ident:
				found = found || n.Name == "self"
			}
			return !found
		}, nil)
	})
	return found
}

// ruleFields are the fields of a rule.
var ruleFields = []string{"message", "severity", "help", "fixed", "check", "changes"}

// texts reads the fields of a rule that are text.
func (r *reader) texts(one *Rule, fields map[string]cue.Value) {
	text := func(name string, limit int) string {
		f, ok := fields[name]
		if !ok {
			return ""
		}
		s, err := f.String()
		switch {
		case err != nil:
			r.fault(one, fmt.Sprintf("%s of rule %s is not a text", name, one.ID), "one text in quotes")
		case utf8.RuneCountInString(s) > limit:
			r.fault(one, fmt.Sprintf("%s of rule %s is too long", name, one.ID), fmt.Sprintf("at most %d characters", limit))
		default:
			return s
		}
		return ""
	}
	one.Message, one.Help = text("message", maxMessage), syntax.Trim(text("help", maxHelp))
	if !one.broken && (strings.TrimSpace(one.Message) == "" || strings.ContainsFunc(one.Message, unicode.IsControl)) {
		r.fault(one, fmt.Sprintf("rule %s has no message of one line", one.ID), `what is wrong, such as message: "images come from our registry"`)
	}
	switch s := finding.Severity(cmp.Or(text("severity", maxMessage), string(finding.Error))); s {
	case finding.Error, finding.Warning:
		one.Severity = s
	default:
		r.fault(one, fmt.Sprintf("severity of rule %s is %.80q", one.ID, s), `"error" or "warning"`)
	}
}

// isRuleID reports whether a text can be the id of a rule.
func isRuleID(s string) bool {
	valid := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' }
	return s != "" && len(s) <= maxRuleID && !strings.ContainsFunc(s, func(r rune) bool { return !valid(r) }) &&
		s[0] != '-' && s[len(s)-1] != '-' && !strings.Contains(s, "--")
}

// origin returns where a rule is written, which is the same for all that import it.
func (r *reader) origin(v cue.Value) token.Pos {
	for _, p := range []token.Pos{v.LookupPath(cue.ParsePath("message")).Pos(), v.Pos()} {
		if p.IsValid() && p.Filename() != "" && !r.vocabulary[p.Filename()] {
			return p
		}
	}
	return token.NoPos
}

// samePos reports whether two positions are the same: a package may have been read twice.
func samePos(a, b token.Pos) bool {
	return a.Filename() == b.Filename() && a.Line() == b.Line() && a.Column() == b.Column()
}

// position returns where a rule stands: in the package itself, or in one that it imports.
func (r *reader) position(id string, origin token.Pos) finding.Pos {
	if pos, ok := r.at[finding.Path(id)]; ok {
		return pos
	}
	if origin.IsValid() {
		return r.Pos(origin)
	}
	return r.at.At("")
}

// fault adds a finding about a rule that says something else than a rule must say.
func (r *reader) fault(one *Rule, message, want string, also ...finding.Pos) {
	one.broken = true
	r.report(one, finding.Finding{Pos: one.Pos, Message: message, Expected: want, Also: also})
}

// maxRefusals is the maximum number of CUE's errors that are shown of one rule, and of
// fields for each cluster that a rule refuses.
const maxRefusals = 10

// invalid adds findings about a rule that CUE can't evaluate; one is nil for all rules of
// a package.
func (r *reader) invalid(one *Rule, what string, err error) {
	r.Record(err)
	pos := r.at.At("")
	if one != nil {
		pos, one.broken = one.Pos, true
	}
	all := errors.Errors(err)
	for _, e := range all[:min(len(all), maxRefusals)] {
		f := finding.Finding{Pos: pos, Message: what + ": " + syntax.OneLine(e)}
		for _, p := range syntax.Positions(e) {
			if at := r.Pos(p); at != pos && !slices.Contains(f.Also, at) {
				f.Also = append(f.Also, at)
			}
		}
		r.report(one, f)
	}
}

// report adds a finding about a rule.
func (r *reader) report(one *Rule, f finding.Finding) {
	f.Rule, f.Severity = Invalid, finding.Error
	if f.Expected == "" {
		f.Expected = "CUE that can be evaluated without a cluster"
	}
	if f.Hint == "" {
		f.Hint = "type: kcmgen vet --test"
	}
	r.Findings = append(r.Findings, r.Embedded.Finding(f))
}
