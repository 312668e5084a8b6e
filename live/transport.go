package live

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
)

// maxAnswer bounds an answer, in bytes. An object in etcd has at most 1.5 MiB.
const maxAnswer = 4 << 20

// transportError is a request without a complete answer.
type transportError struct{ err error }

func (e *transportError) Error() string { return e.err.Error() }
func (e *transportError) Unwrap() error { return e.err }

// bounded limits the time of requests and the size of answers. It is below the layer that
// adds credentials, so that the time of a login doesn't count.
type bounded struct{ next http.RoundTripper }

// RoundTrip reads the complete answer before it returns, so nothing stalls afterwards.
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

// inTime returns the error of a request, or the deadline's if its time was up.
func inTime(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// tooLongError is an answer that is too long for an apiserver's.
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
