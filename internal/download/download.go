// Package download opens URLs, and gives up where people would. Errors say the cause in
// words, without the URL, which the caller names.
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

// downloader opens URLs. A server that is silent for longer than this has hung;
// how long it may take in all depends on the line, and is the user's to end.
type downloader struct {
	connect, silence time.Duration
	agent            string
}

// By is a way to open URLs as a client of a name, such as kcmgen/v1.2.3.
func By(agent string) func(ctx context.Context, address string) (io.ReadCloser, error) {
	return downloader{connect: 10 * time.Second, silence: 30 * time.Second, agent: agent}.open
}

func (d downloader) open(ctx context.Context, address string) (io.ReadCloser, error) {
	// Reads that wait too long are ended by ending the request.
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

// silentError is a server that has said nothing for so long.
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
			DisableCompression:    true, // the checksum is of what the server has
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

// ProxyError is a variable that should name a proxy. What it holds isn't told:
// there may be a password in it.
type ProxyError struct{ Variable string }

func (e *ProxyError) Error() string {
	return e.Variable + " isn't the address of a proxy, such as http://proxy.example.com:3128"
}

// proxy is the one that the environment names. http.ProxyFromEnvironment puts
// http:// before whatever it can't parse, and so finds a host that is called http.
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

// body is a response that may not fall silent.
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

// plain is the cause of a network error: net/http repeats the request around it,
// and package net each address that it tried.
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
		return fmt.Errorf("by way of a proxy: %w", plain(op.Err))
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("no host is called %s", dns.Name)
	case errors.As(err, &dns):
		return fmt.Errorf("the name %s can't be looked up: %s", dns.Name, dns.Err)
	case errors.As(err, &op) && op.Op == "dial" && op.Addr != nil:
		return fmt.Errorf("can't connect to %s: %s", op.Addr, strings.TrimPrefix(op.Err.Error(), "connect: "))
	}
	return err
}
