package review

import "github.com/kcmgen/kcmgen/gen/finding"

// Difference is what differs between two states of clusters.
type Difference struct {
	Base Side `json:"base"`
	Head Side `json:"head"`
	// Clusters are those that differ, by name. Untouched are the names of the others.
	Clusters  []ClusterDifference `json:"clusters"`
	Untouched []string            `json:"untouched"`
	// Shared are changed files that clusters of several packages read.
	Shared []SharedFile `json:"shared,omitempty"`
	Notes  []string     `json:"notes,omitempty"` // what a reader must know of the comparison
}

// Side is one of the two states.
type Side struct {
	Name   string `json:"name"`             // as it was asked for: a revision or a directory
	Commit string `json:"commit,omitempty"` // of a revision
}

// SharedFile is a changed file with the clusters that read it.
type SharedFile struct {
	File     string   `json:"file"`
	Clusters []string `json:"clusters"`
}

// ClusterDifference is what differs in one cluster.
type ClusterDifference struct {
	Name    string `json:"name"`
	OldName string `json:"oldName,omitempty"` // of one that was renamed
	State   State  `json:"state"`
	// Upgrade is set if it goes to another version of Kubernetes. Flags of which only the
	// defaults of Kubernetes differ are no changes then.
	Upgrade *Upgrade `json:"upgrade,omitempty"`
	Changes []Change `json:"changes"` // the riskiest first
	// Come and Gone are findings that only one side has.
	Come []finding.Finding `json:"findingsNew,omitempty"`
	Gone []finding.Finding `json:"findingsGone,omitempty"`
	// Nodes says what happens to each host whose generation differs.
	Nodes []NodeDifference `json:"nodes,omitempty"`

	Old *Cluster `json:"-"` // nil of a new one, and of one that couldn't be evaluated
	New *Cluster `json:"-"` // nil of one that is gone, and of one that can't be evaluated
}

// State says what became of a cluster or a node.
type State string

// The states.
const (
	Added   State = "new"
	Changed State = "changed"
	Removed State = "gone"
	Renamed State = "renamed"
	// Faulty is a cluster that can't be evaluated on one side or both: its findings are the
	// difference. If no side can be evaluated, the name is the directory of the package.
	Faulty State = "faulty"
)

// Upgrade is a change of the version of Kubernetes.
type Upgrade struct {
	From  string   `json:"from"`
	To    string   `json:"to"`
	Notes []string `json:"notes,omitempty"` // what kcmgen upgrade says of it
}

// NodeDifference is a host that gets other files.
type NodeDifference struct {
	Name    string `json:"name"`
	OldName string `json:"oldName,omitempty"`
	State   State  `json:"state"`
}

// Change is one value that differs, on one or several nodes.
type Change struct {
	Kind string `json:"kind"` // a kind of a setting, or one of the Kinds of changes
	Name string `json:"name"`
	Old  *Value `json:"old,omitempty"` // nil: there was none
	New  *Value `json:"new,omitempty"` // nil: there is none
	// Nodes are the nodes that have this change, by their new names; none: it is the
	// cluster's. If their values differ in nothing but the node's own name and address, these
	// are "<node>" and "<address>" in Name, Old and New. Field and At are of the first.
	Nodes []string `json:"nodes,omitempty"`
	// Way is how a range changes: one of the Ways.
	Way string `json:"way,omitempty"`
	// Export is what the next export does about a certificate or a key, one of the Exports,
	// and Reason why.
	Export string `json:"export,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Own means that kcmgen's defaults differ, and not what the user wrote.
	Own bool `json:"own,omitempty"`
	Effect
}

// Kinds of changes, besides those of settings.
const (
	OfFlag        = "flag"
	OfRange       = "range"
	OfCertificate = "certificate"
	OfFile        = "file"
	OfMembership  = "member" // a node comes or goes
)

// OfVersion is the kind of the one change of an Upgrade.
const OfVersion = "version"

// Ways of ranges. The mask of pods and what is planned have none.
const (
	Grown         = "grown"  // all that there was is in it
	Shrunk        = "shrunk" // it lies in what there was
	Moved         = "moved"  // something goes, and something else comes
	FamilyAdded   = "family added"
	FamilyRemoved = "family removed"
	Reordered     = "reordered"
)

// Exports are what an export does about a certificate or a key that differs, after one that
// wrote the base.
const (
	Makes   = "makes"   // it makes another
	Keeps   = "keeps"   // it keeps the one that there is
	Refuses = "refuses" // it refuses to go on, or needs --accept
)

// Value is one side of a change.
type Value struct {
	Text string `json:"text"`
	// Origin is set for flags; of one that isn't set it is "kubernetes", and Text is the
	// default of the program.
	Origin Origin `json:"origin,omitempty"`
	Field  string `json:"field,omitempty"`
	At     string `json:"at,omitempty"`

	raw string // see Flag.Raw
}

// ByKubernetes is the origin of a flag that isn't set.
const ByKubernetes Origin = "kubernetes"

// Effect says what a change does to a running cluster.
type Effect struct {
	Classes []string `json:"classes"`        // ids, the riskiest first
	Risk    string   `json:"risk"`           // "low", "medium" or "high"
	Part    string   `json:"part,omitempty"` // of the program: a controller, the serving, the election
	Text    string   `json:"effect"`
	Source  string   `json:"source,omitempty"` // URL
}
