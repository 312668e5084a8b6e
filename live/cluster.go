package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Node is a Node object: its name, and the ranges of its pods' addresses.
type Node struct {
	Name  string
	CIDRs []string
}

const (
	// nodesPerPage bounds an answer: a Node object has up to 20 KB.
	nodesPerPage = 500
	maxPages     = 100
	maxPage      = 32 << 20 // in bytes
)

// Nodes returns all Node objects, sorted by name. It returns an *Error if they can't be
// read.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	var out []Node
	next := ""
	for range maxPages {
		var page struct {
			Kind     string `json:"kind"`
			Metadata struct {
				Continue string `json:"continue"`
			} `json:"metadata"`
			Items []struct {
				Metadata struct {
					Name string `json:"name"`
				} `json:"metadata"`
				Spec struct {
					PodCIDR  string   `json:"podCIDR"`
					PodCIDRs []string `json:"podCIDRs"`
				} `json:"spec"`
			} `json:"items"`
		}
		params := url.Values{"limit": {fmt.Sprint(nodesPerPage)}}
		if next != "" {
			params.Set("continue", next)
		}
		if err := c.get(ctx, "reading nodes", "/api/v1/nodes", params, &page); err != nil {
			return nil, err
		}
		if page.Kind != "NodeList" {
			return nil, &Error{c.server, "reading nodes", ErrAnswer, fmt.Errorf("it is of kind %.100q", page.Kind)}
		}
		for _, item := range page.Items {
			n := Node{item.Metadata.Name, item.Spec.PodCIDRs}
			if len(n.CIDRs) == 0 && item.Spec.PodCIDR != "" {
				n.CIDRs = []string{item.Spec.PodCIDR}
			}
			out = append(out, n)
		}
		if next = page.Metadata.Continue; next == "" {
			slices.SortFunc(out, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
			return out, nil
		}
	}
	return nil, &Error{c.server, "reading nodes", ErrAnswer, fmt.Errorf("there are more than %d", maxPages*nodesPerPage)}
}

// Version returns the apiserver's version, such as v1.37.1.
func (c *Client) Version(ctx context.Context) (string, error) {
	var out struct {
		GitVersion string `json:"gitVersion"`
	}
	const what = "reading the version"
	err := c.get(ctx, what, "/version", nil, &out)
	switch {
	case err != nil:
		return "", err
	case out.GitVersion == "":
		return "", &Error{c.server, what, ErrAnswer, errors.New("it names none")}
	}
	return out.GitVersion, nil
}

// Elections returns when each new leader was announced for a lease, the oldest first.
// client-go does that with events, which the apiserver keeps for an hour by default.
func (c *Client) Elections(ctx context.Context, namespace, name string) ([]time.Time, error) {
	const what = "reading events"
	if err := checkNames(what, namespace, name); err != nil {
		return nil, err
	}
	var list struct {
		Kind  string `json:"kind"`
		Items []struct {
			Message string    `json:"message"`
			Last    time.Time `json:"lastTimestamp"`
			First   time.Time `json:"firstTimestamp"`
			Count   int       `json:"count"`
		} `json:"items"`
	}
	params := url.Values{"fieldSelector": {"reason=LeaderElection,involvedObject.name=" + name}, "limit": {"500"}}
	if err := c.get(ctx, what, "/api/v1/namespaces/"+namespace+"/events", params, &list); err != nil {
		return nil, err
	}
	if list.Kind != "EventList" {
		return nil, &Error{c.server, what, ErrAnswer, fmt.Errorf("it is of kind %.100q", list.Kind)}
	}
	var out []time.Time
	for _, e := range list.Items {
		if !strings.HasSuffix(e.Message, "became leader") {
			continue
		}
		out = append(out, e.First)
		if e.Count > 1 { // what came between isn't kept
			for range min(e.Count, 100) - 1 {
				out = append(out, e.Last)
			}
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return out, nil
}

// get reads an object of the apiserver.
func (c *Client) get(ctx context.Context, what, path string, params url.Values, into any) error {
	return c.read(ctx, what, func(ctx context.Context) error {
		request := c.rest.Get().AbsPath(path).MaxRetries(0)
		for name, values := range params {
			request.Param(name, values[0])
		}
		result := request.Do(answerOf(ctx, maxPage))
		if err := result.Error(); err != nil { // with the apiserver's message, which Raw's and DoRaw's lack
			return err
		}
		text, err := result.Raw()
		if err != nil {
			return err
		}
		return json.Unmarshal(text, into)
	})
}
