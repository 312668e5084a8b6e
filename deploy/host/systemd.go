package host

import (
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// parseProcess parses the output of process: systemd's properties, arguments and mounts,
// one per line.
func parseProcess(text string) plan.Process {
	p := plan.Process{Mounts: map[string]string{}}
	show := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch key {
		case "arg":
			p.Args = append(p.Args, value)
		case "mount":
			from, to, _ := strings.Cut(value, " ")
			p.Mounts[to] = from
		default:
			show[key] = value
		}
	}
	number := func(key string) int { n, _ := strconv.Atoi(show[key]); return n }
	active := show["ActiveState"]
	p.PID, p.Restarts, p.Status = number("MainPID"), number("NRestarts"), number("ExecMainStatus")
	p.Running = active == "active" && p.PID > 0
	p.Dead, p.Ending = active == "inactive" || active == "failed", active == "deactivating"
	p.Active, p.Result = active+" ("+show["SubState"]+")", show["Result"]
	p.Known, p.Masked = show["LoadState"] == "loaded", show["LoadState"] == "masked"
	p.Enabled, p.Stale = show["UnitFileState"] == "enabled", show["NeedDaemonReload"] == "yes"
	p.File, p.DropIns = show["FragmentPath"], strings.Fields(show["DropInPaths"])
	return p
}
