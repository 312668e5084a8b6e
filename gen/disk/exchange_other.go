//go:build !linux && !darwin

package disk

import (
	"errors"
	"os"
)

// exchange isn't supported on this system: callers use two renames.
func exchange(*os.Root, string, string) error { return errors.ErrUnsupported }
