package page_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/review"
	"github.com/kcmgen/kcmgen/gen/review/page"
	"github.com/kcmgen/kcmgen/internal/browser"
	"github.com/kcmgen/kcmgen/internal/need"
)

const repository = "../../.."

// phone is the width of the smallest phone that is common.
const phone = 360

// saved returns the URL of a file with a page.
func saved(t *testing.T, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String()
}

// quiet demands that a page printed nothing to its console and asked for nothing but
// itself.
func quiet(t *testing.T, p *browser.Page, own string) {
	t.Helper()
	requests := 0
	for _, e := range p.Events() {
		switch e.Method {
		case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Audits.issueAdded":
			t.Errorf("%s: %s", e.Method, e.Params)
		case "Network.requestWillBeSent":
			var r struct {
				Request struct{ URL string }
			}
			if err := json.Unmarshal(e.Params, &r); err != nil {
				t.Fatal(err)
			}
			requests++
			if r.Request.URL != own && !strings.HasPrefix(r.Request.URL, "data:") {
				t.Errorf("the page asks for %s", r.Request.URL)
			}
		}
	}
	if requests == 0 {
		t.Error("no request was seen, not even that for the page")
	}
}

// TestBrowser opens pages in a real browser: they are quiet, fit on a phone, and pass
// axe-core's rules in both colour schemes, folded and unfolded.
func TestBrowser(t *testing.T) {
	axe := need.Axe(t, repository)
	p := browser.Open(t)
	for name, data := range map[string][]byte{
		"difference": write(t, sample(), nil, page.Options{Now: now}),
		"state":      write(t, nil, []*review.Cluster{oldCluster()}, page.Options{}),
		"hostile":    write(t, hostile(nasty), nil, page.Options{}),
		"long":       write(t, hostile(strings.Repeat("long", 3000)), nil, page.Options{}),
		"50 nodes":   write(t, large(50), nil, page.Options{}),
	} {
		at := saved(t, data)
		for _, width := range []int{1200, phone} {
			for _, scheme := range []string{"light", "dark"} {
				what := fmt.Sprintf("%s, %d pixels, %s", name, width, scheme)
				p.Screen(width, 800, scheme)
				p.Load(at)
				quiet(t, p, at)
				fits(t, p, what)
				p.Eval(`document.querySelectorAll('details').forEach(d => { d.open = true })`, nil)
				fits(t, p, what+", unfolded")
				judge(t, p, axe, what)
			}
		}
	}
}

func fits(t *testing.T, p *browser.Page, what string) {
	t.Helper()
	var wide []string
	p.Eval(`[...document.querySelectorAll('body, body *')]
		.filter(e => !e.closest('.away, .skip') && (e.getBoundingClientRect().right > innerWidth + 0.5 || e.getBoundingClientRect().left < -0.5))
		.slice(0, 5).map(e => e.tagName + '.' + e.getAttribute('class') + ' ' + e.textContent.slice(0, 60))`, &wide)
	var scrolls bool
	p.Eval(`document.documentElement.scrollWidth > innerWidth`, &scrolls)
	if scrolls || len(wide) > 0 {
		t.Errorf("%s: it is wider than the window (scrolls: %v): %q", what, scrolls, wide)
	}
}

func judge(t *testing.T, p *browser.Page, axe []byte, what string) {
	t.Helper()
	p.Eval(string(axe)+";0", nil)
	var got struct {
		Passes     int
		Violations []struct {
			ID, Help string
			Nodes    []string
		}
	}
	p.Eval(`axe.run().then(r => ({passes: r.passes.length, violations: r.violations.map(v => ({
		id: v.id, help: v.help, nodes: v.nodes.slice(0, 5).map(n => n.html.slice(0, 300) + ' ' + n.failureSummary)}))}))`, &got)
	if got.Passes < 20 {
		t.Errorf("%s: axe-core passed %d rules only: did it run?", what, got.Passes)
	}
	for _, v := range got.Violations {
		t.Errorf("%s: %s: %s\n%s", what, v.ID, v.Help, strings.Join(v.Nodes, "\n"))
	}
}

// TestBrowserJudges: what TestBrowser relies on finds faults.
func TestBrowserJudges(t *testing.T) {
	axe := need.Axe(t, repository)
	p := browser.Open(t)
	p.Screen(phone, 800, "light")
	at := saved(t, []byte(`<!doctype html><html><body><img src="http://127.0.0.1:9/x.png"><p style="width:900px;color:#ccc">pale<script>console.error("x")</script></body></html>`))
	p.Load(at)
	var fault struct{ Violations []struct{ ID string } }
	p.Eval(string(axe)+`;axe.run().then(r => ({violations: r.violations.map(v => ({id: v.id}))}))`, &fault)
	if !strings.Contains(fmt.Sprint(fault), "color-contrast") || !strings.Contains(fmt.Sprint(fault), "image-alt") {
		t.Errorf("axe-core found %v", fault)
	}
	seen := fmt.Sprintf("%s", p.Events())
	for _, want := range []string{"127.0.0.1:9", "consoleAPICalled"} {
		if !strings.Contains(seen, want) {
			t.Errorf("no event has %q", want)
		}
	}
	var width int
	if p.Eval(`document.documentElement.scrollWidth`, &width); width < 900 {
		t.Errorf("the page is %d pixels wide", width)
	}
}

// TestSearch: the search hides what lacks a word, and opens what is folded around what has
// it.
func TestSearch(t *testing.T) {
	p := browser.Open(t)
	at := saved(t, write(t, sample(), nil, page.Options{}))
	p.Load(at)
	const shown = `[...document.querySelectorAll('[data-row]')].filter(r => r.checkVisibility({contentVisibilityAuto: true})).length`
	var all, some, none, again int
	var text string
	search := func(words string) {
		p.Eval(fmt.Sprintf(`(async () => { const q = document.getElementById('q'); q.value = %q; q.dispatchEvent(new Event('input')); await new Promise(r => setTimeout(r, 300)) })()`, words), nil)
	}
	p.Eval(shown, &all)
	search("LEADER-elect true") // in a folded table
	p.Eval(shown, &some)
	p.Eval(`document.getElementById('found').textContent`, &text)
	search("no-such-flag")
	p.Eval(shown, &none)
	search("")
	p.Eval(shown, &again)
	if all < 10 || some == 0 || some > 6 || none != 0 || again != all || !strings.HasPrefix(text, fmt.Sprint(some)+" place") {
		t.Errorf("%d rows at first, %d with the words (%q), %d with others, %d at last", all, some, text, none, again)
	}
	quiet(t, p, at)
}

// TestPrint: on paper everything is open, also without the script.
func TestPrint(t *testing.T) {
	p := browser.Open(t)
	at := saved(t, write(t, sample(), nil, page.Options{}))
	const hidden = `[...document.querySelectorAll('[data-row], details p')].filter(r => !r.checkVisibility({contentVisibilityAuto: true}) || r.getBoundingClientRect().height === 0).map(r => r.textContent.slice(0, 99))`
	var onScreen, onPaper []string
	p.Load(at)
	p.Eval(hidden, &onScreen)
	p.Paper()
	p.Eval(hidden, &onPaper)
	if len(onScreen) == 0 || len(onPaper) != 0 {
		t.Errorf("%d parts are folded on the screen, and on paper %q", len(onScreen), onPaper)
	}
	if pdf := p.PDF(); !bytes.HasPrefix(pdf, []byte("%PDF-")) || bytes.Count(pdf, []byte("/Type /Page\n")) < 2 {
		t.Errorf("it prints %d bytes, which begin with %.20q", len(pdf), pdf)
	}
	quiet(t, p, at)
}

// TestPictures compares nothing: fonts differ from machine to machine. With -update it
// writes the pictures of docs/review.md; otherwise it demands that they are there, and
// small.
func TestPictures(t *testing.T) {
	p := browser.Open(t)
	at := saved(t, write(t, sample(), nil, page.Options{Now: now}))
	for _, c := range []struct {
		name          string
		from          string // the heading where it begins
		width, height int
		scheme        string
	}{
		{"review-light", "h1", 1160, 1280, "light"},
		{"review-dark", "h2[id=cluster-1]", 1160, 1180, "dark"},
		{"review-phone", ".pictures h3", phone, 1150, "light"},
	} {
		p.Screen(c.width, 800, c.scheme)
		p.Load(at)
		var top int
		p.Eval(fmt.Sprintf(`Math.max(0, Math.round(document.querySelector(%q).getBoundingClientRect().top + scrollY - 20))`, c.from), &top)
		p.Eval(`document.querySelector('.search').style.position = 'static'`, nil) // it would lie on what is below
		got := p.Picture(top, c.width, c.height)
		file := filepath.Join(repository, "docs", "images", c.name+".png")
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range [][]byte{data, got} {
			size, err := png.DecodeConfig(bytes.NewReader(data))
			if err != nil || size.Width != c.width || size.Height != c.height || len(data) > 200_000 {
				t.Errorf("%s: %v, %v, %d bytes", file, size, err, len(data))
			}
		}
	}
}

// TestNoScript: without scripts there is no search, and all else is there.
func TestNoScript(t *testing.T) {
	p := browser.Open(t)
	at := saved(t, write(t, sample(), nil, page.Options{}))
	const rows = `[...document.querySelectorAll('[data-row]')].filter(r => r.checkVisibility({contentVisibilityAuto: true})).length`
	const search = `document.querySelector('.search').checkVisibility()`
	var with, without int
	var had, has bool
	p.Load(at)
	p.Eval(rows, &with)
	p.Eval(search, &had)
	p.Scripts(false)
	p.Load(at)
	p.Eval(rows, &without)
	p.Eval(search, &has)
	if !had || has || with == 0 || with != without {
		t.Errorf("search %v with scripts, %v without; %d rows with, %d without", had, has, with, without)
	}
	quiet(t, p, at)
}
