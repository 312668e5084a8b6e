package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestDownloadSilence: a server that hangs ends a download, one that is slow but
// alive doesn't, and a person who ends it is heard at once.
func TestDownloadSilence(t *testing.T) {
	hang := make(chan struct{})
	say := func(w http.ResponseWriter, pause time.Duration) {
		for range 8 {
			_, _ = io.WriteString(w, "01234567")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(pause)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) { say(w, 100*time.Millisecond) })
	mux.HandleFunc("/hangs", func(w http.ResponseWriter, _ *http.Request) {
		say(w, 0)
		<-hang
	})
	mux.HandleFunc("/mute", func(http.ResponseWriter, *http.Request) { <-hang })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hang) })
	d := downloader{connect: time.Second, silence: 400 * time.Millisecond}
	get := func(ctx context.Context, path string) (int, error) {
		r, err := d.open(ctx, server.URL+path)
		if err != nil {
			return 0, err
		}
		data, err := io.ReadAll(r)
		return len(data), errors.Join(err, r.Close())
	}
	if n, err := get(t.Context(), "/slow"); n != 64 || err != nil {
		t.Errorf("a slow server: %d bytes, %v", n, err)
	}
	if n, err := get(t.Context(), "/hangs"); n != 64 || err == nil || err.Error() != fmt.Sprintf("the server has been silent for %s", d.silence) {
		t.Errorf("a server that hangs: %d bytes, %v", n, err)
	}
	if _, err := get(t.Context(), "/mute"); err == nil || err.Error() != fmt.Sprintf("the server has been silent for %s", d.silence) {
		t.Errorf("a server that says nothing: %v", err)
	}
	d.silence = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := get(ctx, "/hangs"); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 10*time.Second {
		t.Errorf("ended by its context: %v after %s", err, time.Since(start))
	}
}
