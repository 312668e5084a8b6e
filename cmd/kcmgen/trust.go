package main

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/kcmgen/kcmgen/gen"
)

// acceptHelp is the help of --accept.
const acceptHelp = "change what others trust, of one cluster: ca, front-proxy-ca, sa, or name, after which it was renamed"

// trustHint returns advice on changes of what others trust.
func trustHint(err error) string {
	var elsewhere *gen.ElsewhereError
	if errors.As(err, &elsewhere) {
		return "mv " + word(elsewhere.At) + " " + word(elsewhere.Dir) + "; to start anew, move " + word(elsewhere.At) + " to another place"
	}
	var in *gen.TreeError
	if !errors.As(err, &in) {
		return ""
	}
	t := treeHint{in}
	var other *gen.OtherClusterError
	var changed *gen.TrustError
	var conflict *gen.ConflictError
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

// treeHint writes advice about a cluster's tree.
type treeHint struct{ *gen.TreeError }

// homeHint returns advice on a directory that was moved or renamed.
func (t treeHint) homeHint(e *gen.OtherClusterError) string {
	here, theirs := t.at(), filepath.Join(t.Out, e.Made)
	meant := "if " + e.Made + " was renamed to " + e.Cluster + ": " + t.export(gen.AcceptName)
	switch t.Home {
	case "":
		return "move it back: mv " + word(here) + " " + word(theirs) + "; " + meant
	case e.Made:
		aside := here + ".aside"
		return "the two changed places, change them back: mv " + word(here) + " " + word(aside) + " && mv " + word(theirs) + " " + word(here) + " && mv " + word(aside) + " " + word(theirs)
	}
	return "its own is " + word(filepath.Join(t.Out, t.Home)) + ": move each where it belongs; " + meant
}

func (t treeHint) conflictHint(c *gen.ConflictError) string {
	aside := word(filepath.Join(t.Out, "aside", t.Cluster.Name))
	anew := "to start anew: mkdir -p -m 700 " + aside + " && mv " + t.pki(c.ID) + ".* " + aside + "/ && " + t.export(c.ID)
	switch {
	case c.Lost == ".key" && c.Key != "":
		return t.putBack(c.Key, gen.KeyFile(c.ID)) + "; " + anew
	case c.Lost == ".crt" && c.Public != "":
		return t.putBack(c.Public, gen.CertFile(c.ID)) + "; " + anew
	case c.Lost != "" && c.Key != "" && c.Public != "":
		return "put pki/" + c.ID + c.Lost + " back, from a backup or from " + word(filepath.Join(t.at(), filepath.FromSlash(c.Key))) + " and " + word(filepath.Join(t.at(), filepath.FromSlash(c.Public))) + "; " + anew
	case c.Lost != "":
		return "put pki/" + c.ID + c.Lost + " back from a backup; " + anew
	case c.Given:
		return "to keep what clients trust, change the CUE back; for one made here: " + t.export(c.ID)
	}
	return "to keep what clients trust, change the CUE back; " + anew
}

// changesHint returns one line for all files that can be copied back, and one for
// each other change.
func (t treeHint) changesHint(changes []gen.TrustChange) string {
	var commands, ids, hints []string
	for _, c := range changes {
		if c.Kind != gen.TrustLost || c.Key == "" {
			hints = append(hints, t.changeHint(c))
			continue
		}
		ids = append(ids, c.ID)
		commands = append(commands, t.copied(c.Key, gen.KeyFile(c.ID)))
		if c.ID != gen.ServiceAccount && c.Public != "" {
			commands = append(commands, t.copied(c.Public, gen.CertFile(c.ID)))
		}
	}
	if len(ids) > 0 {
		mkdir := "mkdir -p -m 700 " + word(filepath.Join(t.at(), gen.KeyDir))
		hints = append(hints, "put back what was lost: "+mkdir+" && "+strings.Join(commands, " && ")+"; to have it made anew: "+t.export(strings.Join(ids, ",")))
	}
	return strings.Join(hints, "\nhint: ")
}

func (t treeHint) changeHint(c gen.TrustChange) string {
	switch c.Kind {
	case gen.TrustLost:
		return "put pki/" + c.ID + ".* back from a backup; to have it made anew: " + t.export(c.ID)
	case gen.TrustReplaced:
		hint := "put the old pki/" + c.ID + ".* back"
		if c.Key != "" {
			hint += " (a copy of its key: " + word(filepath.Join(t.at(), filepath.FromSlash(c.Key))) + ")"
		}
		return hint + "; if the new one is meant: " + t.accept(c)
	case gen.TrustEnded:
		return "if that is meant: " + t.export(c.ID)
	}
	return "change the CUE back; if the new one is meant: " + t.accept(c)
}

// accept returns how to accept a change: by a command, or in the CUE.
func (t treeHint) accept(c gen.TrustChange) string {
	hint := t.export(c.ID)
	if c.New != "" {
		hint += `, or in the CUE: pki: accept: ` + acceptField[c.ID] + `: "` + c.New + `"`
	}
	return hint
}

var acceptField = map[string]string{gen.CA: "ca", gen.FrontProxyCA: "frontProxy", gen.ServiceAccount: "serviceAccount"}

func (t treeHint) putBack(from, to string) string { return "put it back: " + t.copied(from, to) }

func (t treeHint) copied(from, to string) string {
	return "cp -p " + word(filepath.Join(t.at(), filepath.FromSlash(from))) + " " + word(filepath.Join(t.at(), filepath.FromSlash(to)))
}

func (t treeHint) at() string { return filepath.Join(t.Out, t.Cluster.Name) }

func (t treeHint) pki(id string) string { return word(filepath.Join(t.at(), gen.KeyDir, id)) }

// export returns the command that accepts a change.
func (t treeHint) export(what string) string {
	return "kcmgen export" + ofTree(t.Cluster, t.Out) + " --accept " + what
}
