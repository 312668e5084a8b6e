// Package page writes a difference of clusters, or the clusters of one state, as one HTML
// file for people: it needs no other file, asks no other host for anything, and works
// without its script.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/gen/review"
)

// Options are what a page needs besides what it shows.
type Options struct {
	Title string // of the page; "" is a title with the names of the sides
	// Now is the time of the comparison. Without it, a certificate's end is a date and not
	// a place in the picture, and the page has the same bytes on any day.
	Now time.Time
	// Class returns the title of a class of effects, by its id. Without it, ids are shown.
	Class func(id string) string
	// Bytes is about how large the page may become; 0 means DefaultBytes. The clusters that
	// don't fit are listed with the number of their changes, and the page says so.
	Bytes int
}

// DefaultBytes is a size that browsers on phones open.
const DefaultBytes = 16 << 20

// Write writes a difference, with its clusters in its order. heads are clusters that are
// described as they are: those of a single state, for which d is nil, or some of those that
// a difference doesn't touch. A cluster of heads that d has, too, is written once.
//
// The same input has the same bytes. Nothing in the page is interpreted as HTML, as a
// script or as a style but what kcmgen itself has written.
func Write(w io.Writer, d *review.Difference, heads []*review.Cluster, o Options) error {
	t, err := templates()
	if err != nil {
		return err
	}
	all := sections(d, heads)
	limit := o.Bytes
	if limit <= 0 {
		limit = DefaultBytes
	}
	var top, body bytes.Buffer
	p := summarize(d, all, o)
	for i, s := range all {
		if body.Len() >= limit {
			p.LeftOut = len(all) - i
			for j := i; j < len(all); j++ {
				p.Clusters[j].Anchor = ""
			}
			break
		}
		if err := t.ExecuteTemplate(&body, "cluster", newCluster(s, p.Clusters[i].Anchor, o)); err != nil {
			return fmt.Errorf("cluster %s: %w", s.name(), err)
		}
	}
	if err := t.ExecuteTemplate(&top, "top", p); err != nil {
		return err
	}
	if err := t.ExecuteTemplate(&body, "bottom", p); err != nil {
		return err
	}
	if _, err := w.Write(top.Bytes()); err != nil {
		return err
	}
	_, err = w.Write(body.Bytes())
	return err
}

//go:embed page.tmpl
var pageText string

//go:embed pictures.tmpl
var picturesText string

//go:embed page.css
var style string

//go:embed page.js
var script string

var templates = sync.OnceValues(func() (*template.Template, error) {
	t := template.New("page").Funcs(template.FuncMap{
		"show":   show,
		"number": number,
		"policy": policy,
		"style":  func() template.HTML { return template.HTML("<style>" + style + "</style>") },
		"script": func() template.HTML { return template.HTML("<script>" + script + "</script>") },
		"https":  func(url string) bool { return strings.HasPrefix(url, "https://") },
	})
	for _, text := range []string{pageText, picturesText} {
		if _, err := t.Parse(text); err != nil {
			return nil, err
		}
	}
	return t, nil
})

// policy permits this page's one style and one script, by their hashes, and nothing else:
// not even a browser that takes a value for HTML would load or run anything.
func policy() string {
	return "default-src 'none'; style-src " + hashOf(style) + "; script-src " + hashOf(script) +
		"; img-src data:; base-uri 'none'; form-action 'none'"
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
