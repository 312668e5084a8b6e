package main

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// acceptHelp is what --accept does.
const acceptHelp = "change what others trust, of one cluster: ca, front-proxy-ca, sa, or name, after which it was renamed"

// accepting reads --accept. It is about one cluster: what is meant for one must not
// let an accident of another pass.
func accepting(words []string, clusters []*gen.Vetted) (plan.Accepted, error) {
	out := plan.Accepted{}
	for _, w := range words {
		if !slices.Contains(plan.Acceptable(), w) {
			text := fmt.Sprintf("--accept %s: it takes %s", w, strings.Join(plan.Acceptable(), ", "))
			if near := spec.Nearest(w, plan.Acceptable()); near != "" {
				text += fmt.Sprintf("; did you mean %s?", near)
			}
			return nil, usageError{errors.New(text)}
		}
		out[w] = true
	}
	if len(words) > 0 && len(clusters) > 1 {
		return nil, usageError{errors.New("--accept is about one cluster: name it")}
	}
	return out, nil
}

// reportAccepted says what changed of what others trust, and what was accepted
// for nothing.
func reportAccepted(name string, p *plan.Plan, accepted plan.Accepted, std stdio) {
	for _, c := range p.Accepted {
		say(std.err, "%s: accepted: %s", name, c)
	}
	for _, word := range plan.Acceptable() {
		used := slices.ContainsFunc(p.Accepted, func(c plan.Change) bool { return c.ID == word })
		if accepted[word] && !used && word != plan.Name {
			say(std.err, "%s: --accept %s: there was nothing to accept", name, word)
		}
	}
}

// treeError is an error about a cluster's tree, which its advice names.
type treeError struct {
	error
	cluster *spec.Cluster
	out     string // the folder of the trees
	home    string // where the tree of the cluster lies instead; may be empty
}

func (e *treeError) Unwrap() error { return e.error }

// inTree gives an error of planning what its advice needs.
func inTree(err error, c *spec.Cluster, out *outdir.Dir, dir string) error {
	var other *plan.OtherClusterError
	if err == nil {
		return nil
	}
	t := &treeError{error: err, cluster: c, out: dir}
	if errors.As(err, &other) {
		for _, name := range out.MadeFor(c.Name) {
			t.home = cmp.Or(t.home, name)
		}
	}
	return t
}

// trustHint is advice about what others trust.
func trustHint(err error) string {
	var elsewhere *elsewhereError
	if errors.As(err, &elsewhere) {
		return "mv " + word(elsewhere.at) + " " + word(elsewhere.dir) + "; to start anew, move " + word(elsewhere.at) + " to another place"
	}
	var t *treeError
	if !errors.As(err, &t) {
		return ""
	}
	var other *plan.OtherClusterError
	var changed *plan.TrustError
	var conflict *plan.Conflict
	switch {
	case errors.As(err, &other):
		return t.homeHint(other)
	case errors.As(err, &conflict):
		return t.conflictHint(conflict)
	case errors.As(err, &changed):
		return t.changesHint(changed.Changes)
	}
	return ""
}

// elsewhereError is a cluster without a tree, while its tree lies under another
// name: what would be made is another CA.
type elsewhereError struct{ dir, at string }

func (e *elsewhereError) Error() string {
	return e.dir + " isn't there, and " + e.at + " is its tree: manifest.json says so"
}

// atHome returns an error if a cluster that has no manifest has its tree elsewhere,
// or has keys of a tree whose manifest was lost.
func (e *export) atHome(out *outdir.Dir, dir string) error {
	if e.old.Manifest != nil {
		return nil
	}
	if slices.ContainsFunc(e.old.Foreign, keys.IsTrusted) {
		return &lostManifestError{e.dir, ""}
	}
	for _, name := range out.MadeFor(e.name) {
		return &elsewhereError{e.dir, filepath.Join(dir, name)}
	}
	return nil
}

// hostKey reports whether a file of a cluster's tree is a host's copy of a private
// key that others trust.
func hostKey(file string) bool {
	name := path.Base(file)
	_, _, host := layout.OnHost(file)
	return host && (name == spec.CAKey.FileName() || name == spec.ServiceAccountKey.FileName())
}

// homeHint: a folder that was moved is moved back.
func (t *treeError) homeHint(e *plan.OtherClusterError) string {
	here, theirs := t.at(), filepath.Join(t.out, e.Made)
	meant := "if " + e.Made + " was renamed to " + e.Cluster + ": " + t.export(plan.Name)
	switch t.home {
	case "":
		return "move it back: mv " + word(here) + " " + word(theirs) + "; " + meant
	case e.Made:
		aside := here + ".aside"
		return "the two changed places, change them back: mv " + word(here) + " " + word(aside) + " && mv " + word(theirs) + " " + word(here) + " && mv " + word(aside) + " " + word(theirs)
	}
	return "its own is " + word(filepath.Join(t.out, t.home)) + ": move each where it belongs; " + meant
}

func (t *treeError) conflictHint(c *plan.Conflict) string {
	aside := word(filepath.Join(t.out, "aside", t.cluster.Name))
	anew := "to start anew: mkdir -p -m 700 " + aside + " && mv " + t.pki(c.ID) + ".* " + aside + "/ && " + t.export(c.ID)
	switch {
	case c.Lost == ".key" && c.Key != "":
		return t.putBack(c.Key, keys.KeyPath(c.ID)) + "; " + anew
	case c.Lost == ".crt" && c.Public != "":
		return t.putBack(c.Public, keys.CertPath(c.ID)) + "; " + anew
	case c.Lost != "" && c.Key != "" && c.Public != "":
		return "put pki/" + c.ID + c.Lost + " back, from a backup or from " + word(filepath.Join(t.at(), filepath.FromSlash(c.Key))) + " and " + word(filepath.Join(t.at(), filepath.FromSlash(c.Public))) + "; " + anew
	case c.Lost != "":
		return "put pki/" + c.ID + c.Lost + " back from a backup; " + anew
	case c.Given:
		return "to keep what clients trust, change the CUE back; for one made here: " + t.export(c.ID)
	}
	return "to keep what clients trust, change the CUE back; " + anew
}

// changesHint is one line for all that can be copied back, and one for each other
// change.
func (t *treeError) changesHint(changes []plan.Change) string {
	var commands, ids, hints []string
	for _, c := range changes {
		if c.Kind != plan.Lost || c.Key == "" {
			hints = append(hints, t.changeHint(c))
			continue
		}
		ids = append(ids, c.ID)
		commands = append(commands, t.copied(c.Key, keys.KeyPath(c.ID)))
		if c.ID != keys.ServiceAccount && c.Public != "" {
			commands = append(commands, t.copied(c.Public, keys.CertPath(c.ID)))
		}
	}
	if len(ids) > 0 {
		mkdir := "mkdir -p -m 700 " + word(filepath.Join(t.at(), keys.Dir))
		hints = append(hints, "put back what was lost: "+mkdir+" && "+strings.Join(commands, " && ")+"; to have it made anew: "+t.export(strings.Join(ids, ",")))
	}
	return strings.Join(hints, "\nhint: ")
}

func (t *treeError) changeHint(c plan.Change) string {
	switch c.Kind {
	case plan.Lost:
		return "put pki/" + c.ID + ".* back from a backup; to have it made anew: " + t.export(c.ID)
	case plan.Replaced:
		hint := "put the old pki/" + c.ID + ".* back"
		if c.Key != "" {
			hint += " (a copy of its key: " + word(filepath.Join(t.at(), filepath.FromSlash(c.Key))) + ")"
		}
		return hint + "; if the new one is meant: " + t.accept(c)
	case plan.Ended:
		return "if that is meant: " + t.export(c.ID)
	}
	return "change the CUE back; if the new one is meant: " + t.accept(c)
}

// accept is how a change is accepted: now, or in the CUE for all to see.
func (t *treeError) accept(c plan.Change) string {
	hint := t.export(c.ID)
	if c.New != "" {
		hint += `, or in the CUE: pki: accept: ` + acceptField[c.ID] + `: "` + c.New + `"`
	}
	return hint
}

var acceptField = map[string]string{keys.CA: "ca", keys.FrontProxyCA: "frontProxy", keys.ServiceAccount: "serviceAccount"}

func (t *treeError) putBack(from, to string) string { return "put it back: " + t.copied(from, to) }

func (t *treeError) copied(from, to string) string {
	return "cp -p " + word(filepath.Join(t.at(), filepath.FromSlash(from))) + " " + word(filepath.Join(t.at(), filepath.FromSlash(to)))
}

func (t *treeError) at() string { return filepath.Join(t.out, t.cluster.Name) }

func (t *treeError) pki(id string) string { return word(filepath.Join(t.at(), keys.Dir, id)) }

// export is the command that accepts a change.
func (t *treeError) export(what string) string {
	folder := folderOf(t.cluster)
	cmd := "kcmgen export "
	if !usualOut(t.cluster, t.out) {
		cmd += "-o " + word(t.out) + " "
	}
	return cmd + word(folder) + " --accept " + what
}
