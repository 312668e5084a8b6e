package deploy

import (
	"cmp"
	"strings"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Commands are what to type on a host about a unit or a static pod.
type Commands struct{ Status, Log, Start, Stop, Restart string }

// UnitName returns the name of what hosts of a cluster start: systemd's name of a unit, or a
// pod's namespace and name.
func UnitName(c *spec.Cluster) string { return plan.UnitOf(c).Name }

// CommandsFor returns the commands for a unit by systemd's name, or for a pod by its
// namespace and name with a slash between them; "" means the usual unit.
func CommandsFor(name string) Commands {
	namespace, pod, ok := strings.Cut(name, "/")
	if !ok {
		unit := cmp.Or(strings.TrimSuffix(name, ".service"), spec.PodName)
		return Commands{
			Status: "systemctl status " + unit, Log: "journalctl -u " + unit + " -n 50",
			Start: "systemctl start " + unit, Stop: "systemctl stop " + unit, Restart: "systemctl restart " + unit,
		}
	}
	return Commands{
		Status: "systemctl status kubelet; crictl pods --name " + pod,
		Log:    "tail -n 50 /var/log/pods/" + namespace + "_" + pod + "-*/*/*.log",
		Start:  "systemctl start kubelet", Restart: "systemctl restart kubelet",
		Stop: "move its manifest to another directory",
	}
}

// AfterEnd returns what to type where it has ended by itself.
func (c Commands) AfterEnd() string {
	return "see why it ended: " + c.Log + "; then " + c.Start + ", on each"
}
