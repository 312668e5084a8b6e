package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/logs"
	"github.com/kcmgen/kcmgen/deploy/plan"
)

// hostLog is what to type on a host to read the log.
func hostLog(h *Host) string {
	namespace, pod, ok := strings.Cut(h.Unit, "/")
	if ok {
		return "look at its log: tail -n 50 /var/log/pods/" + namespace + "_" + pod + "-*/*/*.log"
	}
	return "look at its log: journalctl -u " + strings.TrimSuffix(h.Unit, ".service") + " -n 50"
}

func (f *finder) host(h *Host) {
	f.node = h.Node
	defer func() { f.node = "" }()
	if h.Problem != nil {
		f.add(Error, "host-unreached", f.command("deploy --dry-run --limit "+h.Node), "%s", h.Problem.Text)
		return
	}
	if skew := seconds(h.Skew); skew.Abs() > maxSkew {
		f.add(Error, "clock", "see that it keeps time: timedatectl", "its clock is %s %s", Age(skew), map[bool]string{true: "ahead", false: "behind"}[skew > 0])
	}
	if h.Holder != "" {
		f.add(NotChecked, "being-changed", "look again when that has ended", "it is being changed by %s", h.Holder)
	}
	f.disk(h)
	f.certificates(h)
	if !f.process(h) {
		return
	}
	f.running(h)
	f.health(h)
	f.lasting(h)
}

// process returns whether a process runs.
func (f *finder) process(h *Host) bool {
	switch {
	case !h.Known && !h.Running:
		f.add(Error, "not-deployed", f.command("deploy"), "it has no %s yet", h.Unit)
		return false
	case !h.Running:
		why := ""
		if n := len(h.Ended); n > 0 {
			why = ": " + short(h.Ended[n-1]) + explained(h.Ended[n-1])
		}
		f.add(Error, "not-running", hostLog(h), "%s is %s%s", h.Unit, h.State, why)
		return false
	}
	if len(h.Others) > 0 {
		f.add(Error, "other-process", fmt.Sprintf("see what started it: systemctl status %d", h.Others[0]), "beside the process of %s %s of the same program: %s", h.Unit, plural(len(h.Others), "runs one", "run others"), strings.Trim(fmt.Sprint(h.Others), "[]"))
	}
	if h.Restarts > 0 && h.Since != nil && f.c.Time.Sub(*h.Since) < newsFor {
		f.add(Warning, "restarts", hostLog(h), "it was restarted %s, the last time %s ago%s", times(h.Restarts), Age(f.c.Time.Sub(*h.Since)), f.why(h))
	}
	return true
}

// why returns the last explained error of a log, in parentheses.
func (f *finder) why(h *Host) string {
	line, _ := h.LastError()
	return explained(line)
}

func explained(line string) string {
	if known := logs.Explain(line); known != nil {
		return " (" + known.Means + ")"
	}
	return ""
}

// disk compares what was exported with what is on the host's disk.
func (f *finder) disk(h *Host) {
	if h.Trial != "" {
		f.add(Warning, "trial-open", "wait for the deployment, or "+f.command("deploy"), "generation %s isn't confirmed: it goes back by itself", h.Trial)
	}
	if h.Drill != "" {
		f.add(Warning, "drill-open", "wait for it; if it goes on, type there, as root: sh /etc/kubernetes/kcmgen/recover undrill /etc/kubernetes/kcmgen", "a drill (%s) goes on, or was cut off and is ended by the host within a minute", h.Drill)
	}
	if len(h.DropIns) > 0 {
		f.add(Error, "drop-in", "say it in the cluster (unit:), and remove it there", "%s changes the unit", atMost(h.DropIns, 3))
	}
	d := h.Drift
	switch {
	case d == nil || !h.Known:
	case h.OnDisk == plan.Found:
		f.add(Error, "unit-foreign", f.command("diff --live"), "its %s isn't one that kcmgen wrote", h.Unit)
	case h.OnDisk != h.Exported:
		f.add(Error, "not-deployed-last", f.command("deploy"), "it has generation %s, the last export is %s", h.OnDisk, h.Exported)
	case len(d.Files) > 0:
		var names []string
		for _, c := range d.Files {
			names = append(names, c.Path)
		}
		f.add(Error, "files-differ", f.command("diff --live"), "not as exported: %s", atMost(names, 3))
	}
}

// running compares what is on the host's disk with what runs.
func (f *finder) running(h *Host) {
	switch {
	case len(h.Flags) > 0:
		var names []string
		for _, c := range h.Flags {
			names = append(names, "--"+c.Name)
		}
		f.add(Error, "not-restarted", "restart it there", "its process has other flags than %s: %s", h.Unit, atMost(names, 5))
	case h.Stale != "" && h.Since != nil && f.c.Time.Sub(*h.Since) > starting:
		f.add(Error, "not-restarted", "restart it there", "%s", h.Stale)
	}
	if !h.Enabled {
		f.add(Error, "not-enabled", "type there: systemctl enable "+h.Unit, "%s isn't started when the host boots", h.Unit)
	}
	if h.Version != "" && f.c.Version != "" && h.Version != f.c.Version && (h.Exported == "" || h.Exported == h.OnDisk) {
		f.add(Error, "version-differs", "install "+f.c.Version+" there, or set version: in the cluster", "its program is %s, and the cluster has %s", h.Version, f.c.Version)
	}
}

// health looks at what the process answers, and at what the apiserver answers it.
func (f *finder) health(h *Host) {
	if p := h.Healthz.Problem; p != nil {
		switch p.Kind {
		case NotServed:
			f.add(NotChecked, "healthz-not-asked", "let the login forward ports: AllowTcpForwarding local", "%s", p.Text)
		case Untrusted:
			f.add(Error, "healthz-untrusted", "restart it there, if the certificate on its disk is right", "%s", p.Text)
		default:
			f.add(Error, "healthz", hostLog(h), "%s%s", p.Text, f.why(h))
		}
	}
	f.ownApiserver(h)
	if p := h.Unmetered; p != nil && h.Healthz.OK() && p.Kind != NoKubeconfig {
		switch p.Kind {
		case Forbidden, Unauthorized, NotServed:
			f.add(NotChecked, "metrics-not-read", readRights, "%s", p.Text)
		default:
			f.add(Warning, "metrics", hostLog(h), "%s", p.Text)
		}
	}
}

// ownApiserver looks at what the apiserver answers the host's own kubeconfig.
func (f *finder) ownApiserver(h *Host) {
	// Where the operator doesn't reach the apiserver either, that is told once.
	if p := h.Apiserver.Problem; p != nil && (f.c.Apiserver.Problem == nil || f.c.Apiserver.Problem.Kind != p.Kind) {
		id, hint := "apiserver-away", "see that the host reaches the apiserver of its kubeconfig"
		switch p.Kind {
		case NotServed:
			f.add(NotChecked, "apiserver-not-asked", "see in its log that it works: "+f.command("logs --limit "+h.Node), "%s", p.Text)
			return
		case Unauthorized:
			id, hint = "apiserver-unauthorized", "export and deploy another client certificate: "+f.command("export")
		case Forbidden:
			id, hint = "apiserver-forbidden", "see that there is: kubectl get clusterrolebinding system:kube-controller-manager"
		case Untrusted:
			id, hint = "apiserver-untrusted", "see that pki: ca is the CA of the apiserver's certificate"
		}
		f.add(Error, id, hint, "with its own kubeconfig: %s", p.Text)
	}
}

func (f *finder) certificates(h *Host) {
	now := f.c.Time.Add(seconds(h.Skew))
	renew := f.command("export") + " && kcmgen deploy " + f.c.Argument
	for _, c := range lastOfBundle(h.Certificates) {
		name := "its " + c.Use + " certificate"
		switch c.Use {
		case CA, RootCA:
			name = "the certificate of the " + c.Use
		case Signer:
			name = "the certificate that signs CSRs"
		}
		switch {
		case c.Problem != "":
			f.add(Error, "certificate-unusable", f.command("diff --live"), "%s: %s", name, c.Problem)
		case c.Begins != nil && now.Before(*c.Begins):
			f.add(Error, "certificate-not-yet", "set the host's clock, or wait", "%s isn't valid before %s", name, day(*c.Begins))
		case c.Ends == nil:
		case !now.Before(*c.Ends):
			f.add(Error, "certificate-expired", renew, "%s expired %s ago, at %s", name, Age(now.Sub(*c.Ends)), day(*c.Ends))
		case c.Ends.Sub(now) < endsSoon:
			f.add(Warning, "certificate-ends", renew, "%s ends in %s, at %s", name, Age(c.Ends.Sub(now)), day(*c.Ends))
		}
	}
}

// lastOfBundle returns certificates without those of a file of CAs that end before another one of
// it: an old CA may stay there.
func lastOfBundle(all []Certificate) []Certificate {
	var out []Certificate
	for _, c := range all {
		later := func(d Certificate) bool {
			return d.Path == c.Path && d.Path != "" && d.Use == c.Use && c.Ends != nil && d.Ends != nil && d.Ends.After(*c.Ends)
		}
		if (c.Use == CA || c.Use == RootCA) && slices.ContainsFunc(all, later) {
			continue
		}
		out = append(out, c)
	}
	return out
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// recent is how old an error of the log may be to be one that goes on.
const recent = 2 * time.Minute

// lasting tells of an error in the log that goes on, and that nothing else tells of.
func (f *finder) lasting(h *Host) {
	if f.has(h.Node, "apiserver-unauthorized", "apiserver-forbidden", "apiserver-untrusted", "apiserver-away", "certificate-expired") {
		return
	}
	now := h.Clock(f.c)
	for i := len(h.Errors) - 1; i >= 0; i-- {
		line, known := logs.Parse(h.Errors[i], now), logs.Explain(h.Errors[i])
		if known == nil || !known.Fatal || line.Time.IsZero() || now.Sub(line.Time) > recent {
			continue
		}
		f.add(Error, "log-error", known.Hint, "its log says: %s (%s)", short(line.Message()), known.Means)
		return
	}
}

// short cuts a line.
func short(line string) string {
	line = strings.TrimSpace(line)
	if len(line) > 240 {
		line = strings.ToValidUTF8(line[:240], "") + "…"
	}
	return line
}

// plural returns the words for one or for many, with their number before the last word.
func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// atMost lists the first n words.
func atMost(words []string, n int) string {
	if len(words) > n {
		return strings.Join(words[:n], ", ") + fmt.Sprintf(" and %d more", len(words)-n)
	}
	return strings.Join(words, ", ")
}
