// Kcmgen turns clusters written in CUE into what runs a highly available
// kube-controller-manager: certificates, kubeconfigs, systemd units or static
// pods, one folder for every host.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends what doesn't hear of the first
	code := run(ctx, os.Args[1:], stdio{os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// stdio is where data and talk go.
type stdio struct {
	out io.Writer // data
	err io.Writer // talk
}
