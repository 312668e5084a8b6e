//go:build amd64 || arm64

package main_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// asName is the name under which the test binary is one of the programs below. Its
// arguments are "--" and a command to run after changing what that inherits, or the name of
// a broken writer, a finished tree, and its target.
const asName = "kcmgen-faults-as"

// init comes before TestMain, which has no room for more programs.
func init() {
	if filepath.Base(os.Args[0]) != asName {
		return
	}
	if err := as(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, asName+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// linkSelf links the test binary as asName into a directory.
func linkSelf(t *testing.T, dir string) string {
	t.Helper()
	name := filepath.Join(dir, asName)
	self, err := os.Executable()
	if err == nil && os.Link(self, name) != nil {
		var data []byte
		if data, err = os.ReadFile(self); err == nil {
			err = os.WriteFile(name, data, 0o755)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func as(args []string) error {
	for i, a := range args {
		mask, isMask := strings.CutPrefix(a, "umask=")
		switch {
		case a == "--":
			return syscall.Exec(args[i+1], args[i+1:], os.Environ())
		case isMask:
			n, err := strconv.ParseUint(mask, 8, 32)
			if err != nil {
				return err
			}
			syscall.Umask(int(n))
		case a == "noexchange":
			runtime.LockOSThread()
			if err := forbidExchange(); err != nil {
				return err
			}
		default:
			return writers[a](args[i+1], args[i+2])
		}
	}
	return errors.New("nothing to do")
}

// forbidExchange makes renameat2 with RENAME_EXCHANGE fail as on a file system without it,
// for this thread and the program that it runs.
func forbidExchange() error {
	const (
		load   = syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS
		equal  = syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K
		ret    = syscall.BPF_RET | syscall.BPF_K
		flags  = 16 + 8*4 // the fifth argument in struct seccomp_data
		errno  = 0x00050000
		allow  = 0x7fff0000
		setNNP = 38
		filter = 2
	)
	code := []syscall.SockFilter{
		{Code: load, K: 0},
		{Code: equal, Jf: 3, K: renameat2},
		{Code: load, K: flags},
		{Code: equal, Jf: 1, K: 2},
		{Code: ret, K: errno | uint32(syscall.EINVAL)},
		{Code: ret, K: allow},
	}
	prog := syscall.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	if _, _, e := syscall.Syscall6(syscall.SYS_PRCTL, setNNP, 1, 0, 0, 0, 0); e != 0 {
		return e
	}
	_, _, e := syscall.Syscall(syscall.SYS_PRCTL, syscall.PR_SET_SECCOMP, filter, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(code)
	if e != 0 {
		return e
	}
	return nil
}

// renameat2 is the number of the system call, which package syscall lacks.
var renameat2 = map[string]uint32{"amd64": 316, "arm64": 276}[runtime.GOARCH]

// writers put a finished tree in its place, each wrongly in its own way.
var writers = map[string]func(from, to string) error{
	"in place":   writeInPlace,
	"deaf":       writeDeaf,
	"late chmod": writeLateChmod,
}

// writeInPlace overwrites the existing files one by one, and then removes the others.
func writeInPlace(from, to string) error {
	err := eachFile(from, to, func(data []byte, dst string, mode fs.FileMode) error {
		return errors.Join(os.WriteFile(dst, data, mode), os.Chmod(dst, mode))
	})
	if err != nil {
		return err
	}
	return filepath.WalkDir(to, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(to, p)
		if _, err := os.Lstat(filepath.Join(from, rel)); err == nil {
			return nil
		}
		err = os.RemoveAll(p)
		if err == nil && e.IsDir() {
			err = fs.SkipDir
		}
		return err
	})
}

// writeDeaf stages correctly, but ignores a full disk.
func writeDeaf(from, to string) error {
	next, previous := to+".new", to+".old"
	_ = eachFile(from, next, func(data []byte, dst string, mode fs.FileMode) error {
		f, err := os.OpenFile(dst, os.O_CREATE|os.O_WRONLY, mode)
		if err == nil {
			_, _ = f.Write(data)
			_, _ = f.Sync(), f.Close()
		}
		return nil
	})
	_ = os.Rename(to, previous)
	_ = os.Rename(next, to)
	_ = os.RemoveAll(previous)
	return nil
}

// writeLateChmod restricts the mode of keys only after writing them.
func writeLateChmod(from, to string) error {
	return eachFile(from, to, func(data []byte, dst string, mode fs.FileMode) error {
		return errors.Join(os.WriteFile(dst, data, 0o644), os.Chmod(dst, mode))
	})
}

// eachFile makes the directories of a tree elsewhere and calls write for its files.
func eachFile(from, to string, write func(data []byte, dst string, mode fs.FileMode) error) error {
	return filepath.WalkDir(from, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), fi.Mode().Perm())
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		data, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		return write(data, filepath.Join(to, rel), fi.Mode().Perm())
	})
}
