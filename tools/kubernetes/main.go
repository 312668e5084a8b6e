// Kubernetes compiles programs of a Kubernetes version from its Go modules: the
// published ones, for tests on hosts, and a probe that prints what that version's
// kube-controller-manager knows (gen/flags/data).
//
//	go -C tools/kubernetes run . build v1.37.1 kube-controller-manager kubectl
//	go -C tools/kubernetes run . facts v1.38.0
//	go -C tools/kubernetes run . ranges v1.37.1 > gen/vet/testdata/ranges.txt
//
// The first program of a version takes minutes, and 3 GB of memory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

const usage = `usage: kubernetes build VERSION PROGRAM...
       kubernetes facts [-o DIR] VERSION
       kubernetes ranges VERSION

build makes programs of a Kubernetes version, such as kube-controller-manager,
unless your cache directory has them, and prints the directory they are in.
facts writes DIR/v1.NN.json: what that version's kube-controller-manager knows.
ranges prints what its IPAM controller makes of random ranges, for a test of gen/vet.
`

// errUsage is a wrong command line.
var errUsage = errors.New("wrong command line")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "kubernetes: %v\n%s", err, usage)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "kubernetes:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errUsage
	}
	flags := flag.NewFlagSet("kubernetes", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints errors
	dir := ""
	if args[0] == "facts" {
		flags.StringVar(&dir, "o", filepath.Join("..", "..", "gen", "flags", "data"), "the directory to write to")
	}
	names, err := positional(flags, args[1:])
	if err != nil {
		return err
	}
	v, err := parseVersion(names[0])
	if err != nil {
		return err
	}
	switch {
	case args[0] == "build" && len(names) > 1:
		bin, err := build(ctx, v, names[1:])
		if err != nil {
			return err
		}
		fmt.Println(bin)
		return nil
	case args[0] == "facts" && len(names) == 1:
		return facts(ctx, v, dir)
	case args[0] == "ranges" && len(names) == 1:
		return ranges(ctx, v, os.Stdout)
	}
	return errUsage
}

// positional returns the arguments that aren't flags, in any order.
func positional(flags *flag.FlagSet, args []string) ([]string, error) {
	var names []string
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return nil, fmt.Errorf("%w: %w", errUsage, err)
		}
		if args = flags.Args(); len(args) > 0 {
			names, args = append(names, args[0]), args[1:]
		}
	}
	if len(names) == 0 {
		return nil, errUsage
	}
	return names, nil
}
