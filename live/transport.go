package live

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
)

// maxAnswer is more than any answer that is asked for: an object in etcd has at
// most 1.5 MiB.
const maxAnswer = 4 << 20

// transportError is a request that got no whole answer.
type transportError struct{ err error }

func (e *transportError) Error() string { return e.err.Error() }
func (e *transportError) Unwrap() error { return e.err }

// bounded ends requests in time, and reads no more of an answer than fits. It
// stands below whatever adds credentials, so that time in which somebody logs in
// doesn't count.
type bounded struct{ next http.RoundTripper }

// RoundTrip has read the whole answer when it returns: nothing stalls afterwards.
func (b *bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), requestTimeout)
	defer cancel()
	resp, err := b.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, &transportError{inTime(ctx, err)}
	}
	defer resp.Body.Close()
	body, err := readAll(resp.Body)
	if err != nil {
		return nil, &transportError{inTime(ctx, err)}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// WrappedRoundTripper lets idle connections be found and closed.
func (b *bounded) WrappedRoundTripper() http.RoundTripper { return b.next }

// inTime is the error of a request; where its time was up, that. What a
// connection says of its own end then is no news.
func inTime(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// tooLongError is an answer that isn't an apiserver's.
type tooLongError struct{}

func (tooLongError) Error() string {
	return fmt.Sprintf("the answer is longer than %d MiB", maxAnswer>>20)
}

func readAll(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = tooLongError{}
	}
	return body, err
}
