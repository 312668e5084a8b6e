package config

import (
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/kcmgen/kcmgen/internal/regular"
)

// openFile is an fs.File with its contents in memory.
type openFile struct {
	io.Reader
	name string
	size int64
}

// Stat is fs.File.Stat.
func (f *openFile) Stat() (fs.FileInfo, error) {
	return info{filepath.Base(f.name), f.size, 0o444}, nil
}

// Close is fs.File.Close.
func (f *openFile) Close() error { return nil }

// openDir is an fs.ReadDirFile.
type openDir struct {
	name    string
	entries func() ([]fs.DirEntry, error)
	read    bool
}

// Stat is fs.File.Stat.
func (d *openDir) Stat() (fs.FileInfo, error) {
	return info{filepath.Base(d.name), 0, fs.ModeDir | 0o555}, nil
}

// Read is fs.File.Read.
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: regular.ErrNotRegular}
}

// ReadDir is fs.ReadDirFile.ReadDir; it returns all entries at once.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if d.read && n > 0 {
		return nil, io.EOF
	}
	d.read = true
	return d.entries()
}

// Close is fs.File.Close.
func (d *openDir) Close() error { return nil }

// info is the fs.FileInfo of a file or a directory.
type info struct {
	name string
	size int64
	mode fs.FileMode
}

func (i info) Name() string      { return i.name }
func (i info) IsDir() bool       { return i.mode.IsDir() }
func (info) ModTime() time.Time  { return time.Time{} }
func (i info) Mode() fs.FileMode { return i.mode }
func (i info) Size() int64       { return i.size }
func (info) Sys() any            { return nil }
