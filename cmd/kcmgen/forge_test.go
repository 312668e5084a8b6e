//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// forge is a server with the parts of the API of GitHub and of GitLab that comment on a
// change. It refuses what those refuse, and keeps each refusal as a fault.
//
// https://docs.github.com/en/rest/issues/comments and https://docs.gitlab.com/api/notes
type forge struct {
	*httptest.Server

	mu       sync.Mutex
	comments map[int][]*forgeComment // by the number of the change
	last     int
	faults   []string
	down     bool // it answers nothing
}

type forgeComment struct {
	id     int
	author string
	body   string
	edits  int
}

const (
	forgeToken = "canary-token-of-the-forge"
	githubBot  = "github-actions[bot]"
	gitlabBot  = "project_17_bot"
	gitlabMe   = 42 // the id of gitlabBot
)

func newForge(t *testing.T) *forge {
	t.Helper()
	f := &forge{comments: map[int][]*forgeComment{}}
	mux := http.NewServeMux()
	github, gitlab := f.github, f.gitlab
	mux.HandleFunc("GET /repos/acme/clusters/issues/{change}/comments", f.list(github))
	mux.HandleFunc("POST /repos/acme/clusters/issues/{change}/comments", f.write(github))
	mux.HandleFunc("PATCH /repos/acme/clusters/issues/comments/{id}", f.write(github))
	mux.HandleFunc("GET /api/v4/user", func(w http.ResponseWriter, r *http.Request) {
		if gitlab(w, r) {
			f.answer(w, http.StatusOK, map[string]any{"id": gitlabMe, "username": gitlabBot})
		}
	})
	mux.HandleFunc("GET /api/v4/projects/17/merge_requests/{change}/notes", f.list(gitlab))
	mux.HandleFunc("POST /api/v4/projects/17/merge_requests/{change}/notes", f.write(gitlab))
	mux.HandleFunc("PUT /api/v4/projects/17/merge_requests/{change}/notes/{id}", f.write(gitlab))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { f.refuse(w, r, http.StatusNotFound, "no such address") })
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

// refuse answers with an error, and keeps it.
func (f *forge) refuse(w http.ResponseWriter, r *http.Request, code int, why string) {
	f.mu.Lock()
	f.faults = append(f.faults, fmt.Sprintf("%s %s: %d: %s", r.Method, r.URL.Path, code, why))
	f.mu.Unlock()
	w.WriteHeader(code)
}

func (f *forge) answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // a client that is gone
}

// permits checks who asks. It reports whether the request may go on.
type permits func(http.ResponseWriter, *http.Request) bool

func (f *forge) github(w http.ResponseWriter, r *http.Request) bool {
	return f.permitted(w, r, r.Header.Get("Authorization") == "Bearer "+forgeToken)
}

func (f *forge) gitlab(w http.ResponseWriter, r *http.Request) bool {
	return f.permitted(w, r, r.Header.Get("PRIVATE-TOKEN") == forgeToken)
}

func (f *forge) permitted(w http.ResponseWriter, r *http.Request, known bool) bool {
	switch {
	case !known:
		f.refuse(w, r, http.StatusUnauthorized, "no token")
	case f.down:
		f.refuse(w, r, http.StatusForbidden, "it is down")
	}
	return known && !f.down
}

// shown is a comment as an API returns it, with the fields of both.
func (c *forgeComment) shown() map[string]any {
	id := gitlabMe
	if c.author != gitlabBot {
		id++
	}
	return map[string]any{
		"id": c.id, "body": c.body, "html_url": fmt.Sprintf("https://forge.example/comment/%d", c.id),
		"user":   map[string]any{"login": c.author},
		"author": map[string]any{"id": id, "username": c.author},
	}
}

func (f *forge) list(may permits) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !may(w, r) {
			return
		}
		number := func(name string, otherwise int) int {
			n, err := strconv.Atoi(r.URL.Query().Get(name))
			if err != nil || n < 1 {
				return otherwise
			}
			return n
		}
		change, _ := strconv.Atoi(r.PathValue("change"))
		size := min(number("per_page", 30), 100)
		f.mu.Lock()
		defer f.mu.Unlock()
		all := f.comments[change]
		from := min((number("page", 1)-1)*size, len(all))
		out := []map[string]any{}
		for _, c := range all[from:min(from+size, len(all))] {
			out = append(out, c.shown())
		}
		f.answer(w, http.StatusOK, out)
	}
}

// quickAction is a line that GitLab would carry out, such as /merge.
var quickAction = regexp.MustCompile(`(?m)^/[a-z]`)

// write makes a comment, or edits the one that the address names.
func (f *forge) write(may permits) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !may(w, r) {
			return
		}
		gitlab := strings.HasPrefix(r.URL.Path, "/api/v4/")
		limit, author := 65_536, githubBot
		if gitlab {
			limit, author = 1_000_000, gitlabBot
		}
		var sent struct {
			Body string `json:"body"`
		}
		dec := json.NewDecoder(r.Body)
		dec.DisallowUnknownFields()
		err := dec.Decode(&sent)
		switch {
		case gitlab && r.Header.Get("Content-Type") != "application/json":
			f.refuse(w, r, http.StatusBadRequest, "body is missing: this isn't said to be JSON")
		case err != nil:
			f.refuse(w, r, http.StatusBadRequest, err.Error())
		case strings.TrimSpace(sent.Body) == "":
			f.refuse(w, r, http.StatusUnprocessableEntity, "body is empty")
		case utf8.RuneCountInString(sent.Body) > limit:
			f.refuse(w, r, http.StatusUnprocessableEntity, fmt.Sprintf("body is too long (maximum is %d characters)", limit))
		case gitlab && quickAction.MatchString(sent.Body):
			f.refuse(w, r, http.StatusUnprocessableEntity, "a line is a quick action")
		case r.PathValue("id") != "":
			f.edit(w, r, author, sent.Body)
		default:
			change, _ := strconv.Atoi(r.PathValue("change"))
			f.answer(w, http.StatusCreated, f.add(change, author, sent.Body).shown())
		}
	}
}

func (f *forge) add(change int, author, body string) *forgeComment {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	c := &forgeComment{id: f.last, author: author, body: body}
	f.comments[change] = append(f.comments[change], c)
	return c
}

func (f *forge) edit(w http.ResponseWriter, r *http.Request, author, body string) {
	f.mu.Lock()
	var found *forgeComment
	for _, all := range f.comments {
		if i := slices.IndexFunc(all, func(c *forgeComment) bool { return strconv.Itoa(c.id) == r.PathValue("id") }); i >= 0 {
			found = all[i]
		}
	}
	f.mu.Unlock()
	switch {
	case found == nil:
		f.refuse(w, r, http.StatusNotFound, "no such comment")
	case found.author != author:
		f.refuse(w, r, http.StatusForbidden, "the comment is of "+found.author)
	default:
		found.body, found.edits = body, found.edits+1
		f.answer(w, http.StatusOK, found.shown())
	}
}

// of returns the comments of an author on a change.
func (f *forge) of(change int, author string) []forgeComment {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []forgeComment
	for _, c := range f.comments[change] {
		if c.author == author {
			out = append(out, *c)
		}
	}
	return out
}
