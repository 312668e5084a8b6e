package terminal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Asker asks questions.
type Asker struct {
	in  *bufio.Scanner
	out io.Writer
}

// NewAsker returns an Asker that writes questions to out and reads answers, a line each,
// from in.
func NewAsker(in io.Reader, out io.Writer) *Asker { return &Asker{bufio.NewScanner(in), out} }

// Ask asks a question until check accepts the answer, up to ten times. An empty
// answer means fallback.
func (a *Asker) Ask(question, fallback string, check func(string) error) (string, error) {
	for range 10 {
		fmt.Fprintf(a.out, "%s [%s]: ", question, fallback)
		if !a.in.Scan() {
			return "", errors.Join(errors.New("no answer"), a.in.Err())
		}
		answer := strings.TrimSpace(a.in.Text())
		if answer == "" {
			answer = fallback
		}
		err := check(answer)
		if err == nil {
			return answer, nil
		}
		Say(a.out, "%v", err)
	}
	return "", errors.New("no valid answer in ten attempts")
}

// Confirm asks a question that is answered with yes or no; an empty answer means no.
func (a *Asker) Confirm(question string) (bool, error) {
	answer, err := a.Ask(question, "no", func(s string) error {
		if !slices.Contains([]string{"yes", "y", "no", "n"}, strings.ToLower(s)) {
			return errors.New("yes or no")
		}
		return nil
	})
	return err == nil && strings.HasPrefix(strings.ToLower(answer), "y"), err
}
