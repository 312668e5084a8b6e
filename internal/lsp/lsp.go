// Package lsp is a client of a language server, for tests.
package lsp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// T is the test that uses a server.
type T interface {
	Fatalf(format string, args ...any)
}

// Server is a connection to a language server: JSON-RPC on its stdin and stdout. Each
// wait ends within answerWait.
type Server struct {
	t       T
	writing sync.Mutex // not lock: a write may block until the reader goes on
	stdin   io.WriteCloser

	lock        sync.Mutex
	last        int
	answers     map[int]chan message
	diagnostics map[string][]Diagnostic // the newest, by URI
	broken      error                   // why reading ended
}

// answerWait is long because an answer may take minutes on a busy machine.
const answerWait = 10 * time.Minute

type message struct {
	ID     json.RawMessage `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  json.RawMessage `json:"error,omitempty"`
}

// Position is a line and a UTF-16 unit in it, both from 0.
type Position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

type Span struct {
	Start Position `json:"start"`
	End   Position `json:"end"`
}

type Diagnostic struct {
	Range   Span   `json:"range"`
	Message string `json:"message"`
}

// FileURI returns the URI of a file in the protocol.
func FileURI(path string) string { return "file://" + path }

// Start starts `cue lsp` on the directory dir and initializes it. end stops it, and
// returns its stderr.
func Start(t T, cue, dir string, env []string) (s *Server, end func() string) {
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, cue, "lsp")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.WaitDelay = 5 * time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("cue lsp: %v", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cue lsp: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cue lsp: %v", err)
	}
	s = &Server{t: t, stdin: stdin, answers: map[int]chan message{}, diagnostics: map[string][]Diagnostic{}}
	read := make(chan struct{})
	go func() { defer close(read); s.read(bufio.NewReader(stdout)) }()
	end = func() string {
		_ = stdin.Close() // may not be enough to end it
		cancel()
		<-read
		_ = cmd.Wait()
		return stderr.String()
	}
	s.ask("initialize", map[string]any{
		"processId": os.Getpid(), "rootUri": FileURI(dir), "capabilities": map[string]any{
			"textDocument": map[string]any{"hover": map[string]any{"contentFormat": []string{"markdown", "plaintext"}}},
			"workspace":    map[string]any{"workspaceFolders": true},
		},
		"workspaceFolders": []any{map[string]any{"uri": FileURI(dir), "name": "clusters"}},
	}, nil)
	s.notify("initialized", map[string]any{})
	return s, end
}

// read handles messages until reading fails.
func (s *Server) read(r *bufio.Reader) {
	for {
		m, err := readMessage(r)
		if err != nil {
			s.lock.Lock()
			defer s.lock.Unlock()
			s.broken = err
			for _, waiting := range s.answers {
				close(waiting)
			}
			s.answers = nil
			return
		}
		s.handle(m)
	}
}

func readMessage(r *bufio.Reader) (m message, err error) {
	head, err := textproto.NewReader(r).ReadMIMEHeader()
	if err != nil {
		return m, err
	}
	n, err := strconv.Atoi(head.Get("Content-Length"))
	if err != nil || n < 0 || n > 64<<20 {
		return m, fmt.Errorf("a message of length %q: %v", head.Get("Content-Length"), err)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return m, err
	}
	return m, json.Unmarshal(body, &m)
}

func (s *Server) handle(m message) {
	s.lock.Lock()
	defer s.lock.Unlock()
	switch {
	case m.Method == "textDocument/publishDiagnostics":
		var p struct {
			URI         string       `json:"uri"`
			Diagnostics []Diagnostic `json:"diagnostics"`
		}
		if json.Unmarshal(m.Params, &p) == nil {
			s.diagnostics[p.URI] = p.Diagnostics
		}
	case m.Method != "" && m.ID != nil: // a request by the server
		var p struct{ Items []any }
		var result any
		if m.Method == "workspace/configuration" && json.Unmarshal(m.Params, &p) == nil {
			result = make([]any, len(p.Items))
		}
		go s.send(map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": result})
	case m.ID != nil:
		id, err := strconv.Atoi(string(m.ID))
		if waiting, ok := s.answers[id]; ok && err == nil {
			delete(s.answers, id)
			waiting <- m
		}
	}
}

func (s *Server) send(v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_, _ = fmt.Fprintf(s.stdin, "Content-Length: %d\r\n\r\n%s", len(body), body) // read fails too
}

// notify sends a notification.
func (s *Server) notify(method string, params any) {
	s.send(map[string]any{"jsonrpc": "2.0", "method": method, "params": params})
}

// ask sends a request and decodes the answer into out.
func (s *Server) ask(method string, params, out any) {
	waiting := make(chan message, 1)
	s.lock.Lock()
	if s.broken != nil {
		s.lock.Unlock()
		s.t.Fatalf("%s: cue lsp has ended: %v", method, s.broken)
	}
	s.last++
	id := s.last
	s.answers[id] = waiting
	s.lock.Unlock()
	s.send(map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	select {
	case m, ok := <-waiting:
		if !ok || m.Error != nil {
			s.t.Fatalf("%s: %s (%v)", method, m.Error, s.broken)
		}
		if out == nil {
			return
		}
		if err := json.Unmarshal(m.Result, out); err != nil {
			s.t.Fatalf("%s: %v: %s", method, err, m.Result)
		}
	case <-time.After(answerWait):
		s.t.Fatalf("%s: no answer in %s", method, answerWait)
	}
}

// Open opens a file with a text, which may differ from the file on disk.
func (s *Server) Open(path, text string) {
	s.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": FileURI(path), "languageId": "cue", "version": 1, "text": text,
	}})
}

// Change replaces the text of an open file.
func (s *Server) Change(path string, version int, text string) {
	s.notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": FileURI(path), "version": version},
		"contentChanges": []any{map[string]any{"text": text}},
	})
}

// At sends a request about a position in a file, and decodes the answer into out.
func (s *Server) At(method, path string, p Position, out any) {
	s.ask(method, map[string]any{"textDocument": map[string]any{"uri": FileURI(path)}, "position": p}, out)
}

// Newest returns a file's newest diagnostics.
func (s *Server) Newest(path string) []Diagnostic {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.diagnostics[FileURI(path)]
}

// Find returns the position of the mark ‸ in marked, which without the mark must occur
// exactly once in text.
func Find(t T, text, marked string) Position {
	before, after, ok := strings.Cut(marked, "‸")
	if !ok || strings.Count(text, before+after) != 1 {
		t.Fatalf("%q is in the text %d times", marked, strings.Count(text, before+after))
	}
	head := text[:strings.Index(text, before+after)+len(before)]
	line := strings.Count(head, "\n")
	return Position{line, len(head) - strings.LastIndexByte(head, '\n') - 1}
}

// Until repeats a question until ask returns true, since a server may answer before it
// has read the module. After answerWait it fails with the last answer.
func Until(t T, what string, ask func() (string, bool)) {
	end := time.Now().Add(answerWait)
	for {
		last, ok := ask()
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: the last answer after %s was %s", what, answerWait, last)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Completion returns the labels that are offered at a position, without their colon.
func (s *Server) Completion(file string, at Position) []string {
	var list struct{ Items []struct{ Label string } }
	s.At("textDocument/completion", file, at, &list)
	var labels []string
	for _, item := range list.Items {
		labels = append(labels, strings.TrimSuffix(item.Label, ":"))
	}
	return labels
}
