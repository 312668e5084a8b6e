// Package keys holds key material as values that don't print themselves.
package keys

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[secret]"

// Secret is bytes that must not be seen: a private key, or a file with one.
// Every way of printing or encoding it gives "[secret]"; where fmt can't call its
// methods, in another struct's unexported field, it prints an address.
type Secret struct{ reveal func() []byte }

// NewSecret keeps b, which the caller no longer changes.
func NewSecret(b []byte) Secret {
	if len(b) == 0 {
		return Secret{}
	}
	return Secret{reveal: func() []byte { return b }}
}

// Reveal returns the bytes, for writing them to their file.
func (s Secret) Reveal() []byte {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}

// Empty reports whether there is nothing to hide.
func (s Secret) Empty() bool { return s.reveal == nil }

func (s Secret) String() string               { return redacted }
func (s Secret) GoString() string             { return redacted }
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue keeps it out of structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format covers every verb, %x and %d too.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }
