package child

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain makes the test binary a program with children.
func TestMain(m *testing.M) {
	if Is(os.Args[1:]) {
		os.Exit(Serve(os.Stdin, os.Stdout, func(payload []byte) (func([]byte) []byte, error) {
			return func(request []byte) []byte { return work(string(request), payload) }, nil
		}))
	}
	os.Exit(m.Run())
}

var sink [][]byte

// work does what a request says.
func work(request string, payload []byte) []byte {
	switch request {
	case "echo":
		return payload
	case "environment":
		return []byte(strings.Join(os.Environ(), "\n"))
	case "arguments":
		return []byte(strings.Join(os.Args[1:], " "))
	case "spin":
		for {
			sink = sink[:0]
		}
	case "sleep":
		time.Sleep(time.Hour)
	case "grow":
		for {
			sink = append(sink, bytes.Repeat([]byte{1}, 1<<20))
		}
	case "leap":
		return bytes.Repeat([]byte{1}, 3<<30)[:1]
	case "recursion":
		return recur(payload)
	case "panic":
		panic("secret")
	}
	return nil
}

func recur(p []byte) []byte {
	if len(p) > 1<<40 {
		return p
	}
	return append(recur(append(p, 1)[:1]), p...)
}

var limits = Limits{Time: 300 * time.Millisecond, Memory: 128 << 20}

func start(t *testing.T) *Child {
	t.Helper()
	c, err := Start(limits, 1, "hello")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestAsk: one child answers many requests. It gets no variable of the user's, and its only
// argument says nothing.
func TestAsk(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
	t.Setenv("CUE_EXPERIMENT", "")
	c := start(t)
	for request, check := range map[string]func(string) bool{
		"echo":        func(s string) bool { return s == `"hello"` },
		"environment": func(s string) bool { return !strings.Contains(s, "hunter2") && strings.Contains(s, "CUE_EXPERIMENT") },
		"arguments":   func(s string) bool { return s == argument },
	} {
		got, err := c.Ask(t.Context(), time.Minute, []byte(request))
		if err != nil || !check(string(got)) {
			t.Errorf("%s: %q, %v", request, got, err)
		}
	}
}

// TestEnds: a child that takes too much ends, and why is known.
func TestEnds(t *testing.T) {
	for request, want := range map[string]Cause{"spin": Time, "grow": Memory, "leap": Memory, "recursion": Stack, "panic": Failed} {
		c := start(t)
		begin := time.Now()
		limit := 20 * time.Second
		if want == Time {
			limit = 200 * time.Millisecond
		}
		got, err := c.Ask(t.Context(), limit, []byte(request))
		var ended *EndedError
		if !errors.As(err, &ended) || ended.Cause != want {
			t.Errorf("%s: %q, %v (%+v), %s", request, got, err, ended, c.said)
		}
		if took := time.Since(begin); took > 30*time.Second {
			t.Errorf("%s took %v", request, took)
		}
	}
}

// TestLate: a child that only waits is killed.
func TestLate(t *testing.T) {
	c := start(t)
	_, err := c.Ask(t.Context(), 200*time.Millisecond, []byte("sleep"))
	var ended *EndedError
	if !errors.As(err, &ended) || ended.Cause != Time || ended.Limits.Time != 200*time.Millisecond {
		t.Errorf("%v (%+v)", err, ended)
	}
}

// TestInterrupt: it ends at once, and no process is left.
func TestInterrupt(t *testing.T) {
	c := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	begin := time.Now()
	if _, err := c.Ask(ctx, time.Hour, []byte("sleep")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if took := time.Since(begin); took > 5*time.Second || c.cmd.ProcessState == nil {
		t.Errorf("%v, %v", took, c.cmd.ProcessState)
	}
}
