package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed _ranges/main.go
var rangesMain []byte

// ranges prints what the IPAM controller of a version makes of random ranges.
func ranges(ctx context.Context, v version, out io.Writer) error {
	cache, err := home(v)
	if err != nil {
		return err
	}
	m, err := open(ctx, v)
	if err != nil {
		return err
	}
	return m.inside(ctx, cache, func(work string) error {
		dir := filepath.Join(work, "ranges")
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "main.go"), rangesMain, 0o644); err != nil {
			return err
		}
		if err := m.compile(ctx, work, "./ranges"); err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, filepath.Join(work, "bin", program("ranges")))
		cmd.Stdout, cmd.Stderr = out, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("the ranges of %s: %w", v, err)
		}
		return nil
	})
}
