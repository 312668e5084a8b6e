package show_test

import (
	"math"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/deploy/show"
	"github.com/kcmgen/kcmgen/deploy/status"
)

func page(t *testing.T, all ...*status.Cluster) string { return written(t, show.HTML, all) }

// TestHostileText: no text of a host becomes markup, or steers what shows the page.
func TestHostileText(t *testing.T) {
	for _, keep := range [][]reflect.Type{nil, {reflect.TypeFor[status.Severity]()}} {
		clean, got := page(t, clusters()...), page(t, poison(clusters(), keep...)...)
		if r := steering(got); r != 0 {
			t.Errorf("it has the character %q", r)
		}
		tags := regexp.MustCompile(`<(\w+)`)
		if want, is := names(tags, clean), names(tags, got); !slices.Equal(want, is) {
			t.Errorf("its elements are %v, without hostile text %v", is, want)
		}
		if strings.Contains(got, `="javascript:`) || regexp.MustCompile(`<[^>]* on\w+=`).MatchString(got) {
			t.Error("it has a script in an attribute")
		}
		if n := strings.Count(got, "&lt;script&gt;"); n < 100 {
			t.Errorf("only %d hostile texts are shown", n)
		}
		balanced(t, got)
	}
}

// names returns the different words that a pattern finds, sorted.
func names(pattern *regexp.Regexp, text string) []string {
	var out []string
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// balanced fails for an element that isn't closed, an ID that isn't unique, and a link to an
// ID that isn't there.
func balanced(t *testing.T, text string) {
	t.Helper()
	var open []string
	_, body, _ := strings.Cut(text, "</style>")
	for _, m := range regexp.MustCompile(`<(/?)(\w+)[^>]*>`).FindAllStringSubmatch("<html><head>"+body, -1) {
		switch {
		case m[1] == "":
			open = append(open, m[2])
		case len(open) == 0 || open[len(open)-1] != m[2]:
			t.Fatalf("</%s> closes %v", m[2], open)
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("not closed: %v", open)
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if ids[m[1]] {
			t.Errorf("two elements have the ID %s", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`(?:href="#|labelledby=")([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if !ids[m[1]] {
			t.Errorf("no element has the ID %s", m[1])
		}
	}
}

// TestPage: the page asks for nothing elsewhere, and has what readers and printers need.
func TestPage(t *testing.T) {
	text := page(t, clusters()...)
	balanced(t, text)
	for _, want := range []string{
		`<html lang="en">`, `<meta charset="utf-8">`, `<meta name="viewport" content="width=device-width, initial-scale=1">`, `<link rel="icon" href="data:,">`,
		`content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; `,
		`<title>3 clusters: something is wrong with 2 – kcmgen status</title>`, `@media print`, `prefers-color-scheme: dark`,
		`<th scope="col" role="columnheader">Generation</th>`, `<th scope="rowgroup" role="rowheader" rowspan="2"><span class="name">cp-1</span>`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %s", want)
		}
	}
	for _, m := range regexp.MustCompile(`<(script|img|iframe|form|button)|\ssrc=|url\(|@import|\sstyle=`).FindAllString(text, -1) {
		t.Errorf("it has %s", m)
	}
	for _, m := range regexp.MustCompile(`<(\w+)[^>]*href="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if link := m[2]; link != "data:," && (m[1] != "a" || !strings.HasPrefix(link, "#") && !strings.HasPrefix(link, "https://github.com/kcmgen/kcmgen/blob/main/docs/status.md#")) {
			t.Errorf("it links to %s", link)
		}
	}
}

// TestShown: what an operator looks for is there, in words.
func TestShown(t *testing.T) {
	text := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page(t, clusters()...), "|")
	text = regexp.MustCompile(`[|\s]*\|[|\s]*`).ReplaceAllString(text, "|")
	for _, want := range []string{
		"prod-eu|✕|5 errors|▲|4 warnings|?|1 not checked|looked at|2026-03-14 09:26:53 UTC|",
		"prod-us|✓|all well|", "Leader|cp-1|since 2026-03-14 09:00:53 UTC, 26m|", "Lease renewed|1s ago|", "|kube-system/kube-controller-manager|",
		"Leader changes|▲|warning:|4|in the last hour|1,312 ever|", "|Apiserver|v1.34.1|", "|Nodes|5,000|", "|Room for more nodes|3,192|3,192 × /24 in 10.128.0.0/11|more than 2³¹ × /112 in fd00:10:128::/48|",
		"|its clock is 12s behind|about|clock|Next: see that it keeps time, on cp-2:|timedatectl|",
		"|not-enabled|Next: on cp-2:|systemctl enable kube-controller-manager.service|", "|for 41d, 0 restarts|since 2026-02-01 09:26:53 UTC|not started at boot|",
		"|trial-open|Next: wait for the deployment, or type:|kcmgen deploy prod-eu|", "|not-deployed-last|Next:|kcmgen deploy prod-eu|", "|leader-changes|Next: look at the apiserver and etcd: a leader that can&#39;t renew its lease in time ends|",
		"|cp-1|10.0.0.11|✓|well|✓|running|for 27m, 3 restarts|since 2026-03-14 08:59:53 UTC|★|yes|holds the lease|3e5d0b77|exported, on disk, running|v1.34.2|✓|ok|✓|ok|exact|", "|CoordinatedLeaderElection|",
		"|✕|error:|not the same|exported: 3e5d0b77|on disk: 08c1f2a9|running: 08c1f2a9|on trial: 08c1f2a9|being changed by alice@ops-1 (deploy)|",
		"|endpoint_slice|1,204|1m36s|20,457|node_lifecycle_controller_pods|17|–|0|deployment|3|&lt;1s|119|", "|404|1,421|409|20,457|503|12|&lt;error&gt;|7|",
		"|Last error of the log|2026-03-14 09:01:12, by its clock|", "|etcd didn&#39;t answer in time|",
		"|signer|✕|error:|it isn&#39;t PEM|/etc/kubernetes/kcm/signer.crt|client|▲|warning:|in 12d|2026-03-26|/etc/kubernetes/kcm/kubeconfig|",
		"|12s behind|", "|It can't be looked at.|connecting to 10.0.0.13:22: i/o timeout|", "|all 2 queues idle|", "|none in 40,812 requests|",
		"|, not at all of its hosts|", "|3e5d0b77|on disk, exported: unknown|", "|Why it ended|Error: unknown flag: --pod-eviction-timeout|this version doesn&#39;t know a flag|",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %s", want)
		}
	}
}

// TestLittleKnown: clusters and hosts of which nothing was seen are shown too.
func TestLittleKnown(t *testing.T) {
	if got := page(t); !strings.Contains(got, "no cluster was looked at") {
		t.Error("no word of that there is no cluster")
	}
	never := time.Unix(1<<50, 0)
	strange := leader()
	strange.Skew, strange.Since, strange.Metrics.Queues[0].Unfinished = math.NaN(), &never, math.Inf(1)
	strange.Certificates = []status.Certificate{{}, {Begins: &never, Ends: &never}, {Ends: &time.Time{}}}
	for _, c := range []*status.Cluster{
		{},
		{Hosts: make([]status.Host, 2)},
		{Lease: status.Lease{Elects: true}, Nodes: status.Nodes{Allocates: true}, Hosts: make([]status.Host, 1)},
		{Hosts: []status.Host{strange}},
	} {
		balanced(t, page(t, c))
		_ = written(t, show.Prometheus, []*status.Cluster{c})
	}
}

// TestEndsSoon: the page marks the certificates that status warns about, and no others.
func TestEndsSoon(t *testing.T) {
	for _, left := range []time.Duration{29*day + 23*time.Hour, 30*day + time.Hour} {
		c := fine()
		c.Hosts[0].Certificates[0].Ends = in(left)
		c.Find()
		warned := slices.ContainsFunc(c.Findings, func(f status.Finding) bool { return f.ID == "certificate-ends" })
		if marked := strings.Contains(page(t, c), `<tr class="warning"><th scope="row">client`); marked != warned {
			t.Errorf("%s before its end a certificate is marked: %v, and warned about: %v", left, marked, warned)
		}
	}
}

// TestContrast: each text has at least the contrast of WCAG AA with what is behind it.
func TestContrast(t *testing.T) {
	css, err := os.ReadFile("page.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, _ := strings.Cut(string(css), "prefers-color-scheme: dark")
	dark, printed, _ := strings.Cut(dark, "@media print")
	behind := map[string][]string{
		"text": {"page", "card", "code-back"}, "dim": {"page", "card"}, "link": {"page", "card"},
		"error": {"error-back", "card"}, "warning": {"warning-back", "card"}, "ok": {"ok-back", "card"}, "unchecked": {"unchecked-back", "card"},
	}
	for where, part := range map[string]string{"light": light, "dark": dark, "printed": printed} {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--([\w-]+): #(\w+);`).FindAllStringSubmatch(part, -1) {
			colours[m[1]] = m[2]
		}
		for text, all := range behind {
			for _, back := range all {
				if got := contrast(luminance(t, colours[text]), luminance(t, colours[back])); got < 4.5 {
					t.Errorf("%s: %s on %s has a contrast of %.2f", where, text, back, got)
				}
			}
		}
	}
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

// luminance is WCAG's relative luminance of a colour, rgb or rrggbb.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 24)
	if err != nil {
		t.Fatal(err)
	}
	part := func(c uint64) float64 {
		if s := float64(c&0xff) / 255; s > 0.04045 {
			return math.Pow((s+0.055)/1.055, 2.4)
		}
		return float64(c&0xff) / 255 / 12.92
	}
	return 0.2126*part(n>>16) + 0.7152*part(n>>8) + 0.0722*part(n)
}
