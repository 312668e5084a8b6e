package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 5280, 4.2.1.2: an identifier, no protection
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/cloudflare/cfssl/helpers"

	"github.com/kcmgen/kcmgen/gen/plan"
)

// sign returns the certificate for a request, in PEM. ca is the CA's certificate; nil makes
// the request's own key the CA. key is the CA's private key.
//
// The certificate is the one that cfssl's signer makes of the request and the item's
// profile; a test compares them. That signer isn't linked because it can check certificates
// with zlint: a third of the CPU time of every start of kcmgen, for checks that are off.
func sign(reqPEM []byte, it plan.Item, ca *x509.Certificate, key crypto.Signer, begin, end time.Time) ([]byte, error) {
	block, _ := pem.Decode(reqPEM)
	if block == nil {
		return nil, errors.New("the certificate request is no PEM")
	}
	req, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the certificate request: %w", err)
	}
	if err := req.CheckSignature(); err != nil {
		return nil, fmt.Errorf("the certificate request: %w", err)
	}
	id, err := keyID(req.RawSubjectPublicKeyInfo)
	if err != nil {
		return nil, fmt.Errorf("the certificate request's key: %w", err)
	}
	cert := &x509.Certificate{
		Subject: req.Subject, SubjectKeyId: id, NotBefore: begin, NotAfter: end,
		SignatureAlgorithm: helpers.SignerAlgo(key), BasicConstraintsValid: true,
	}
	cert.KeyUsage, cert.ExtKeyUsage = plan.Usages(it.Usages)
	if cert.KeyUsage == 0 && len(cert.ExtKeyUsage) == 0 {
		return nil, errors.New("a certificate without a usage")
	}
	if ca == nil {
		cert.IsCA, cert.MaxPathLenZero = true, true
		ca = cert
	} else {
		cert.DNSNames, cert.IPAddresses, cert.EmailAddresses, cert.URIs = req.DNSNames, req.IPAddresses, req.EmailAddresses, req.URIs
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, ca, req.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// keyID returns the subject key identifier of RFC 5280, 4.2.1.2, method 1: the SHA-1 of the
// key's bits. Go's own default may be another.
func keyID(spki []byte) ([]byte, error) {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(spki, &info); err != nil {
		return nil, err
	}
	sum := sha1.Sum(info.Key.Bytes) //nolint:gosec // as above
	return sum[:], nil
}
