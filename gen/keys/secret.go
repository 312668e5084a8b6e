// Package keys has types for key material that don't print secrets.
package keys

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[secret]"

// Secret is bytes that must not be shown: a private key, or a file with one. Printing
// and encoding it gives "[secret]". In an unexported field of another struct, where fmt
// can't call its methods, fmt prints an address.
type Secret struct{ reveal func() []byte }

// NewSecret returns a Secret of b, which the caller must not change.
func NewSecret(b []byte) Secret {
	if len(b) == 0 {
		return Secret{}
	}
	return Secret{reveal: func() []byte { return b }}
}

// Reveal returns the bytes, to write them to a file.
func (s Secret) Reveal() []byte {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}

// Empty reports whether there are no bytes.
func (s Secret) Empty() bool { return s.reveal == nil }

func (s Secret) String() string               { return redacted }
func (s Secret) GoString() string             { return redacted }
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue keeps it out of structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format covers every verb, %x and %d too.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }
