package download

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

// TestDownloadSilence: a download ends if the server hangs, but not if it is slow; and
// cancelling ends it at once.
func TestDownloadSilence(t *testing.T) {
	hang := make(chan struct{})
	say := func(w http.ResponseWriter, pause time.Duration) {
		for range 8 {
			_, _ = io.WriteString(w, "01234567")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(pause)
		}
	}
	silence := 400 * time.Millisecond
	mux := http.NewServeMux()
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) { say(w, silence/4) })
	mux.HandleFunc("/hangs", func(w http.ResponseWriter, _ *http.Request) {
		say(w, 0)
		<-hang
	})
	mux.HandleFunc("/mute", func(http.ResponseWriter, *http.Request) { <-hang })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hang) })
	d := downloader{connect: time.Hour}
	get := func(ctx context.Context, path string) (int, error) {
		r, err := d.open(ctx, server.URL+path)
		if err != nil {
			return 0, err
		}
		data, err := io.ReadAll(r)
		return len(data), errors.Join(err, r.Close())
	}
	// On a busy machine a working server may be silent for longer.
	for ; ; silence *= 2 {
		d.silence = silence
		n, err := get(t.Context(), "/slow")
		if n == 64 && err == nil {
			if n, err = get(t.Context(), "/hangs"); err == nil || err.Error() != fmt.Sprintf("the server has been silent for %s", d.silence) {
				t.Errorf("a server that hangs: %d bytes, %v", n, err)
			}
			if n == 64 {
				break
			}
		}
		if silence > time.Minute {
			t.Fatalf("a slow server: %d bytes, %v", n, err)
		}
	}
	if _, err := get(t.Context(), "/mute"); err == nil || err.Error() != fmt.Sprintf("the server has been silent for %s", d.silence) {
		t.Errorf("a server that says nothing: %v", err)
	}
	d.silence = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := get(ctx, "/hangs"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended by its context: %v", err)
	}
}
