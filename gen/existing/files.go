package existing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// readFiles reads files, and those of directories, and what a host gave.
func readFiles(set *text.Set, n NodeFiles, stdin io.Reader) ([]*command.Result, error) {
	var in []command.Input
	var errs []error
	if n.Host != nil {
		for _, f := range n.Host.Given {
			in = append(in, command.Input{Name: f.Path, Data: f.Data})
		}
	}
	for _, name := range n.Files {
		if name == "-" {
			data, err := io.ReadAll(io.LimitReader(stdin, command.MaxFile+1))
			errs = append(errs, err)
			in = append(in, command.Input{Name: name, Data: data})
			continue
		}
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			found, err := readDirectory(name)
			errs = append(errs, err)
			in = append(in, found...)
			continue
		}
		data, err := regular.Read(name, command.MaxFile)
		if err != nil {
			errs = append(errs, fileError(name, err))
			continue
		}
		in = append(in, command.Input{Name: name, Data: data})
	}
	if len(in) == 0 {
		return nil, errors.Join(errs...)
	}
	out, err := command.Read(set, in, command.Options{Known: flags.Exists})
	inDirectory := map[string]bool{}
	for _, i := range in {
		inDirectory[i.Name] = i.Found
	}
	noteBackups(out, inDirectory)
	return out, errors.Join(append(errs, err)...)
}

// maxFound and maxFoundBytes bound the files of a directory.
const (
	maxFound      = 5000
	maxFoundBytes = 64 << 20
)

// readDirectory returns the files of a directory that may say something about the program.
// Which can't be read are left out, and so are keys.
func readDirectory(dir string) ([]command.Input, error) {
	var out []command.Input
	size := 0
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // another user's directory
		case e.IsDir() && name != dir && strings.HasPrefix(e.Name(), "."):
			return filepath.SkipDir
		case e.IsDir() || !e.Type().IsRegular():
			return nil
		case len(out) >= maxFound:
			return fmt.Errorf("%s: more than %d files: give the directory with those of %s", dir, maxFound, command.Program)
		}
		data, err := regular.Read(name, command.MaxFile)
		if err != nil || !utf8.Valid(data) && bytes.IndexByte(data, 0) >= 0 {
			return nil //nolint:nilerr // another user's file, or a program
		}
		out = append(out, command.Input{Name: name, Data: data, Found: true})
		if size += len(data); size > maxFoundBytes {
			return fmt.Errorf("%s: more than %d MiB of text: give the directory with the files of %s", dir, maxFoundBytes>>20, command.Program)
		}
		return nil
	})
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("%s: the directory has no file that can be read", dir)
	}
	return out, err
}

// fileError is the error of a file that can't be read.
func fileError(name string, err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) && !errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: %w", name, pe.Err)
	}
	if errors.Is(err, regular.ErrNotRegular) {
		err = fmt.Errorf("%s: %w", name, errors.New("not a file"))
	}
	return err
}
