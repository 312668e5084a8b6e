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
	limit, _ := req.Context().Value(limitKey{}).(int64)
	body, err := readUpTo(resp.Body, max(limit, maxAnswer))
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
type tooLongError struct{ limit int64 }

func (e tooLongError) Error() string {
	return fmt.Sprintf("the answer is longer than %d MiB", e.limit>>20)
}

// limitKey is the key of a context's limit.
type limitKey struct{}

// answerOf lets answers to requests of a context have up to limit bytes.
func answerOf(ctx context.Context, limit int64) context.Context {
	return context.WithValue(ctx, limitKey{}, limit)
}

func readAll(r io.Reader) ([]byte, error) { return readUpTo(r, maxAnswer) }

func readUpTo(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = tooLongError{limit}
	}
	return body, err
}
