package plan

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Past is what the last export wrote, and what of it is there now.
type Past struct {
	Cluster string // whose tree it is; "" if there was no export
	Files   []PastFile
}

// PastFile is a file in the manifest.
type PastFile struct {
	Path   string
	Sum    string // SHA-256 of what was written, in hex; "" for a private key
	Data   []byte // its contents now; nil if it is missing, secret, or large
	Secret keys.Secret
}

// without removes from have copies of the user's own files whose change is accepted:
// only keys that kcmgen made would be lost.
func (past Past) without(have keys.Bundle, accepted Accepted) keys.Bundle {
	out := keys.Bundle{}
	for id, pair := range have {
		if !accepted[id] || past.made(id) {
			out[id] = pair
		}
	}
	return out
}

// made reports whether kcmgen made a key and kept it in the tree.
func (past Past) made(id string) bool {
	_, ok := past.file(keys.KeyPath(id))
	return ok
}

func (past Past) file(at string) (PastFile, bool) {
	for _, f := range past.Files {
		if f.Path == at {
			return f, true
		}
	}
	return PastFile{}, false
}

// explain adds to a conflict what is known about the missing key.
func (past Past) explain(c *Conflict) *Conflict {
	_, public := past.publicFile(c.ID)
	if c.Lost == ".key" && public && !past.made(c.ID) {
		return &Conflict{ID: c.ID, Reason: fmt.Sprintf("the last export used the %s of the cluster's own files, and the cluster names none any more", meaning[c.ID].name), Given: true}
	}
	if c.Lost != "" {
		c.Key, c.Public = past.copies(c.ID)
	}
	return c
}

// publicFile returns the file with the public half of a trusted key.
func (past Past) publicFile(id string) (PastFile, bool) {
	if id == keys.ServiceAccount {
		return past.file(keys.PublicPath(id))
	}
	return past.file(keys.CertPath(id))
}

// sameContents returns a file, of or a copy of it, that still has the contents that were
// written to of.
func (past Past) sameContents(of PastFile) (PastFile, bool) {
	for _, f := range past.Files {
		if f.Sum == of.Sum && len(f.Data) > 0 && sumOf(f.Data) == f.Sum {
			return f, true
		}
	}
	return PastFile{}, false
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// public returns the public half of a trusted key as the last export wrote it; nil if no
// file has it any more.
func (past Past) public(id string) crypto.PublicKey {
	f, ok := past.publicFile(id)
	if !ok {
		return nil
	}
	if f, ok = past.sameContents(f); !ok {
		return nil
	}
	pub, err := keys.ParsePublic(f.Data)
	if err != nil {
		return nil
	}
	return pub
}

// certificate returns a CA's certificate as the last export wrote it; nil if no file has
// it any more.
func (past Past) certificate(id string) *x509.Certificate {
	f, ok := past.publicFile(id)
	if !ok {
		return nil
	}
	if f, ok = past.sameContents(f); !ok {
		return nil
	}
	cert, _ := keys.ParseCertificate(f.Data)
	return cert
}

// copies returns the paths of copies, outside pki/, of a trusted private key and of its
// public file; "" if there are none.
func (past Past) copies(id string) (key, public string) {
	written, ok := past.publicFile(id)
	if !ok {
		return "", ""
	}
	known := past.public(id)
	for _, f := range past.Files {
		switch {
		case strings.HasPrefix(f.Path, keys.Dir+"/"):
		case public == "" && f.Sum == written.Sum && len(f.Data) > 0 && sumOf(f.Data) == f.Sum:
			public = f.Path
		case key == "" && !f.Secret.Empty():
			k, err := keys.ParsePrivate(f.Secret.Reveal())
			if err != nil {
				continue
			}
			if known != nil && keys.Equal(known, k.Public()) || id == keys.ServiceAccount && isSum(k.Public(), written.Sum) {
				key = f.Path
			}
		}
	}
	return key, public
}

// isSum reports whether sum is the checksum of a file with a public key.
func isSum(key crypto.PublicKey, sum string) bool {
	data, err := keys.PublicPEM(key)
	return err == nil && sumOf(data) == sum
}

// tokensByCA reports whether the CA's key signed tokens: hosts have a key for tokens,
// and pki/ has none.
func (past Past) tokensByCA(c *spec.Cluster) bool {
	for _, f := range past.Files {
		_, _, host := layout.OnHost(f.Path)
		if f.Sum == "" && host &&
			(path.Base(f.Path) == spec.ServiceAccountKey.FileName() || c.Paths.ServiceAccountKey != c.Paths.CAKey && strings.HasSuffix(f.Path, c.Paths.ServiceAccountKey)) {
			return true
		}
	}
	return false
}
