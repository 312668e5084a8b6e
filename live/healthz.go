package live

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// UnhealthyError is a kube-controller-manager that says it isn't healthy.
type UnhealthyError struct {
	Addr   string
	Status string   // such as "500 Internal Server Error"
	Failed []string // the checks that failed, where it names them
}

func (e *UnhealthyError) Error() string {
	out := fmt.Sprintf("%s answers %s to /healthz", e.Addr, e.Status)
	for i, f := range e.Failed {
		out += map[bool]string{true: ": ", false: ", "}[i == 0] + fmt.Sprintf("%q", f)
	}
	return out
}

// Healthz reads /healthz of a kube-controller-manager at addr, host:port. It has to
// show the very certificate that cert, as PEM, begins with: another one is another
// process, or the old one still. Without cert any will do. Healthy is nil; an *UnhealthyError is its own word,
// an *Error that it could not be heard. No proxy is asked.
func Healthz(ctx context.Context, addr string, cert []byte, dial Dial) error {
	block, _ := pem.Decode(cert)
	if len(cert) > 0 && (block == nil || block.Type != "CERTIFICATE") {
		return errors.New("the serving certificate to expect is no PEM certificate")
	}
	transport := &http.Transport{
		DialContext:       dial, // nil: net/http's own
		DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12,
			// That it is this one certificate says more than who signed it.
			InsecureSkipVerify: true,
			VerifyConnection:   func(s tls.ConnectionState) error { return pinned(s, block) },
		},
	}
	client := &http.Client{
		Transport:     &bounded{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+addr+"/healthz", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled):
		return ctx.Err()
	case err != nil:
		return explain(err, addr, "reading /healthz")
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	body, err := readAll(resp.Body)
	if err != nil {
		return err
	}
	return &UnhealthyError{addr, resp.Status, failed(body)}
}

// pinned is the fault of a connection whose certificate isn't the one to expect.
func pinned(s tls.ConnectionState, want *pem.Block) error {
	if got := s.PeerCertificates[0]; want != nil && !bytes.Equal(got.Raw, want.Bytes) {
		return &otherCertError{got}
	}
	return nil
}

// otherCertError is another certificate than the one that was pinned.
type otherCertError struct{ got *x509.Certificate }

func (e *otherCertError) Error() string {
	return fmt.Sprintf("it is %q, serial number %x, valid from %s: not the one that was installed",
		e.got.Subject.CommonName, e.got.SerialNumber, e.got.NotBefore.Format(time.RFC3339))
}

func (e *otherCertError) Is(target error) bool { return target == ErrUntrusted }

// failed are the checks that failed: lines that begin with [-]. A peer that goes
// on for ever is cut short.
func failed(body []byte) []string {
	var out []string
	for line := range strings.Lines(string(body)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "[-]"); ok && len(out) < 20 {
			out = append(out, fmt.Sprintf("%.200s", name))
		}
	}
	return out
}
