package config

import (
	"fmt"
	"strconv"
	"strings"

	"cuelang.org/go/cue/errors"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
)

// loadErrors explains errors before evaluation: syntax, imports and unresolved references.
func (x *explainer) loadErrors(err error) []finding.Finding {
	x.recordErrors(err)
	var out []finding.Finding
	all := errors.Errors(err)
	more := max(0, len(all)-maxErrors)
	for _, e := range all[:len(all)-more] {
		f := finding.Finding{Rule: "cue-syntax", Severity: finding.Error, Pos: finding.Pos{File: x.rel(x.dir)}}
		if places := syntax.Positions(e); len(places) > 0 {
			f.Pos = x.pos(places[0])
		}
		format, args := e.Msg()
		switch {
		case format == "import failed" && len(errors.Errors(errors.Unwrap(e))) > 0 && !strings.Contains(e.Error(), "cannot find package"):
			out = append(out, x.loadErrors(errors.Unwrap(e))...) // an error in the imported package
			continue
		case format == "import failed", strings.HasPrefix(format, "builtin package"):
			f.Rule, f.Message = "cue-import", importFault(e)
			f.Expected = fmt.Sprintf("a package of this module, such as %q", schemaPath)
			f.Hint = "correct the import path; nothing is fetched from a registry"
			if strings.Contains(f.Message, strconv.Quote(schemaPath)) {
				f.Expected = "the vocabulary in this module or its cue.mod/pkg"
				f.Hint = "type: kcmgen schema vendor"
			}
			if minor, ok := minorIn(f.Message); ok {
				f.Message, f.Expected, f.Hint = noMinor(minor)
			}
			if module, ok := missingModule(e); ok {
				f.Message = fmt.Sprintf("the module %s, a dependency in cue.mod/module.cue, isn't here", module)
				f.Expected = "what is imported in this module or its cue.mod/pkg; nothing is fetched from a registry"
				f.Hint = "put its packages below cue.mod/pkg, and take it out of deps"
			}
		case strings.HasPrefix(format, "imported and not used"):
			f.Rule, f.Message, f.Hint = "cue-import", syntax.OneLine(e), "remove the import"
			if _, typed := minorIn(f.Message); typed || strings.Contains(f.Message, strconv.Quote(schemaPath)) { // imported, and not used for the cluster
				f.Rule, f.Message = "cue-schema", "the cluster has no schema"
				f.Expected, f.Hint = "cluster: schemas.#Cluster & {…}", ""
			}
		case strings.HasPrefix(syntax.OneLine(e), "@embed"):
			f.Rule, f.Message = "cue-embed", x.notDecoded(e)
		case strings.HasPrefix(format, "file is too large"):
			f.Rule, f.Message, f.Pos.Line = "cue-unreadable", syntax.OneLine(e), 0
		case strings.HasPrefix(format, "found packages") && len(args) >= 4:
			f.Message = fmt.Sprintf("found packages %q (%v) and %q (%v)", args[:4]...)
			f.Expected = "one package in a directory"
		case strings.HasPrefix(format, "reference"):
			f.Rule, f.Message = "cue-reference", syntax.OneLine(e)
			f.Expected = "the name of a field around this one, or of an import"
		default:
			f.Message = syntax.OneLine(e)
			if strings.Contains(f.Message, "missing ','") {
				f.Hint = `fields on one line need a comma between them; names with "-" or "." and addresses need quotes: "kube-api-qps": 100`
			}
		}
		out = append(out, f)
	}
	if more > 0 {
		out = append(out, x.moreErrors(more))
	}
	return out
}

// notDecoded says why an @embed failed. It leaves out the decoder's message if embedded
// files may be secret, since the message may quote them.
func (x *explainer) notDecoded(e errors.Error) string {
	if cause := errors.Unwrap(e); cause != nil && x.embedded == nil {
		return "nothing is embedded: " + syntax.Trim(cause.Error())
	}
	return "an embedded file isn't of the type that @embed says"
}

// missingModule returns the missing module that keeps CUE from finding any package.
func missingModule(e errors.Error) (string, bool) {
	_, rest, ok := strings.Cut(e.Error(), "cannot expand module graph: ")
	module, _, _ := strings.Cut(rest, ": ")
	return module, ok
}

// importFault returns CUE's message about an import, without this machine's paths.
func importFault(e errors.Error) string {
	msg := syntax.Trim(e.Error())
	if i := strings.Index(msg, "cannot find package"); i >= 0 {
		msg, _, _ = strings.Cut(msg[i:], ": ")
	}
	return msg
}
