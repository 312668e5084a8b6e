package live

import (
	"context"
	"encoding/json"
	"errors"

	api "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
)

// Object is an object of the apiserver, as JSON has it.
type Object = map[string]any

// ErrAbsent is an object that isn't there.
var ErrAbsent = errors.New("isn't there")

// ErrExists is an object that can't be created, since there is one of that name.
var ErrExists = errors.New("exists already")

// GetObject reads the object at a path of the API. It returns an *Error, with ErrAbsent if
// there is none.
func (c *Client) GetObject(ctx context.Context, path string) (Object, error) {
	var out Object
	err := c.object(ctx, "reading "+path, &out, func() *rest.Request { return c.rest.Get().AbsPath(path) })
	return out, err
}

// ListObjects reads a list at a path, of the objects with a label.
func (c *Client) ListObjects(ctx context.Context, path, label string) ([]Object, error) {
	var out struct {
		Items []Object `json:"items"`
	}
	err := c.object(ctx, "reading "+path, &out, func() *rest.Request {
		r := c.rest.Get().AbsPath(path)
		if label != "" {
			r.Param("labelSelector", label)
		}
		return r
	})
	return out.Items, err
}

// CreateObject creates an object in the collection at a path, and returns it. It returns an *Error,
// with ErrExists if there is one of that name.
func (c *Client) CreateObject(ctx context.Context, path string, o Object) (Object, error) {
	return c.write(ctx, "creating in "+path, o, func() *rest.Request { return c.rest.Post().AbsPath(path) })
}

// ReplaceObject replaces the object at a path, and returns it.
func (c *Client) ReplaceObject(ctx context.Context, path string, o Object) (Object, error) {
	return c.write(ctx, "changing "+path, o, func() *rest.Request { return c.rest.Put().AbsPath(path) })
}

// DeleteObject deletes the object at a path. One that is gone already is no error. What it owns is
// left to the garbage collector.
func (c *Client) DeleteObject(ctx context.Context, path string) error {
	err := c.object(ctx, "deleting "+path, nil, func() *rest.Request {
		return c.rest.Delete().AbsPath(path).Param("propagationPolicy", "Background")
	})
	if errors.Is(err, ErrAbsent) {
		return nil
	}
	return err
}

func (c *Client) write(ctx context.Context, what string, o Object, request func() *rest.Request) (Object, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var out Object
	err = c.object(ctx, what, &out, func() *rest.Request {
		return request().SetHeader("Content-Type", "application/json").Body(body)
	})
	return out, err
}

// object sends a request. DoRaw would lose the apiserver's sentence.
func (c *Client) object(ctx context.Context, what string, into any, request func() *rest.Request) error {
	var refused error
	err := c.read(ctx, what, func(ctx context.Context) error {
		result := request().MaxRetries(0).Do(answerOf(ctx, maxPage))
		if err := result.Error(); err != nil {
			switch {
			case api.IsNotFound(err):
				refused = ErrAbsent
			case api.IsAlreadyExists(err):
				refused = ErrExists
			}
			return err
		}
		if into == nil {
			return nil
		}
		text, err := result.Raw()
		if err != nil {
			return err
		}
		return json.Unmarshal(text, into)
	})
	if err != nil && refused != nil {
		return &Error{c.server, what, refused, nil}
	}
	return err
}
