package gen

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// trustHint returns advice on an error about a cluster's tree, or about changes of what others
// trust: the command to type next; "" if it has none.
func trustHint(err error) string {
	var elsewhere *ElsewhereError
	if errors.As(err, &elsewhere) {
		return "mv " + spec.ShellWord(elsewhere.At) + " " + spec.ShellWord(elsewhere.Dir) + "; to start anew, move " + spec.ShellWord(elsewhere.At) + " to another place"
	}
	var in *TreeError
	if !errors.As(err, &in) {
		return ""
	}
	t := treeHint{in}
	var other *OtherClusterError
	var changed *TrustError
	var conflict *ConflictError
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
type treeHint struct{ *TreeError }

// homeHint returns advice on a directory that was moved or renamed.
func (t treeHint) homeHint(e *OtherClusterError) string {
	here, theirs := t.at(), filepath.Join(t.Out, e.Made)
	meant := "if " + e.Made + " was renamed to " + e.Cluster + ": " + t.export(AcceptName)
	switch t.Home {
	case "":
		return "move it back: mv " + spec.ShellWord(here) + " " + spec.ShellWord(theirs) + "; " + meant
	case e.Made:
		aside := here + ".aside"
		return "the two changed places, change them back: mv " + spec.ShellWord(here) + " " + spec.ShellWord(aside) + " && mv " + spec.ShellWord(theirs) + " " + spec.ShellWord(here) + " && mv " + spec.ShellWord(aside) + " " + spec.ShellWord(theirs)
	}
	return "its own is " + spec.ShellWord(filepath.Join(t.Out, t.Home)) + ": move each where it belongs; " + meant
}

func (t treeHint) conflictHint(c *ConflictError) string {
	aside := spec.ShellWord(filepath.Join(t.Out, "aside", t.Cluster.Name))
	anew := "to start anew: mkdir -p -m 700 " + aside + " && mv " + t.pki(c.ID) + ".* " + aside + "/ && " + t.export(c.ID)
	switch {
	case c.Lost == ".key" && c.Key != "":
		return t.putBack(c.Key, KeyFile(c.ID)) + "; " + anew
	case c.Lost == ".crt" && c.Public != "":
		return t.putBack(c.Public, CertFile(c.ID)) + "; " + anew
	case c.Lost != "" && c.Key != "" && c.Public != "":
		return "put pki/" + c.ID + c.Lost + " back, from a backup or from " + spec.ShellWord(filepath.Join(t.at(), filepath.FromSlash(c.Key))) + " and " + spec.ShellWord(filepath.Join(t.at(), filepath.FromSlash(c.Public))) + "; " + anew
	case c.Lost != "":
		return "put pki/" + c.ID + c.Lost + " back from a backup; " + anew
	case c.Given:
		return "to keep what clients trust, change the CUE back; for one made here: " + t.export(c.ID)
	}
	return "to keep what clients trust, change the CUE back; " + anew
}

// changesHint returns one line for all files that can be copied back, and one for
// each other change.
func (t treeHint) changesHint(changes []TrustChange) string {
	var commands, ids, hints, gone []string
	for _, c := range changes {
		if c.Kind == NodeLeft {
			gone = append(gone, c.ID)
			continue
		}
		if c.Kind != TrustLost || c.Key == "" {
			hints = append(hints, t.changeHint(c))
			continue
		}
		ids = append(ids, c.ID)
		commands = append(commands, t.copied(c.Key, KeyFile(c.ID)))
		if c.ID != ServiceAccount && c.Public != "" {
			commands = append(commands, t.copied(c.Public, CertFile(c.ID)))
		}
	}
	if len(ids) > 0 {
		mkdir := "mkdir -p -m 700 " + spec.ShellWord(filepath.Join(t.at(), KeyDir))
		hints = append(hints, "put back what was lost: "+mkdir+" && "+strings.Join(commands, " && ")+"; to have it made anew: "+t.export(strings.Join(ids, ",")))
	}
	if len(gone) > 0 {
		hints = append(hints, t.goneHint(gone))
	}
	return strings.Join(hints, "\nhint: ")
}

// goneHint returns advice on nodes that are gone, by the words that accept that.
func (t treeHint) goneHint(words []string) string {
	var retire []string
	for _, w := range words {
		node, _ := plan.GoneNode(w)
		retire = append(retire, (&Exported{Cluster: t.Cluster, Out: t.Out}).Retirement(node))
	}
	return "if that is meant: " + t.export(strings.Join(words, ",")) + "; then, for each host: " + strings.Join(slices.Compact(retire), "; ")
}

func (t treeHint) changeHint(c TrustChange) string {
	switch c.Kind {
	case TrustLost:
		return "put pki/" + c.ID + ".* back from a backup; to have it made anew: " + t.export(c.ID)
	case TrustReplaced:
		hint := "put the old pki/" + c.ID + ".* back"
		if c.Key != "" {
			hint += " (a copy of its key: " + spec.ShellWord(filepath.Join(t.at(), filepath.FromSlash(c.Key))) + ")"
		}
		return hint + "; if the new one is meant: " + t.accept(c)
	case TrustEnded:
		return "if that is meant: " + t.export(c.ID)
	}
	return "change the CUE back; if the new one is meant: " + t.accept(c)
}

// accept returns how to accept a change: by a command, or in the CUE.
func (t treeHint) accept(c TrustChange) string {
	hint := t.export(c.ID)
	if c.New != "" {
		hint += `, or in the CUE: pki: accept: ` + acceptField[c.ID] + `: "` + c.New + `"`
	}
	return hint
}

var acceptField = map[string]string{CA: "ca", FrontProxyCA: "frontProxy", ServiceAccount: "serviceAccount"}

func (t treeHint) putBack(from, to string) string { return "put it back: " + t.copied(from, to) }

func (t treeHint) copied(from, to string) string {
	return "cp -p " + spec.ShellWord(filepath.Join(t.at(), filepath.FromSlash(from))) + " " + spec.ShellWord(filepath.Join(t.at(), filepath.FromSlash(to)))
}

func (t treeHint) at() string { return filepath.Join(t.Out, t.Cluster.Name) }

func (t treeHint) pki(id string) string { return spec.ShellWord(filepath.Join(t.at(), KeyDir, id)) }

// export returns the command that accepts a change.
func (t treeHint) export(what string) string {
	return "kcmgen export" + ofTree(t.Cluster, t.Out) + " --accept " + what
}

// Retirement returns how to stop a host that left the cluster: a command, or what to do by hand.
func (e *Exported) Retirement(node string) string {
	c := e.Cluster
	switch {
	case c.Layout == spec.StaticPod:
		return "remove " + c.Paths.Manifest + " there, and the keys"
	case !c.Generations:
		return "systemctl disable --now " + filepath.Base(c.Paths.Unit) + " there, and remove the keys"
	}
	return "kcmgen retire " + spec.ShellWord(node) + ofTree(c, e.Out)
}

// Renewal returns the command that makes an image of an architecture again in the same file.
func (e *Exported) Renewal(arch string) string {
	cmd := "kcmgen image"
	if !slices.Contains(e.Cluster.NodeArchs(), arch) {
		cmd += " --arch " + arch
	}
	return cmd + ofTree(e.Cluster, e.Out)
}

// ofTree returns the arguments that name a cluster and the directory of its tree.
func ofTree(c *spec.Cluster, out string) string {
	words := ""
	if !IsDefaultOut(c, out) {
		words = " -o " + spec.ShellWord(out)
	}
	return words + " " + spec.ShellWord(DirOf(c))
}
