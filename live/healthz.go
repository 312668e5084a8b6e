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

// UnhealthyError is a kube-controller-manager that reports that it isn't healthy.
type UnhealthyError struct {
	Addr   string
	Status string   // such as "500 Internal Server Error"
	Failed []string // the failed checks, if it names them
}

func (e *UnhealthyError) Error() string {
	out := fmt.Sprintf("%s answers %s to /healthz", e.Addr, e.Status)
	for i, f := range e.Failed {
		out += map[bool]string{true: ": ", false: ", "}[i == 0] + fmt.Sprintf("%q", f)
	}
	return out
}

// Healthz reads /healthz of a kube-controller-manager at addr, host:port, without a proxy.
// The server must show the first certificate of cert, as PEM: with another one it is
// another process, or still the old one. An empty cert accepts any. Healthz returns nil if
// it is healthy, an *UnhealthyError if it reports that it isn't, and an *Error if it
// couldn't be asked.
func Healthz(ctx context.Context, addr string, cert []byte, dial Dial) error {
	block, err := toPin(cert)
	if err != nil {
		return err
	}
	transport := &http.Transport{
		DialContext:       dial, // nil: net/http's own
		DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12,
			// Pinning one certificate is stricter than checking its chain.
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

// toPin returns the first certificate of a file; nil if the file is empty.
func toPin(cert []byte) (*pem.Block, error) {
	block, _ := pem.Decode(cert)
	if len(cert) > 0 && (block == nil || block.Type != "CERTIFICATE") {
		return nil, errors.New("the serving certificate to expect is no PEM certificate")
	}
	return block, nil
}

// pinned returns an error if a connection's certificate isn't the expected one.
func pinned(s tls.ConnectionState, want *pem.Block) error {
	if got := s.PeerCertificates[0]; want != nil && !bytes.Equal(got.Raw, want.Bytes) {
		return &otherCertError{got}
	}
	return nil
}

// otherCertError is a certificate other than the pinned one.
type otherCertError struct{ got *x509.Certificate }

func (e *otherCertError) Error() string {
	return fmt.Sprintf("it is %q, serial number %x, valid from %s: not the one that was installed",
		e.got.Subject.CommonName, e.got.SerialNumber, e.got.NotBefore.Format(time.RFC3339))
}

func (e *otherCertError) Is(target error) bool { return target == ErrUntrusted }

// failed returns the failed checks, which are lines that begin with [-], at most 20.
func failed(body []byte) []string {
	var out []string
	for line := range strings.Lines(string(body)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "[-]"); ok && len(out) < 20 {
			out = append(out, fmt.Sprintf("%.200s", name))
		}
	}
	return out
}
