// Kcmgen turns clusters written in CUE into the files of a highly available
// kube-controller-manager: certificates, kubeconfigs, systemd units or static
// pods, one directory for every host.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

func main() {
	if code, child := gen.Evaluator(os.Args[1:], os.Stdin, os.Stdout); child {
		os.Exit(code)
	}
	gen.CollectLess()
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it; otherwise a closed terminal acts as Ctrl-C
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	var held atomic.Bool
	context.AfterFunc(ctx, func() {
		stop() // a second signal ends it at once
		time.Sleep(gracePeriod)
		if held.Load() {
			return
		}
		fmt.Fprintln(os.Stderr, "kcmgen: ended by a signal")
		os.Exit(exitFailed)
	})
	os.Exit(run(ctx, os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr, held: &held}))
}

// gracePeriod is how long a run may take to end after a signal. An evaluation, or a
// question that waits for its answer, can't be cancelled; ending it does no harm to
// files.
const gracePeriod = time.Second

// stdio holds the streams of a run.
type stdio struct {
	in  io.Reader // answers
	out io.Writer // data
	err io.Writer // messages
	// held makes a signal wait for the end of the run, however long that takes,
	// because a host is between two generations. May be nil.
	held *atomic.Bool
	// noCache is --no-cache: clusters are evaluated again.
	noCache *bool
}

// hold makes signals wait for the end of the run from now on. A closed pipe doesn't
// end the run either: Ctrl-C ends a tee that reads from it first.
func (s stdio) hold() {
	if s.held != nil {
		s.held.Store(true)
		signal.Ignore(syscall.SIGPIPE)
	}
}

// interactive reports whether kcmgen can ask questions.
func (s stdio) interactive() bool { return terminal.Is(s.in) && terminal.Is(s.err) }

// asker asks questions on a terminal.
func (s stdio) asker() *terminal.Asker { return terminal.NewAsker(s.in, s.err) }
