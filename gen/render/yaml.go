package render

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode"

	"go.yaml.in/yaml/v2"
)

// encodeYAML writes a value as sigs.k8s.io/yaml does, with the same indentation
// and quotes, and gives the same value the same bytes.
//
// The encoder below it sorts keys by an order that has cycles ("10" < "1a" <
// "2b" < "10" behind a common prefix), so that the order of such a map hangs on
// the order in which Go happens to iterate over it. Here keys are put in order
// before they get there, as pairs that the encoder leaves alone. JSON is read as
// JSON, not as YAML: there, U+0085 in a string ends a line.
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

// ordered reads a value with the keys of all maps sorted. It inserts one after the
// other: where the order has no cycle, there is one result; where it has, the
// result hangs on the order before, which encoding/json made that of the bytes.
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

// number keeps integers whole that a float64 can't hold.
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

// keyLess is the order of keys of go.yaml.in/yaml/v2, for strings: kcmgen has
// always written them so, and in another order every host of every cluster would
// get a new generation.
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

// digits are the number that the digits from i on make, and where they end. Where
// one of the two texts has a 0 there, it counts as inside of a number if the
// digits before, which both have, hold another digit.
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
