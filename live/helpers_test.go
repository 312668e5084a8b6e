package live_test

import (
	"context"
	"encoding/base64"
	"io"
	"log"
	"net"
	"sync"
	"testing"

	"github.com/kcmgen/kcmgen/live"
)

func base64PEM(p []byte) string { return base64.StdEncoding.EncodeToString(p) }

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// via returns a Dial that always connects to one address.
func via(addr net.Addr) live.Dial {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr.String())
	}
}

// listen serves connections, each until its handler returns or the test ends.
func listen(t testing.TB, handle func(net.Conn)) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				stop := context.AfterFunc(t.Context(), func() { _ = c.Close() })
				defer stop()
				handle(c)
			})
		}
	})
	return l.Addr()
}
