// Package keys holds key material as values that don't print themselves.
package keys

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[secret]"

// Secret is bytes that must not be seen: a private key, or a file with one.
// Every way of printing or encoding it gives "[secret]".
type Secret struct{ b []byte }

// NewSecret keeps b, which the caller no longer changes.
func NewSecret(b []byte) Secret { return Secret{b: b} }

// Reveal returns the bytes, for writing them to their file.
func (s Secret) Reveal() []byte { return s.b }

// Empty reports whether there is nothing to hide.
func (s Secret) Empty() bool { return len(s.b) == 0 }

func (s Secret) String() string               { return redacted }
func (s Secret) GoString() string             { return redacted }
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue keeps it out of structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format covers every verb, %x and %d too.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }
