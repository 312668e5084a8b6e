package render

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode"

	"go.yaml.in/yaml/v2"
)

// encodeYAML encodes a value as sigs.k8s.io/yaml does, with the same indentation and
// quotes, but always the same bytes for the same value.
//
// The underlying encoder sorts keys by an order with cycles ("10" < "1a" < "2b" < "10"
// after a common prefix), so its result depends on Go's random iteration over the map.
// encodeYAML sorts the keys first, into pairs that the encoder keeps in order. It parses
// JSON as JSON, not as YAML, where U+0085 in a string ends a line.
func encodeYAML(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	pairs, err := ordered(dec)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(pairs)
}

// ordered decodes a value with the keys of all maps sorted, by insertion. Where the order
// has a cycle, the result depends on the order of the input, which encoding/json sorted
// by bytes.
func ordered(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Number:
		return number(token), nil
	case json.Delim:
		if token == '[' {
			return list(dec)
		}
		return pairs(dec)
	}
	return token, nil
}

func list(dec *json.Decoder) (any, error) {
	out := []any{}
	for dec.More() {
		v, err := ordered(dec)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := dec.Token()
	return out, err
}

func pairs(dec *json.Decoder) (any, error) {
	out := yaml.MapSlice{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := ordered(dec)
		if err != nil {
			return nil, err
		}
		at := len(out)
		for at > 0 && keyLess(key.(string), out[at-1].Key.(string)) {
			at--
		}
		out = slices.Insert(out, at, yaml.MapItem{Key: key, Value: v})
	}
	_, err := dec.Token()
	return out, err
}

// number keeps integers that a float64 can't represent.
func number(n json.Number) any {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(n.String(), 10, 64); err == nil {
		return u
	}
	f, _ := n.Float64() // JSON's numbers are floats
	return f
}

// keyLess is the order of string keys in go.yaml.in/yaml/v2. It must not change: with
// another order, every host of every cluster would get a new generation.
func keyLess(a, b string) bool {
	ar, br := []rune(a), []rune(b)
	i := 0
	for i < len(ar) && i < len(br) && ar[i] == br[i] {
		i++
	}
	if i == len(ar) || i == len(br) {
		return len(ar) < len(br)
	}
	al, bl := unicode.IsLetter(ar[i]), unicode.IsLetter(br[i])
	switch {
	case al && bl:
		return ar[i] < br[i]
	case al || bl:
		return bl
	}
	an, ai := digits(ar, br[i], i)
	bn, bi := digits(br, ar[i], i)
	switch {
	case an != bn:
		return an < bn
	case ai != bi:
		return ai < bi
	}
	return ar[i] < br[i]
}

// digits parses the number at i, and returns it with its end. If either text has a 0 at
// i, and one of the digits just before isn't 0, it puts a 1 before the number.
func digits(r []rune, other rune, i int) (n int64, end int) {
	if r[i] == '0' || other == '0' {
		for j := i - 1; j >= 0 && unicode.IsDigit(r[j]); j-- {
			if r[j] != '0' {
				n = 1
				break
			}
		}
	}
	for end = i; end < len(r) && unicode.IsDigit(r[end]); end++ {
		n = n*10 + int64(r[end]-'0')
	}
	return n, end
}
