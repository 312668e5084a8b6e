package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Pair is a certificate and its private key, in PEM. The service-account pair
// has no certificate.
type Pair struct {
	Cert   []byte
	Public []byte // the public key file of a pair without certificate
	Key    Secret
}

// Gone reports whether all files of a pair are missing.
func (p Pair) Gone() bool { return len(p.Cert) == 0 && len(p.Public) == 0 && p.Key.Empty() }

// Certificate parses the pair's certificate: exactly one.
func (p Pair) Certificate() (*x509.Certificate, error) { return ParseCertificate(p.Cert) }

// Private parses the pair's private key.
func (p Pair) Private() (crypto.Signer, error) { return ParsePrivate(p.Key.Reveal()) }

// Matches returns an error unless the key belongs to the certificate.
func (p Pair) Matches() error {
	cert, err := p.Certificate()
	if err != nil {
		return err
	}
	return p.IsOf(cert)
}

// IsOf returns an error unless the key belongs to a certificate.
func (p Pair) IsOf(cert *x509.Certificate) error {
	key, err := p.Private()
	if err != nil {
		return err
	}
	if !Equal(cert.PublicKey, key.Public()) {
		return errors.New("the private key is not the certificate's")
	}
	return nil
}

// ParseCertificate parses PEM with exactly one certificate.
func ParseCertificate(data []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no PEM certificate")
	}
	if next, _ := pem.Decode(rest); next != nil {
		return nil, errors.New("more than one PEM block where one certificate is expected")
	}
	return x509.ParseCertificate(block.Bytes)
}

// ErrEncrypted is the error of a private key with a passphrase; kcmgen asks for none.
var ErrEncrypted = errors.New("the private key is encrypted with a passphrase")

// errSecondKey is the error of a file with two keys.
var errSecondKey = errors.New("more than one private key: programs read the first and leave the others out")

// ParsePrivate parses a PEM private key as kube-controller-manager does: PKCS #1, SEC 1
// or PKCS #8, RSA or ECDSA. A certificate may follow, as in files for other servers, but
// no second key.
func ParsePrivate(data []byte) (crypto.Signer, error) {
	key, rest, err := firstPrivate(data)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return nil, errSecondKey
		}
	}
	return key, nil
}

// firstPrivate returns the first key, and the data after it.
func firstPrivate(data []byte) (crypto.Signer, []byte, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Headers["DEK-Info"] != "" {
			return nil, nil, ErrEncrypted
		}
		switch block.Type {
		case "EC PARAMETERS": // openssl writes it before the key
			continue
		case "ENCRYPTED PRIVATE KEY":
			return nil, nil, ErrEncrypted
		case "RSA PRIVATE KEY":
			key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
			return key, rest, err
		case "EC PRIVATE KEY":
			key, err := x509.ParseECPrivateKey(block.Bytes)
			return key, rest, err
		case "PRIVATE KEY":
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, nil, err
			}
			switch key := key.(type) {
			case *rsa.PrivateKey:
				return key, rest, nil
			case *ecdsa.PrivateKey:
				return key, rest, nil
			}
			return nil, nil, fmt.Errorf("a private key of type %T, not RSA or ECDSA", key)
		default:
			return nil, nil, fmt.Errorf("a PEM block %q, not a private key", block.Type)
		}
	}
	return nil, nil, errors.New("no PEM private key")
}

// Equal reports whether two public keys are equal.
func Equal(a, b crypto.PublicKey) bool {
	e, ok := a.(interface{ Equal(x crypto.PublicKey) bool })
	return ok && e.Equal(b)
}

// PublicPEM returns a public key in PKIX PEM.
func PublicPEM(key crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// Identity returns the public half in PEM, which stands for the private key where its
// bytes must not be used. Two keys have the same identity if and only if they are equal.
func (p Pair) Identity() ([]byte, error) {
	key, err := p.Private()
	if err != nil {
		return nil, err
	}
	return PublicPEM(key.Public())
}

// ParsePublic parses a file that kcmgen wrote: a PKIX public key, or a certificate, whose
// public key it returns.
func ParsePublic(data []byte) (crypto.PublicKey, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PUBLIC KEY" {
		cert, err := ParseCertificate(data)
		if err != nil {
			return nil, err
		}
		return cert.PublicKey, nil
	}
	return x509.ParsePKIXPublicKey(block.Bytes)
}
