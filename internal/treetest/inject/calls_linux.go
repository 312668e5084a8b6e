//go:build amd64 || arm64

package inject

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A callSpec says how to read the arguments of a system call. There is a
// letter in args for each of interest:
//
//	w  descriptor the call works on
//	d  descriptor of the directory the next path is relative to
//	p  path: the first is Call.Path, the second Call.To
//	t  text, for Call.To
//	f  flags
//	m  mode
//	h  struct open_how with flags and mode
//	.  anything else
type callSpec struct {
	name    string
	args    string
	changes bool // counts by default
}

// isOpen reports whether the call returns a new descriptor for a path.
func (s callSpec) isOpen() bool {
	return strings.HasPrefix(s.name, "open") || s.name == "creat"
}

// A filter decides which calls count.
type filter struct {
	names []string // of these names; none means the default set
	under string
}

func newFilter(names []string, under string) (filter, error) {
	for _, name := range names {
		if !slices.ContainsFunc(allSpecs(), func(s callSpec) bool { return s.name == name }) {
			return filter{}, fmt.Errorf("system call %q cannot be counted", name)
		}
	}
	if under != "" {
		if !filepath.IsAbs(under) {
			return filter{}, fmt.Errorf("path %q is not absolute", under)
		}
		under = filepath.Clean(under)
	}
	return filter{names, under}, nil
}

func allSpecs() []callSpec {
	var all []callSpec
	for _, s := range specs {
		all = append(all, s)
	}
	return all
}

// matches reports whether calls of this kind can count at all.
func (f filter) matches(s callSpec) bool {
	if len(f.names) == 0 {
		return s.changes
	}
	return slices.Contains(f.names, s.name)
}

// onlyIfWriting reports whether a call of this kind counts only with one of
// writeFlags.
func (f filter) onlyIfWriting(s callSpec) bool {
	return s.isOpen() && len(f.names) == 0
}

const writeFlags = unix.O_ACCMODE | unix.O_CREAT | unix.O_TRUNC

// counts reports whether this call counts, given that its kind can.
func (f filter) counts(s callSpec, c Call) bool {
	if f.onlyIfWriting(s) && c.Flags&writeFlags == 0 {
		return false
	}
	if strings.Contains(s.args, "w") && !strings.HasPrefix(c.Path, "/") {
		return false // a pipe, a socket, an eventfd, a bad descriptor, …
	}
	if pseudo(c.Path) {
		return false
	}
	if f.under == "" {
		return true
	}
	return within(f.under, c.Path) || strings.Count(s.args, "p") == 2 && within(f.under, c.To)
}

// pseudo reports whether the path is of a device or kernel file, or of a file
// that is in memory only.
func pseudo(path string) bool {
	return within("/dev", path) && !within("/dev/shm", path) ||
		within("/proc", path) || within("/sys", path) || strings.HasPrefix(path, "/memfd:")
}

func within(dir, path string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && (rest == "" || rest[0] == '/' || dir == "/")
}

// readCall reads a call's arguments from the stopped thread tid of process
// pid, which is at the entry of the call.
func readCall(s callSpec, pid, tid int, args [6]uint64) Call {
	c := Call{PID: pid, TID: tid, Name: s.name, FD: -1}
	dir, paths := int32(unix.AT_FDCWD), 0
	for i, letter := range s.args {
		arg := args[i]
		switch letter {
		case 'w':
			c.FD = int(int32(arg))
			c.Path = fdPath(pid, int32(arg))
		case 'd':
			dir = int32(arg)
		case 'p':
			path := absolute(pid, dir, readString(tid, arg))
			if paths == 0 {
				c.Path = path
			} else {
				c.To = path
			}
			paths, dir = paths+1, unix.AT_FDCWD
		case 't':
			c.To = readString(tid, arg)
		case 'f':
			c.Flags = int(int32(arg))
		case 'm':
			c.Mode = uint32(arg)
		case 'h':
			c.Flags, c.Mode = readOpenHow(tid, arg)
		}
	}
	if s.name == "creat" {
		c.Flags = unix.O_CREAT | unix.O_WRONLY | unix.O_TRUNC
	}
	if s.isOpen() && c.Flags&(unix.O_CREAT|unix.O_TMPFILE&^unix.O_DIRECTORY) == 0 {
		c.Mode = 0 // whatever was in the register
	}
	return c
}

// absolute makes a path argument absolute. An empty path, or none, stands for
// the descriptor itself.
func absolute(pid int, dir int32, path string) string {
	if strings.HasPrefix(path, "/") {
		return filepath.Clean(path)
	}
	if dir == unix.AT_FDCWD {
		return filepath.Join(procLink(pid, "cwd"), path)
	}
	return filepath.Join(fdPath(pid, dir), path)
}

// fdPath returns where a descriptor of a process leads: the path of a file, or
// something like "pipe:[1234]", or "" for a bad descriptor.
func fdPath(pid int, fd int32) string {
	return procLink(pid, "fd/"+strconv.Itoa(int(fd)))
}

func procLink(pid int, name string) string {
	dest, _ := os.Readlink("/proc/" + strconv.Itoa(pid) + "/" + name)
	return dest
}

// readString reads a NUL-terminated string from the memory of a stopped
// thread; what cannot be read ends it.
func readString(tid int, addr uint64) string {
	const chunk = 64 // divides the page size
	var s []byte
	for addr != 0 && len(s) < unix.PathMax {
		buf := make([]byte, chunk-addr%chunk)
		n, err := unix.PtracePeekData(tid, uintptr(addr), buf)
		if end := slices.Index(buf[:n], 0); end >= 0 {
			return string(append(s, buf[:end]...))
		}
		s = append(s, buf[:n]...)
		addr += uint64(n)
		if err != nil || n == 0 {
			break
		}
	}
	return string(s)
}

func readOpenHow(tid int, addr uint64) (flags int, mode uint32) {
	var how unix.OpenHow
	buf := unsafe.Slice((*byte)(unsafe.Pointer(&how)), unsafe.Sizeof(how))
	if _, err := unix.PtracePeekData(tid, uintptr(addr), buf); err != nil {
		return 0, 0
	}
	return int(how.Flags), uint32(how.Mode)
}
