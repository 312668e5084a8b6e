package existing

import (
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/adopt"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// TestPackageUnit: a package's unit isn't the cluster's own.
func TestPackageUnit(t *testing.T) {
	unit := File{Path: "/usr/lib/systemd/system/kcm.service", Data: []byte("[Service]\nExecStart=/x/kube-controller-manager --v=2\n")}
	in, err := Read([]NodeFiles{{Node: "cp-1", Host: &Host{Given: []File{unit}}}}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := spec.ParseVersion(flags.Of(34).Version)
	if err != nil {
		t.Fatal(err)
	}
	out, err := adopt.New(adopt.Cluster{Package: "c", Name: "c", Version: v, Set: in.Set, Nodes: in.Nodes, KeepKeys: true})
	if err != nil {
		t.Fatal(err)
	}
	source, notes := string(out.Source), strings.Join(out.Notes, "\n")
	if !strings.Contains(source, `unit:   "/etc/systemd/system/kcm.service"`) || !strings.Contains(notes, "/usr/lib/systemd/system/kcm.service is a package's unit") {
		t.Errorf("%s\n%s", source, notes)
	}
}
