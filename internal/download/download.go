// Package download opens URLs, and gives up if a server hangs. Errors have the cause in
// words but not the URL, which the caller adds.
package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/spec"
)

const maxRedirects = 5

// downloader opens URLs. It limits the times to connect and between reads, but not the
// total time, which depends on the line.
type downloader struct {
	connect, silence time.Duration
	agent            string
}

// By returns a function that opens URLs with a User-Agent, such as kcmgen/v1.2.3.
func By(agent string) func(ctx context.Context, address string) (io.ReadCloser, error) {
	return downloader{connect: 10 * time.Second, silence: 30 * time.Second, agent: agent}.open
}

func (d downloader) open(ctx context.Context, address string) (io.ReadCloser, error) {
	// Cancelling the request ends reads that wait too long.
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		cancel(nil)
		return nil, errors.New("it can't be parsed") // the cause may quote a password
	}
	req.Header.Set("User-Agent", d.agent)
	res, err := d.client().Do(req)
	if err != nil {
		cancel(nil)
		if strings.HasSuffix(err.Error(), "timeout awaiting response headers") {
			err = silentError(d.silence)
		}
		return nil, plain(err)
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		cancel(nil)
		return nil, fmt.Errorf("the server says %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	}
	b := &body{ReadCloser: res.Body, ctx: ctx, cancel: cancel, silence: d.silence}
	b.timer = time.AfterFunc(d.silence, func() { cancel(silentError(d.silence)) })
	return b, nil
}

// silentError is a server that has sent nothing for this time.
type silentError time.Duration

func (e silentError) Error() string {
	return fmt.Sprintf("the server has been silent for %s", time.Duration(e))
}

func (d downloader) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 proxy,
			DialContext:           (&net.Dialer{Timeout: d.connect}).DialContext,
			TLSHandshakeTimeout:   d.connect,
			ResponseHeaderTimeout: d.silence,
			ForceAttemptHTTP2:     true,
			DisableCompression:    true, // the checksum is of the uncompressed file
			DisableKeepAlives:     true,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			switch {
			case len(via) > maxRedirects:
				return fmt.Errorf("more than %d redirects", maxRedirects)
			case req.URL.Scheme != "https" && via[len(via)-1].URL.Scheme == "https":
				return fmt.Errorf("it redirects from https to %s", spec.Download{URL: req.URL.String()}.Origin())
			}
			return nil
		},
	}
}

// ProxyError is an environment variable that doesn't name a proxy. Its value isn't
// shown: it may hold a password.
type ProxyError struct{ Variable string }

func (e *ProxyError) Error() string {
	return e.Variable + " isn't the address of a proxy, such as http://proxy.example.com:3128"
}

// proxy returns the proxy in the environment. It checks the variable itself, because
// http.ProxyFromEnvironment prepends http:// to what it can't parse, and so finds a
// host named http.
func proxy(req *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(req)
	if u == nil || err != nil {
		return nil, err
	}
	variable := strings.ToUpper(req.URL.Scheme) + "_PROXY"
	if os.Getenv(variable) == "" {
		variable = strings.ToLower(variable)
	}
	value := os.Getenv(variable)
	if _, err := url.Parse(value); err != nil && strings.Contains(value, "://") || u.Hostname() == "" {
		return nil, &ProxyError{variable}
	}
	return u, nil
}

// body is a response body whose reads fail if the server is silent for too long.
type body struct {
	io.ReadCloser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	silence time.Duration
	timer   *time.Timer
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.timer.Reset(b.silence)
	var silent silentError
	switch {
	case err == nil || err == io.EOF:
	case errors.As(context.Cause(b.ctx), &silent):
		err = silent
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the connection ended before the file did")
	default:
		err = plain(err)
	}
	return n, err
}

// Close ends the request.
func (b *body) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// plain returns the cause of a network error, without the request and the addresses that
// net/http and net add.
func plain(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return fmt.Errorf("through a proxy: %w", plain(op.Err))
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("no host is called %s", dns.Name)
	case errors.As(err, &dns):
		return fmt.Errorf("the name %s can't be looked up: %s", dns.Name, dns.Err)
	case errors.As(err, &op) && op.Op == "dial" && op.Addr != nil:
		return fmt.Errorf("can't connect to %s: %s", op.Addr, strings.TrimPrefix(op.Err.Error(), "connect: "))
	}
	return err
}
