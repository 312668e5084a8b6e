package host

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// NoisyError is a login shell that prints text where a program's answers are expected.
type NoisyError struct {
	Noise string // its first line; "" if it can't be separated from the answers
	Err   error  // the resulting error
}

func (e *NoisyError) Error() string {
	if e.Noise == "" {
		return fmt.Sprintf("the login's shell prints text between the server's answers: %v", e.Err)
	}
	return fmt.Sprintf("the login's shell prints %q by itself: %v", e.Noise, e.Err)
}

// Unwrap returns the resulting error.
func (e *NoisyError) Unwrap() error { return e.Err }

// errGarbled is text in place of an SFTP packet: four letters are read as a huge length.
var errGarbled = errors.New("packet too long")

// garbled returns a NoisyError if a shell's output caused an error, else the error.
func garbled(noise string, err error) error {
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), errGarbled.Error()): // the library exports no such error
		return &NoisyError{noise, errGarbled}
	case noise != "":
		return &NoisyError{noise, err}
	}
	return err
}

// maxNoise is how much a login shell may print before the server's first packet, in bytes.
const maxNoise = 64 << 10

var errEndless = fmt.Errorf("the server's own answer isn't within the first %d KiB", maxNoise>>10)

// skipNoise reads up to and including the line mark, and not a byte more, since packets
// follow. It returns the first line before the mark.
func skipNoise(r io.Reader) (string, error) {
	end := []byte("\n" + mark + "\n")
	var all []byte
	one := make([]byte, 1)
	for len(all) < maxNoise {
		if _, err := io.ReadFull(r, one); err != nil {
			return firstLine(all), err
		}
		if all = append(all, one[0]); bytes.HasSuffix(all, end) {
			return firstLine(all[:len(all)-len(end)]), nil
		}
	}
	return firstLine(all), errEndless
}

// firstLine returns the first line of a text that isn't blank, at most 80 bytes.
func firstLine(text []byte) string {
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			return line[:min(len(line), 80)]
		}
	}
	return ""
}
