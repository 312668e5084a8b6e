//go:build go1.21

package main

import (
	"fmt"
	"math"
	"regexp"
	"sort"
	"strconv"
	"time"

	cliflag "k8s.io/component-base/cli/flag"
)

// refusal returns why a value is refused, or nil.
func refusal(flag, value string) error {
	s, err := newSettings()
	if err != nil {
		return err
	}
	if err := s.flags.Set(flag, value); err != nil {
		return err
	}
	return s.validate()
}

// measure finds the values that a flag accepts, by trying.
func measure(d *Flag, usage string, words []string) error {
	switch d.Type {
	case "int", "int32": // no flag needs more
		return bounds(d, math.MinInt32, math.MaxInt32, 1)
	case "int64":
		return bounds(d, math.MinInt64/2, math.MaxInt64/2, 1)
	case "float32", "float64":
		const unit = 1000
		return bounds(d, -1e6*unit, 1e6*unit, unit)
	case "duration":
		return bounds(d, -int64(1000*time.Hour), int64(1000000*time.Hour), 0)
	case "string":
		d.Allowed = wordsTaken(d, usage, words)
	}
	// TLS flags are checked when the server starts; their words are Go's.
	switch d.Name {
	case "tls-cipher-suites":
		d.Allowed = cliflag.TLSCipherPossibleValues()
	case "tls-min-version":
		d.Allowed = append([]string{""}, cliflag.TLSPossibleVersions()...)
	}
	sort.Strings(d.Allowed)
	return nil
}

// bounds finds the least and the greatest number that is accepted, in 1/unit; unit 0
// means durations. All numbers between the default and a bound must be accepted.
func bounds(d *Flag, least, greatest, unit int64) error {
	text := func(n int64) string {
		switch unit {
		case 0:
			return time.Duration(n).String()
		case 1:
			return strconv.FormatInt(n, 10)
		}
		return strconv.FormatFloat(float64(n)/float64(unit), 'f', -1, 64)
	}
	taken := func(n int64) bool { return refusal(d.Name, text(n)) == nil }
	start, err := number(d, unit)
	if err != nil {
		return err
	}
	if err := refusal(d.Name, text(start)); err != nil {
		return fmt.Errorf("--%s refuses its default: %w", d.Name, err)
	}
	min, minGiven := bound(start, least, taken)
	max, maxGiven := bound(start, greatest, taken)
	switch {
	case unit == 0 && maxGiven:
		return fmt.Errorf("--%s is at most %s, and the data has no place for that", d.Name, text(max))
	case unit == 0 && minGiven:
		d.MinDuration = text(min)
	case unit != 0:
		d.Min, d.Max = given(min, unit, minGiven), given(max, unit, maxGiven)
	}
	return nil
}

func given(n, unit int64, ok bool) *float64 {
	if !ok {
		return nil
	}
	f := float64(n) / float64(unit)
	return &f
}

// number parses a flag's default.
func number(d *Flag, unit int64) (int64, error) {
	if unit == 0 {
		n, err := time.ParseDuration(d.Default)
		return int64(n), err
	}
	f, err := strconv.ParseFloat(d.Default, 64)
	return int64(math.Round(f * float64(unit))), err
}

var word = regexp.MustCompile(`[A-Za-z][A-Za-z0-9_-]*`)

// wordsTaken returns the values that a flag accepts, if it refuses nonsense. It tries the
// default, the words in its help and in its refusal, and the given words. The empty value
// counts only if it is the default: elsewhere it means "not given". It returns none for a
// flag that accepts no word, whose values have another form.
func wordsTaken(d *Flag, usage string, words []string) []string {
	const nonsense = "kcmgen-nonsense"
	why := refused(d.Name, nonsense)
	if why == nil {
		return nil
	}
	tried, taken, some := map[string]bool{nonsense: true}, []string{}, false
	words = append(words, d.Default)
	words = append(words, word.FindAllString(usage, -1)...)
	words = append(words, word.FindAllString(why.Error(), -1)...)
	for _, w := range words {
		if !tried[w] && (w != "" || d.Default == "") && refused(d.Name, w) == nil {
			taken = append(taken, w)
			some = some || w != ""
		}
		tried[w] = true
	}
	if !some {
		return nil
	}
	return taken
}

// refused is refusal that also validates the logging options.
func refused(flag, value string) error {
	if err := refusal(flag, value); err != nil {
		return err
	}
	s, err := newSettings()
	if err != nil {
		return err
	}
	if err := s.flags.Set(flag, value); err != nil {
		return err
	}
	return validateLogs(s)
}
