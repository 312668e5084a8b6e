//go:build !linux || (!amd64 && !arm64)

package inject

import (
	"context"
	"errors"
	"fmt"
)

// Supported reports whether runs work on this system.
const Supported = false

// Main does nothing on this system.
func Main() {}

func run(context.Context, Program, fault) (Result, error) {
	return Result{}, fmt.Errorf("inject: %w", errors.ErrUnsupported)
}

// SetHelper does nothing here.
func SetHelper(string) {}
