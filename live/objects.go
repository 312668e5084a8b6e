package live

import (
	"context"
	"encoding/json"
	"errors"

	api "k8s.io/apimachinery/pkg/api/errors"
)

// Object is an object of the apiserver, as JSON has it.
type Object = map[string]any

// ErrAbsent is an object that isn't there.
var ErrAbsent = errors.New("isn't there")

// GetObject reads the object at a path of the API. It returns an *Error, with ErrAbsent if
// there is none.
func (c *Client) GetObject(ctx context.Context, path string) (Object, error) {
	var out Object
	err := c.object(ctx, "reading "+path, &out, func(ctx context.Context) ([]byte, error) {
		return c.rest.Get().AbsPath(path).MaxRetries(0).DoRaw(answerOf(ctx, maxPage))
	})
	return out, err
}

// ListObjects reads a list at a path, of the objects with a label.
func (c *Client) ListObjects(ctx context.Context, path, label string) ([]Object, error) {
	var out struct {
		Items []Object `json:"items"`
	}
	err := c.object(ctx, "reading "+path, &out, func(ctx context.Context) ([]byte, error) {
		r := c.rest.Get().AbsPath(path).MaxRetries(0)
		if label != "" {
			r.Param("labelSelector", label)
		}
		return r.DoRaw(answerOf(ctx, maxPage))
	})
	return out.Items, err
}

// CreateObject creates an object in the collection at a path, and returns it.
func (c *Client) CreateObject(ctx context.Context, path string, o Object) (Object, error) {
	return c.write(ctx, "creating in "+path, o, func(ctx context.Context, body []byte) ([]byte, error) {
		return c.rest.Post().AbsPath(path).SetHeader("Content-Type", "application/json").Body(body).MaxRetries(0).DoRaw(ctx)
	})
}

// ReplaceObject replaces the object at a path, and returns it.
func (c *Client) ReplaceObject(ctx context.Context, path string, o Object) (Object, error) {
	return c.write(ctx, "changing "+path, o, func(ctx context.Context, body []byte) ([]byte, error) {
		return c.rest.Put().AbsPath(path).SetHeader("Content-Type", "application/json").Body(body).MaxRetries(0).DoRaw(ctx)
	})
}

// DeleteObject deletes the object at a path. One that is gone already is no error. What it owns is
// left to the garbage collector.
func (c *Client) DeleteObject(ctx context.Context, path string) error {
	err := c.object(ctx, "deleting "+path, nil, func(ctx context.Context) ([]byte, error) {
		return c.rest.Delete().AbsPath(path).Param("propagationPolicy", "Background").MaxRetries(0).DoRaw(ctx)
	})
	if errors.Is(err, ErrAbsent) {
		return nil
	}
	return err
}

func (c *Client) write(ctx context.Context, what string, o Object, send func(context.Context, []byte) ([]byte, error)) (Object, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var out Object
	err = c.object(ctx, what, &out, func(ctx context.Context) ([]byte, error) { return send(ctx, body) })
	return out, err
}

func (c *Client) object(ctx context.Context, what string, into any, request func(context.Context) ([]byte, error)) error {
	absent := false
	err := c.read(ctx, what, func(ctx context.Context) error {
		text, err := request(ctx)
		absent = api.IsNotFound(err)
		if err != nil || into == nil {
			return err
		}
		return json.Unmarshal(text, into)
	})
	if err != nil && absent {
		return &Error{c.server, what, ErrAbsent, nil}
	}
	return err
}
