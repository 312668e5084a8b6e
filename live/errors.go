package live

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"

	api "k8s.io/apimachinery/pkg/api/errors"
)

// Why a cluster could not be read: each Error is one of these, by errors.Is. After
// ErrUnreachable, ErrTimeout and ErrUnavailable a later attempt may succeed.
var (
	ErrUnreachable  = errors.New("can't be reached")
	ErrTimeout      = errors.New("doesn't answer in time")
	ErrUnavailable  = errors.New("can't answer now")
	ErrUntrusted    = errors.New("shows a certificate that isn't trusted")
	ErrCredentials  = errors.New("can't be asked without credentials")
	ErrUnauthorized = errors.New("doesn't accept the credentials")
	ErrForbidden    = errors.New("doesn't allow it")
	ErrNotServed    = errors.New("doesn't serve that")
	ErrNoLease      = errors.New("has no such lease")
	ErrNotHeld      = errors.New("has another holder of the lease, or a later renewal")
	ErrAnswer       = errors.New("doesn't answer as it should")
)

// Error is a cluster that could not be read.
type Error struct {
	Server string // URL, or host:port
	What   string // the request
	Reason error  // one of the errors above
	Err    error  // the cause; nil: unknown
}

func (e *Error) Error() string {
	if e.Err == nil || e.Reason == ErrTimeout { // the deadline's error adds nothing
		return fmt.Sprintf("%s: %s %v", e.What, e.Server, e.Reason)
	}
	return fmt.Sprintf("%s: %s %v: %v", e.What, e.Server, e.Reason, e.Err)
}

// Unwrap returns the reason and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}

// explain returns the Error of a failed request.
func explain(err error, server, what string) error {
	var transport *transportError
	var asked *url.Error
	switch {
	case errors.As(err, &transport):
		return &Error{server, what, unanswered(transport.err), transport.err}
	case errors.As(err, &asked): // it was never sent
		return &Error{server, what, ErrCredentials, asked.Err}
	case api.IsUnauthorized(err):
		return &Error{server, what, ErrUnauthorized, err}
	case api.IsForbidden(err):
		return &Error{server, what, ErrForbidden, err}
	case unavailable(err):
		return &Error{server, what, ErrUnavailable, err}
	}
	return &Error{server, what, ErrAnswer, err}
}

// unanswered returns the reason why a request got no complete answer.
func unanswered(err error) error {
	var cert *tls.CertificateVerificationError
	var late net.Error
	var long tooLongError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &late) && late.Timeout():
		return ErrTimeout
	case errors.As(err, &cert), errors.Is(err, ErrUntrusted):
		return ErrUntrusted
	case errors.As(err, &long):
		return ErrAnswer
	}
	return ErrUnreachable
}

// unavailable reports whether the server said that it can't answer now.
func unavailable(err error) bool {
	var status api.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	code := status.Status().Code
	return code >= 500 || code == 429
}
