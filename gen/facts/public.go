package facts

import (
	"crypto"
	"encoding/pem"
	"errors"
	"fmt"

	"k8s.io/client-go/util/keyutil"
)

// publicKeys parses the file with which the apiserver verifies tokens, with the
// apiserver's own parser. That skips what it can't parse; publicKeys returns an error if
// no key is left.
func publicKeys(data []byte) ([]crypto.PublicKey, error) {
	read, err := keyutil.ParsePublicKeysPEM(data)
	if err != nil {
		return nil, noKeyReason(data)
	}
	out := make([]crypto.PublicKey, len(read))
	for i, key := range read {
		out[i] = key
	}
	return out, nil
}

// noKeyReason returns why the apiserver finds no key in a file.
func noKeyReason(data []byte) error {
	block, _ := pem.Decode(data)
	if block == nil {
		return errors.New("no PEM public key")
	}
	switch block.Type {
	case "RSA PUBLIC KEY":
		return errors.New("the apiserver reads no public key of the form PKCS #1 (RSA PUBLIC KEY); openssl rsa -RSAPublicKey_in -in FILE -pubout makes one that it reads")
	case "PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return fmt.Errorf("the apiserver reads no %s of this kind; openssl pkey -in FILE -pubout writes its public half", block.Type)
	}
	return fmt.Errorf("the apiserver reads no RSA or ECDSA public key in it: its first block is %q", block.Type)
}
