package gen

import (
	"errors"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/config"
)

// TestLimits: the environment sets limits, and a value that makes no sense is refused.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		time, memory string
		want         config.Limits
		ok           bool
	}{
		{"", "", config.DefaultLimits, true},
		{"1m", "2GiB", config.Limits{Time: time.Minute, Memory: 2 << 30}, true},
		{"500ms", "64MiB", config.Limits{Time: 500 * time.Millisecond, Memory: 64 << 20}, true},
		{"60", "", config.Limits{}, false},
		{"-1s", "", config.Limits{}, false},
		{"", "2GB", config.Limits{}, false},
		{"", "1KiB", config.Limits{}, false},
		{"", "9999999999999GiB", config.Limits{}, false},
	} {
		t.Setenv(config.TimeVariable, c.time)
		t.Setenv(config.MemoryVariable, c.memory)
		got, err := Limits()
		if option := (*OptionError)(nil); c.ok && (err != nil || got != c.want) || !c.ok && !errors.As(err, &option) {
			t.Errorf("%+v: %+v, %v", c, got, err)
		}
	}
}
