// Package pki makes the key material that a plan asks for: keys and requests with cfssl,
// and certificates like those of cfssl's signer.
package pki

import (
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/cloudflare/cfssl/csr"
	"github.com/cloudflare/cfssl/log"
	"golang.org/x/sync/errgroup"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
)

// quiet limits cfssl's logger, which writes to stderr, to fatal errors.
var quiet = sync.OnceFunc(func() { log.Level = log.LevelFatal })

// Issue makes the key material of the plan's items that have a reason, at the time now,
// and returns it together with have. It makes leaves in parallel. Random numbers come
// from crypto/rand: cfssl accepts no other source.
func Issue(ctx context.Context, p *plan.Plan, have keys.Bundle, now time.Time) (keys.Bundle, error) {
	quiet()
	out := maps.Clone(have)
	if out == nil {
		out = keys.Bundle{}
	}
	var leaves []plan.Item
	for _, it := range p.ToMake() {
		if it.Kind == plan.Leaf {
			leaves = append(leaves, it)
			continue
		}
		pair, err := root(it, now)
		if err != nil {
			return nil, fmt.Errorf("making %s: %w", it.ID, err)
		}
		out[it.ID] = pair
	}
	if len(leaves) == 0 {
		return out, nil
	}
	ca, err := newAuthority(out[keys.CA])
	if err != nil {
		return nil, err
	}
	made := make([]keys.Pair, len(leaves))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, it := range leaves {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			pair, err := ca.leaf(it, now)
			if err != nil {
				return fmt.Errorf("making %s: %w", it.ID, err)
			}
			made[i] = pair
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, it := range leaves {
		out[it.ID] = made[i]
	}
	return out, nil
}

// request returns the cfssl certificate request of an item.
func request(it plan.Item) *csr.CertificateRequest {
	s := it.Subject
	req := &csr.CertificateRequest{
		CN: s.CN, Hosts: it.Hosts,
		KeyRequest: &csr.KeyRequest{A: it.Key.Algo, S: it.Key.Size},
	}
	if s.C+s.ST+s.L+s.O+s.OU != "" {
		req.Names = []csr.Name{{C: s.C, ST: s.ST, L: s.L, O: s.O, OU: s.OU}}
	}
	return req
}

// root makes a self-signed CA, or a bare key pair.
func root(it plan.Item, now time.Time) (keys.Pair, error) {
	req := request(it)
	if it.Kind == plan.Authority {
		req.CA = &csr.CAConfig{}
	}
	reqPEM, keyPEM, err := csr.ParseRequest(req)
	if err != nil {
		return keys.Pair{}, err
	}
	pair := keys.Pair{Key: keys.NewSecret(keyPEM)}
	if it.Kind == plan.KeyPair {
		return pair, nil
	}
	key, err := pair.Private()
	if err != nil {
		return keys.Pair{}, err
	}
	begin := backdated(now)
	if pair.Cert, err = sign(reqPEM, it, nil, key, begin, begin.Add(it.Expiry)); err != nil {
		return keys.Pair{}, err
	}
	return pair, pair.Matches()
}

// authority signs leaves with the cluster's CA.
type authority struct {
	pair keys.Pair
	cert *x509.Certificate
}

func newAuthority(pair keys.Pair) (*authority, error) {
	if pair.Key.Empty() {
		return nil, fmt.Errorf("signing certificates: the CA's private key is not at hand (pki.ca.keyFile)")
	}
	if err := pair.Matches(); err != nil {
		return nil, fmt.Errorf("signing certificates: the CA: %w", err)
	}
	cert, err := pair.Certificate()
	if err != nil {
		return nil, err
	}
	return &authority{pair, cert}, nil
}

func (a *authority) leaf(it plan.Item, now time.Time) (keys.Pair, error) {
	reqPEM, keyPEM, err := csr.ParseRequest(request(it))
	if err != nil {
		return keys.Pair{}, err
	}
	key, err := a.pair.Private()
	if err != nil {
		return keys.Pair{}, err
	}
	// A signature may outlive the CA; verifiers don't accept that.
	begin := backdated(now)
	end := begin.Add(it.Expiry)
	if end.After(a.cert.NotAfter) {
		end = a.cert.NotAfter
	}
	if !begin.Before(end) {
		return keys.Pair{}, fmt.Errorf("the CA ended at %s", a.cert.NotAfter.Format(time.RFC3339))
	}
	pair := keys.Pair{Key: keys.NewSecret(keyPEM)}
	if pair.Cert, err = sign(reqPEM, it, a.cert, key, begin, end); err != nil {
		return keys.Pair{}, err
	}
	cert, err := pair.Certificate()
	if err != nil {
		return keys.Pair{}, err
	}
	if err := pair.IsOf(cert); err != nil {
		return keys.Pair{}, err
	}
	return pair, verify(cert, a.cert, it, now)
}

// verify returns an error unless a leaf verifies for its uses, now and at its end, and
// for its names: cfssl may have changed the request.
func verify(cert, ca *x509.Certificate, it plan.Item, now time.Time) error {
	for _, use := range it.Uses() {
		for _, at := range []time.Time{now, cert.NotAfter} {
			if err := keys.Verify(cert, ca, use, at); err != nil {
				return fmt.Errorf("the new certificate doesn't verify: %w", err)
			}
		}
	}
	for _, host := range it.Hosts {
		// Clients ask for a name that the wildcard matches.
		if below, ok := strings.CutPrefix(host, "*."); ok {
			host = "any." + below
		}
		if err := cert.VerifyHostname(host); err != nil {
			return fmt.Errorf("the new certificate doesn't verify for one of its names: %w", err)
		}
	}
	return nil
}

func backdated(now time.Time) time.Time {
	return now.Add(-plan.Backdate).UTC().Truncate(time.Second)
}
