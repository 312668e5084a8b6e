package hostfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/kcmgen/kcmgen/internal/regular"
)

// hostRoot is a directory that has a host's files. Nothing outside of it is read: ".." at its
// top stays there and absolute links begin there, as on the host.
type hostRoot struct{ *os.Root }

// CheckRoot returns an error unless name is a directory that can be read.
func CheckRoot(name string) error {
	if name == "" {
		return nil
	}
	root, err := openRoot(name)
	if err != nil {
		return err
	}
	return root.Close()
}

func openRoot(name string) (*hostRoot, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("--root %s: %w; name a directory with a host's files below it, such as --root / on the host", name, cause(err))
	}
	return &hostRoot{root}, nil
}

var errLinks = errors.New("too many symbolic links")

// maxLinks is how many symbolic links Linux follows.
const maxLinks = 40

// resolve follows the links of a host's path, and returns the file's path in the root.
func (r *hostRoot) resolve(on string) (string, error) {
	left := strings.Split(on, "/")
	at := "." // has no links
	for links := 0; len(left) > 0; {
		part := left[0]
		left = left[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at) // "." of "."
			continue
		}
		next := path.Join(at, part)
		fi, err := r.Lstat(filepath.FromSlash(next))
		if err != nil {
			return "", err
		}
		if fi.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		to, err := r.Readlink(filepath.FromSlash(next))
		if links++; links > maxLinks {
			err = errLinks
		}
		if err != nil {
			return "", err
		}
		if filepath.IsAbs(to) {
			at = "."
		}
		left = append(strings.Split(filepath.ToSlash(to), "/"), left...)
	}
	return filepath.FromSlash(at), nil
}

// read returns the contents of a host's file, and its path in the root.
func (r *hostRoot) read(on string) (data []byte, found string, err error) {
	if found, err = r.resolve(on); err != nil {
		return nil, "", err
	}
	data, err = regular.ReadIn(r.Root, found, maxPublic)
	return data, found, err
}
