package show_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/kcmgen/kcmgen/deploy/show"
	"github.com/kcmgen/kcmgen/deploy/status"
)

var update = flag.Bool("update", false, "write testdata")

// written returns what a function writes about clusters.
func written(t *testing.T, write func(io.Writer, []*status.Cluster) error, all []*status.Cluster) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, all); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestGolden: what is written about the same clusters has the same bytes.
func TestGolden(t *testing.T) {
	for name, write := range map[string]func(io.Writer, []*status.Cluster) error{"page.html": show.HTML, "metrics.prom": show.Prometheus} {
		t.Run(name, func(t *testing.T) {
			got := written(t, write, clusters())
			for range 5 {
				if again := written(t, write, clusters()); again != got {
					t.Fatal("the second time it writes something else")
				}
			}
			file := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(want) != got {
				t.Errorf("%s is another; go test ./deploy/status/show -update shows the difference in git", file)
			}
		})
	}
}

// TestBrokenWriter: an error of the writer is returned.
func TestBrokenWriter(t *testing.T) {
	r, w := io.Pipe()
	if err := r.CloseWithError(io.ErrShortWrite); err != nil {
		t.Fatal(err)
	}
	for _, write := range []func(io.Writer, []*status.Cluster) error{show.HTML, show.Prometheus} {
		if err := write(w, clusters()); err == nil {
			t.Error("no error")
		}
	}
}

// hostile is added to each string: markup, quotes, control characters, a change of the
// direction of writing, and a byte that is no UTF-8.
const hostile = "</style><script>alert('x')</script>\"&\\ javascript:\x00\x1b[31m\u202e\u2028\xff\r\n"

// poison returns clusters with something added to each string in them that isn't kept.
func poison(all []*status.Cluster, keep ...reflect.Type) []*status.Cluster {
	for _, c := range all {
		poisonValue(reflect.ValueOf(c).Elem(), keep)
	}
	return all
}

func poisonValue(v reflect.Value, keep []reflect.Type) {
	for _, t := range keep {
		if v.Type() == t {
			return
		}
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + hostile)
	case reflect.Pointer:
		if !v.IsNil() {
			poisonValue(v.Elem(), keep)
		}
	case reflect.Slice:
		for i := range v.Len() {
			poisonValue(v.Index(i), keep)
		}
	case reflect.Map:
		poisoned := reflect.MakeMap(v.Type())
		for _, key := range v.MapKeys() {
			k := reflect.New(key.Type()).Elem()
			k.Set(key)
			poisonValue(k, keep)
			poisoned.SetMapIndex(k, v.MapIndex(key))
		}
		if !v.IsNil() {
			v.Set(poisoned)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				poisonValue(f, keep)
			}
		}
	}
}

// steering returns the first character that a text shouldn't have; 0 for none.
func steering(s string) rune {
	if !utf8.ValidString(s) {
		return utf8.RuneError
	}
	for _, r := range s {
		if r != '\n' && !unicode.IsPrint(r) {
			return r
		}
	}
	return 0
}
