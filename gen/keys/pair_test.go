package keys

import (
	"bytes"
	"errors"
	"testing"
)

// TestOneKeyInAFile: programs read the first key of a file, so a second one is refused;
// other blocks are allowed.
func TestOneKeyInAFile(t *testing.T) {
	s := samples(t)
	cert, ec, pkcs8, pub, params := s[5], s[6], s[7], s[8], s[9]
	for name, tc := range map[string]struct {
		file [][]byte
		want error
	}{
		"one":                       {[][]byte{ec}, nil},
		"with its parameters":       {[][]byte{params, ec}, nil},
		"with its certificate":      {[][]byte{ec, cert}, nil},
		"with its public half":      {[][]byte{ec, pub}, nil},
		"with a text":               {[][]byte{[]byte("# mine\n"), ec, []byte("the end\n")}, nil},
		"two":                       {[][]byte{ec, pkcs8}, errSecondKey},
		"two of the old form":       {[][]byte{params, ec, params, ec}, errSecondKey},
		"two and a certificate":     {[][]byte{pkcs8, cert, ec}, errSecondKey},
		"a second one, encrypted":   {[][]byte{ec, bytes.ReplaceAll(pkcs8, []byte("PRIVATE"), []byte("ENCRYPTED PRIVATE"))}, errSecondKey},
		"a second one of ssh's":     {[][]byte{ec, bytes.ReplaceAll(pkcs8, []byte("PRIVATE"), []byte("OPENSSH PRIVATE"))}, errSecondKey},
		"the first one's encrypted": {[][]byte{bytes.ReplaceAll(pkcs8, []byte("PRIVATE"), []byte("ENCRYPTED PRIVATE")), ec}, ErrEncrypted},
	} {
		if _, err := ParsePrivate(bytes.Join(tc.file, nil)); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}
