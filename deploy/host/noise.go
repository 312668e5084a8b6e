package host

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// NoisyError is a login whose shell prints where a program's answers are expected.
type NoisyError struct {
	Noise string // its first line; "" where it can't be told from the answers
	Err   error  // what came of it
}

func (e *NoisyError) Error() string {
	if e.Noise == "" {
		return fmt.Sprintf("what the login's shell prints by itself comes between the server's answers: %v", e.Err)
	}
	return fmt.Sprintf("the login's shell prints %q by itself: %v", e.Noise, e.Err)
}

// Unwrap returns what came of it.
func (e *NoisyError) Unwrap() error { return e.Err }

// errGarbled is an answer that is none: text is taken for the length of a packet, and
// four letters are a big number.
var errGarbled = errors.New("packet too long")

// garbled names the cause of an error where it is what a shell prints.
func garbled(noise string, err error) error {
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), errGarbled.Error()): // the library has no name for it
		return &NoisyError{noise, errGarbled}
	case noise != "":
		return &NoisyError{noise, err}
	}
	return err
}

// maxNoise is how much a login's shell may print before the server speaks: a message of
// the day and more.
const maxNoise = 64 << 10

var errEndless = fmt.Errorf("the server's own answer isn't within the first %d KiB", maxNoise>>10)

// skipNoise reads up to and with the line of mark, and not a byte more: packets follow.
// It returns the first line of what came before.
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

// firstLine is the first line of a text that says something, cut to what fits into a
// sentence.
func firstLine(text []byte) string {
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			return line[:min(len(line), 80)]
		}
	}
	return ""
}
