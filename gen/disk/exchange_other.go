//go:build !linux && !darwin

package disk

import (
	"errors"
	"os"
)

// exchange is not to be had here: two renames take its place.
func exchange(*os.Root, string, string) error { return errors.ErrUnsupported }
