package deploy

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/show"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/live"
	"github.com/kcmgen/kcmgen/live/canary"
)

// CanaryRights are the rights that a canary needs, as YAML for kubectl.
//
//go:embed canary_rights.yaml
var CanaryRights string

// CanaryOptions are the settings of a canary.
type CanaryOptions struct {
	Only    []string // controllers; none: all
	Timeout time.Duration
	Signer  string
}

// CanaryControllers are the controllers that a canary can watch.
func CanaryControllers() []string { return canary.Controllers() }

// Check returns an error for options that can't be meant.
func (o *CanaryOptions) Check() error {
	for _, name := range o.Only {
		if !slices.Contains(canary.Controllers(), name) {
			return fmt.Errorf("the canary doesn't watch %q: it watches %s", name, strings.Join(canary.Controllers(), ", "))
		}
	}
	if o.Timeout < time.Second {
		return errors.New("--timeout is at least 1s")
	}
	return nil
}

// CanaryReport is the result of a canary.
type CanaryReport struct {
	Cluster string `json:"cluster"`
	*canary.Report
}

// Canary runs a canary in a cluster, with a kubeconfig: the named one, or else the cluster's. tell
// gets a line for each controller.
func Canary(ctx context.Context, c *spec.Cluster, kubeconfig string, o CanaryOptions, now func() time.Time, tell func(Line)) (*CanaryReport, error) {
	var s Options
	if err := s.ReadLeader(c, kubeconfig); err != nil {
		return nil, err
	}
	defer s.Leader.Close()
	return runCanary(ctx, c.Name, s.Leader, o, now, tell)
}

func runCanary(ctx context.Context, cluster string, api *live.Client, o CanaryOptions, now func() time.Time, tell func(Line)) (*CanaryReport, error) {
	request, err := unusedRequest()
	if err != nil {
		return nil, err
	}
	report, err := canary.Run(ctx, api, canary.Options{
		Only: o.Only, Timeout: o.Timeout, Signer: o.Signer, Now: now, Name: nonce(), Request: request,
		Pause: func(ctx context.Context) {
			select {
			case <-ctx.Done():
			case <-time.After(time.Second / 4):
			}
		},
		Progress: func(r canary.Result) { tell(showResult(r)) },
	})
	if report == nil {
		return nil, err
	}
	return &CanaryReport{cluster, report}, err
}

// unusedRequest returns a CSR, as PEM, whose key is thrown away.
func unusedRequest() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "kcmgen-canary-unused"}}, key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}

func showResult(r canary.Result) Line {
	switch {
	case r.Skipped:
		return Line{Mark: "not watched:", Text: fmt.Sprintf("%s: %s", r.Controller, r.Reason), Style: show.Yellow}
	case r.Untried:
		return Line{Mark: "error:", Text: fmt.Sprintf("%s couldn't be tried: %s", r.Controller, r.Reason), Style: show.Red}
	case !r.Works:
		return Line{Mark: "error:", Text: fmt.Sprintf("%s doesn't work: %s, %.0f s after %s (it %s)", r.Controller, r.Reason, r.Seconds, r.Since.Format("15:04:05 UTC"), r.Does), Style: show.Red}
	}
	return Line{Text: fmt.Sprintf("%s: %.1f s: %s", r.Controller, r.Seconds, r.Does)}
}

// Show returns the summary.
func (r *CanaryReport) Show() []Line {
	var out []Line
	works, skipped := 0, 0
	for _, c := range r.Results {
		switch {
		case c.Works:
			works++
		case c.Skipped:
			skipped++
		}
	}
	for _, name := range r.Swept {
		out = append(out, Line{Text: r.Cluster + ": removed " + name + ", which an earlier canary left"})
	}
	for _, what := range r.Left {
		out = append(out, Line{Mark: "error:", Text: r.Cluster + ": left behind: " + what, Style: show.Red})
	}
	text := fmt.Sprintf("%s: %d of %d controllers work", r.Cluster, works, len(r.Results)-skipped)
	if skipped > 0 {
		text += fmt.Sprintf(", %d not watched", skipped)
	}
	return append(out, Line{Text: text, Style: show.Bold})
}
