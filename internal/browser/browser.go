// Package browser drives a headless Chromium, for tests of what people open in one.
//
// It speaks the browser's debugging protocol over a pipe:
// https://chromedevtools.github.io/devtools-protocol/
package browser

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/need"
)

// wait is how long one answer may take on a busy machine.
const wait = 3 * time.Minute

// Page is one tab of a browser of its own.
type Page struct {
	t       testing.TB
	to      io.Writer
	session string

	lock    sync.Mutex
	last    int
	answers map[int]chan answer
	loaded  chan struct{}
	events  []Event
	broken  error
}

// Event is something that a page did: a message on its console, an error, or a request.
type Event struct {
	Method string
	Params json.RawMessage
}

type answer struct {
	result json.RawMessage
	err    error
}

type message struct {
	ID        int             `json:"id,omitempty"`
	Method    string          `json:"method,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// Open starts a browser with an empty page, which ends with the test. It skips the test if
// there is no browser.
func Open(t testing.TB) *Page {
	t.Helper()
	program := need.Program(t, "chromium")
	in, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// Its sandbox needs privileges that a container may lack; it opens our own files only.
	cmd := exec.Command(program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--force-color-profile=srgb", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{in, out} // its descriptors 3 and 4
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	closeAll(in, out)
	p := &Page{t: t, to: to, answers: map[int]chan answer{}, loaded: make(chan struct{}, 16)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.read(bufio.NewReader(from))
	}()
	t.Cleanup(func() {
		_, _ = p.call("Browser.close", nil, "")
		<-done
		if err := cmd.Wait(); err != nil && t.Failed() {
			t.Logf("%s: %v\n%s", program, err, &said)
		}
		closeAll(to, from)
	})
	p.attach()
	return p
}

// closeAll closes ends of pipes: there is nothing to lose in them.
func closeAll(files ...*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

func (p *Page) attach() {
	p.t.Helper()
	var target struct {
		TargetID string `json:"targetId"`
	}
	p.into(&target, "Target.createTarget", map[string]any{"url": "about:blank"})
	var session struct {
		SessionID string `json:"sessionId"`
	}
	p.into(&session, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true})
	p.session = session.SessionID
	for _, domain := range []string{"Page", "Network", "Runtime", "Log", "Audits"} {
		p.into(nil, domain+".enable", nil)
	}
}

// read takes messages, each of which ends with a zero byte.
func (p *Page) read(from *bufio.Reader) {
	for {
		data, err := from.ReadBytes(0)
		var m message
		if err == nil {
			err = json.Unmarshal(data[:len(data)-1], &m)
		}
		p.lock.Lock()
		switch {
		case err != nil:
			p.broken = fmt.Errorf("the browser ended: %w", err)
			for id, c := range p.answers {
				c <- answer{err: p.broken}
				delete(p.answers, id)
			}
		case m.ID != 0:
			a := answer{result: m.Result}
			if m.Error != nil {
				a.err = fmt.Errorf("%s", m.Error.Message)
			}
			if c := p.answers[m.ID]; c != nil {
				c <- a
				delete(p.answers, m.ID)
			}
		case m.Method == "Page.loadEventFired":
			select {
			case p.loaded <- struct{}{}:
			default:
			}
		default:
			p.events = append(p.events, Event{m.Method, m.Params})
		}
		p.lock.Unlock()
		if err != nil {
			return
		}
	}
}

func (p *Page) call(method string, params any, session string) (json.RawMessage, error) {
	if params == nil {
		params = struct{}{}
	}
	raw, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	p.lock.Lock()
	p.last++
	m := message{ID: p.last, Method: method, SessionID: session, Params: raw}
	c := make(chan answer, 1)
	p.answers[m.ID] = c
	broken := p.broken
	p.lock.Unlock()
	if broken != nil {
		return nil, broken
	}
	data, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if _, err := p.to.Write(append(data, 0)); err != nil {
		return nil, err
	}
	select {
	case a := <-c:
		return a.result, a.err
	case <-time.After(wait):
		return nil, fmt.Errorf("no answer within %s", wait)
	}
}

// into calls a method and decodes its result.
func (p *Page) into(v any, method string, params any) {
	p.t.Helper()
	raw, err := p.call(method, params, p.session)
	if err == nil && v != nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		p.t.Fatalf("%s: %v", method, err)
	}
}

// Screen sets the size of the window in CSS pixels, and the colour scheme: "light" or
// "dark".
func (p *Page) Screen(width, height int, scheme string) {
	p.t.Helper()
	p.into(nil, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
	p.media("", scheme)
}

// Paper shows the page as it is printed.
func (p *Page) Paper() {
	p.t.Helper()
	p.media("print", "light")
	p.Eval(`new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))`, nil)
}

func (p *Page) media(kind, scheme string) {
	p.t.Helper()
	p.into(nil, "Emulation.setEmulatedMedia", map[string]any{
		"media": kind, "features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
	})
}

// Scripts switches the page's own scripts on or off, from the next Load.
func (p *Page) Scripts(on bool) {
	p.t.Helper()
	p.into(nil, "Emulation.setScriptExecutionDisabled", map[string]any{"value": !on})
}

// Load opens a URL, forgets earlier events and waits until all is loaded.
func (p *Page) Load(url string) {
	p.t.Helper()
	p.lock.Lock()
	p.events = nil
	for len(p.loaded) > 0 {
		<-p.loaded
	}
	p.lock.Unlock()
	var got struct {
		ErrorText string `json:"errorText"`
	}
	p.into(&got, "Page.navigate", map[string]any{"url": url})
	if got.ErrorText != "" {
		p.t.Fatalf("%s: %s", url, got.ErrorText)
	}
	select {
	case <-p.loaded:
	case <-time.After(wait):
		p.t.Fatalf("%s isn't loaded within %s", url, wait)
	}
}

// Eval runs a script in the page, waits for the promise that it may return, and decodes
// its value. v may be nil.
func (p *Page) Eval(script string, v any) {
	p.t.Helper()
	var got struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text      string `json:"text"`
			Exception struct {
				Description string `json:"description"`
			} `json:"exception"`
		} `json:"exceptionDetails"`
	}
	p.into(&got, "Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true})
	if e := got.Exception; e != nil {
		p.t.Fatalf("%s %s", e.Text, e.Exception.Description)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal(got.Result.Value, v); err != nil {
		p.t.Fatalf("%s: %v", got.Result.Value, err)
	}
}

// Events returns what the page did since it was loaded.
func (p *Page) Events() []Event {
	p.lock.Lock()
	defer p.lock.Unlock()
	return append([]Event{}, p.events...)
}

// Picture returns a PNG of a part of the page, which begins at a height.
func (p *Page) Picture(top, width, height int) []byte {
	p.t.Helper()
	return p.data("Page.captureScreenshot", map[string]any{
		"format": "png", "captureBeyondViewport": true,
		"clip": map[string]any{"x": 0, "y": top, "width": width, "height": height, "scale": 1},
	})
}

// PDF returns the page as it is printed.
func (p *Page) PDF() []byte {
	p.t.Helper()
	return p.data("Page.printToPDF", map[string]any{"printBackground": true, "preferCSSPageSize": true})
}

func (p *Page) data(method string, params any) []byte {
	p.t.Helper()
	var got struct {
		Data string `json:"data"`
	}
	p.into(&got, method, params)
	data, err := base64.StdEncoding.DecodeString(got.Data)
	if err != nil {
		p.t.Fatal(err)
	}
	return data
}
