package logs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/deploy/logs"
)

// FuzzParse: whatever a line is, what is said of it agrees: its time with its text, its
// explanation with its severity.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`E1130 14:28:12.592505  100129 run.go:72] "command failed" err="connection refused"`, `I0229 00:00:00.000000       1 x.go:1] successfully acquired lease`,
		`{"ts":1796048892592.505,"caller":"x/x.go:1","msg":"leaderelection lost","v":0}`, `{"ts":1e300,"err":"Unauthorized"}`, `{"ts":0.0001,"v":{},"v":1`,
		`W1231 23:59:59.999999 1 ???:1] new leader elected identity="a"`, "Error: unknown flag: --x", "", "{",
	} {
		f.Add(text, int64(1796048892))
	}
	f.Fuzz(func(t *testing.T, text string, seconds int64) {
		now := time.Unix(seconds&(1<<36-1), 0).UTC() // up to the year 4147
		l := logs.Parse(text, now)
		message := l.Message()
		switch {
		case l.Text != text || !strings.HasSuffix(text, message):
			t.Errorf("the text is %q, the message %q", l.Text, message)
		case l.Severity != 0 && !strings.ContainsRune("IWEF", rune(l.Severity)):
			t.Errorf("the severity is %q", l.Severity)
		case l.Severity == 0 && (!l.Time.IsZero() || message != text):
			t.Errorf("it is no line of klog, but has a time or a header: %s, %q", l.Time, message)
		case l.Severity == 'I' && logs.Explain(text) != nil:
			t.Errorf("it is no error, but %s", logs.Explain(text).ID)
		}
		if _, err := l.Time.MarshalJSON(); err != nil {
			t.Error(err)
		}
		if !strings.HasPrefix(text, "{") && !l.Time.IsZero() {
			if is := l.Time.Format("0102 15:04:05.000000"); !strings.HasPrefix(text[1:], is) {
				t.Errorf("its time is %s", is)
			}
			if off := l.Time.Sub(now).Abs(); off > 367*24*time.Hour {
				t.Errorf("its time is %s, now %s", l.Time, now)
			}
		}
		_ = l.Leads()
	})
}
