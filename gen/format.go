package gen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"

	"github.com/kcmgen/kcmgen/gen/config/bounds"
	"github.com/kcmgen/kcmgen/gen/edit"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/child"
)

// Format returns a file in CUE's standard format, within the limits of an evaluation. name
// is the file's name in errors. A file that isn't CUE, or takes too much, is an
// edit.SyntaxError.
func Format(ctx context.Context, name string, src []byte) ([]byte, error) {
	if !bounds.LongText(src) || !child.Available() {
		return edit.Format(name, src)
	}
	l, err := Limits()
	if err != nil {
		return nil, err
	}
	c, err := child.Start(child.Limits{Time: l.Time, Memory: l.Memory}, runtime.GOMAXPROCS(0), json.RawMessage(forFormat))
	if err != nil {
		return nil, fmt.Errorf("starting to format %s: %w", name, err)
	}
	defer c.Close()
	request, err := json.Marshal(toFormat{name, src})
	if err != nil {
		return nil, err
	}
	data, err := c.Ask(ctx, l.Time, request)
	var ended *child.EndedError
	if errors.As(err, &ended) {
		err = fmt.Errorf("formatting this file: %w", ended)
		switch ended.Cause {
		case child.Stack:
			err = errors.New("formatting this file: its values are nested too deeply")
		case child.Failed:
			err = errors.New("formatting this file fails in CUE itself")
		}
		return nil, &edit.SyntaxError{Pos: finding.Pos{File: name}, Err: err}
	}
	if err != nil {
		return nil, err
	}
	var f formatted
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("formatting %s: %w", name, err)
	}
	if f.Err != "" {
		return nil, &edit.SyntaxError{Pos: f.Pos, Err: errors.New(f.Err)}
	}
	return f.Data, nil
}

// forFormat is the payload of a child that formats, as JSON.
const forFormat = `"format"`

type toFormat struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
}

type formatted struct {
	Data []byte      `json:"data"`
	Pos  finding.Pos `json:"position"`
	Err  string      `json:"error"`
}

// formatAnswer formats a file in a child.
func formatAnswer(request []byte) []byte {
	var in toFormat
	var out formatted
	err := json.Unmarshal(request, &in)
	if err == nil {
		out.Data, err = edit.Format(in.Name, in.Data)
	}
	var syntax *edit.SyntaxError
	switch {
	case errors.As(err, &syntax):
		out.Pos, out.Err = syntax.Pos, syntax.Err.Error()
	case err != nil:
		out.Pos.File, out.Err = in.Name, err.Error()
	}
	data, err := json.Marshal(out)
	if err != nil {
		return nil
	}
	return data
}
