package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

// A run that needs much memory has its usual collections after the first.
func TestCollectLess(t *testing.T) {
	t.Setenv("GOGC", "")
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	collectLess()
	if got := gcPercent(); got != 400 {
		t.Fatalf("%d%% at the start, not 400", got)
	}
	for gcPercent() != 200 { // the test's time limit ends it
		runtime.GC()
	}
	t.Setenv("GOGC", "50")
	collectLess()
	if got := gcPercent(); got != 200 {
		t.Fatalf("GOGC is set, and the program set %d%%", got)
	}
}

func gcPercent() uint64 {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
