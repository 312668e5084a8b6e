package gen

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/internal/child"
)

// Evaluator reports whether a program that was started with these arguments is a child of
// another kcmgen, for evaluations that may take much. It serves as one then, over in and out,
// and returns its exit code. A program that calls it first has such children itself.
func Evaluator(args []string, in io.Reader, out io.Writer) (code int, is bool) {
	if !child.Is(args) {
		return 0, false
	}
	return child.Serve(in, out, func(payload []byte) (func([]byte) []byte, error) {
		if string(payload) == forFormat {
			return formatAnswer, nil
		}
		return config.Answers(payload, ownRules)
	}), true
}

// collectFrom is how many bytes of memory are used before Go collects garbage more often. The
// limit of the whole process is 960 MiB.
const collectFrom = 600 << 20

// CollectLess sets how much memory Go uses before it collects garbage. Runs are short: most
// end before the first collection, which begins at 16 MB. From then on half as many as Go's
// default save a quarter of the CPU time, and memory stays far below 300 MB at 1,000 nodes
// and at 300 clusters. Fewer still gain nothing.
func CollectLess() {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(400)
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(collectFrom)
	}
	runtime.AddCleanup(new([16]byte), func(int) { debug.SetGCPercent(200) }, 0)
}

// limitHint is advice on a LimitError.
const limitHint = "evaluate fewer clusters at once, or allow more: " + config.TimeVariable + "=60s, " + config.MemoryVariable + "=4GiB"

// Limits returns the limits of an evaluation: the defaults, or those that the environment
// sets. It returns an OptionError for a value that makes no sense.
func Limits() (config.Limits, error) {
	l := config.DefaultLimits
	if text := os.Getenv(config.TimeVariable); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return l, badOption(fmt.Sprintf("%s=%q is no time, such as 8s or 1m", config.TimeVariable, text))
		}
		l.Time = d
	}
	if text := os.Getenv(config.MemoryVariable); text != "" {
		n, ok := bytesOf(text)
		if !ok || n < minMemory {
			return l, badOption(fmt.Sprintf("%s=%q is no amount of memory from 64MiB on, such as 768MiB or 2GiB", config.MemoryVariable, text))
		}
		l.Memory = n
	}
	return l, nil
}

// minMemory is what an evaluation of a small cluster needs, in bytes.
const minMemory = 64 << 20

// bytesOf reads an amount of memory.
func bytesOf(text string) (int64, bool) {
	for unit, size := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseInt(number, 10, 32)
			return n * size, err == nil && n > 0
		}
	}
	return 0, false
}
