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

// Past is what the last export says that it wrote, and what lies there now.
type Past struct {
	Cluster string // whose tree it is; empty: there was no export
	Files   []PastFile
}

// PastFile is a file that the manifest lists.
type PastFile struct {
	Path   string
	Sum    string // SHA-256 of what was written, in hex; none of a private key
	Data   []byte // as it lies there now; none: it is gone, or secret, or big
	Secret keys.Secret
}

// without leaves out of what is at hand the copies of what the user's own files
// held, where a change is accepted: nothing is lost with them.
func (past Past) without(have keys.Bundle, accepted Accepted) keys.Bundle {
	out := keys.Bundle{}
	for id, pair := range have {
		if !accepted[id] || past.made(id) {
			out[id] = pair
		}
	}
	return out
}

// made reports whether kcmgen made a key, and kept it in the tree.
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

// explain adds to a conflict what is known of the key that is missing.
func (past Past) explain(c *Conflict) *Conflict {
	_, public := past.anchor(c.ID)
	if c.Lost == ".key" && public && !past.made(c.ID) {
		return &Conflict{ID: c.ID, Reason: fmt.Sprintf("the last export used the %s of the cluster's own files, and the cluster names none any more", meaning[c.ID].name), Given: true}
	}
	if c.Lost != "" {
		c.Key, c.Public = past.copies(c.ID)
	}
	return c
}

// anchor is what a manifest says of a trusted one: the file with its public half.
func (past Past) anchor(id string) (PastFile, bool) {
	if id == keys.ServiceAccount {
		return past.file(keys.PublicPath(id))
	}
	return past.file(keys.CertPath(id))
}

// twin is a file that holds, unchanged, what was written to another one.
func (past Past) twin(of PastFile) (PastFile, bool) {
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

// public is the public key of a trusted one when it was written, where a file
// tells it still.
func (past Past) public(id string) crypto.PublicKey {
	f, ok := past.anchor(id)
	if !ok {
		return nil
	}
	if f, ok = past.twin(f); !ok {
		return nil
	}
	pub, err := keys.ParsePublic(f.Data)
	if err != nil {
		return nil
	}
	return pub
}

// certificate is a CA's as it was written, where a file tells it still.
func (past Past) certificate(id string) *x509.Certificate {
	f, ok := past.anchor(id)
	if !ok {
		return nil
	}
	if f, ok = past.twin(f); !ok {
		return nil
	}
	cert, _ := keys.ParseCertificate(f.Data)
	return cert
}

// copies are where else in the tree a trusted one's private key and its public
// file lie.
func (past Past) copies(id string) (key, public string) {
	anchor, ok := past.anchor(id)
	if !ok {
		return "", ""
	}
	known := past.public(id)
	for _, f := range past.Files {
		switch {
		case strings.HasPrefix(f.Path, keys.Dir+"/"):
		case public == "" && f.Sum == anchor.Sum && len(f.Data) > 0 && sumOf(f.Data) == f.Sum:
			public = f.Path
		case key == "" && !f.Secret.Empty():
			k, err := keys.ParsePrivate(f.Secret.Reveal())
			if err != nil {
				continue
			}
			if known != nil && keys.Equal(known, k.Public()) || id == keys.ServiceAccount && isSum(k.Public(), anchor.Sum) {
				key = f.Path
			}
		}
	}
	return key, public
}

// isSum reports whether a checksum is that of a file with this public key.
func isSum(key crypto.PublicKey, sum string) bool {
	data, err := keys.PublicPEM(key)
	return err == nil && sumOf(data) == sum
}

// tokensByCA reports whether hosts got a key for tokens without one of its own
// having been made or given.
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
