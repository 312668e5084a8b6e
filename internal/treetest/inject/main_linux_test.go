//go:build amd64 || arm64

package inject_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/treetest/inject"
)

// programVar names, in the environment, the program that the test binary is to
// be instead of running tests.
const programVar = "INJECT_TEST_PROGRAM"

func TestMain(m *testing.M) {
	inject.Main()
	if name := os.Getenv(programVar); name != "" {
		syscall.Umask(0o022)
		if err := programs[name](os.Args[1]); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program is one of the programs below, working in a directory and counted
// there.
func program(t testing.TB, name, dir string) inject.Program {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return inject.Program{
		Args:  []string{exe, dir},
		Env:   append(os.Environ(), programVar+"="+name, "GOMAXPROCS=4", "GORACE=atexit_sleep_ms=0"),
		Under: dir,
	}
}

// tempDir is t.TempDir without symbolic links.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var programs = map[string]func(dir string) error{
	"steps":   steps,
	"torn":    torn,
	"atomic":  atomic,
	"threads": threads,
	"shell":   shell,
	"busy":    busy,
	"paths":   paths,
	"hang": func(dir string) error {
		if err := os.WriteFile(dir+"/pid", []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
			return err
		}
		time.Sleep(time.Hour)
		return nil
	},
	"blocked": func(dir string) error {
		if err := syscall.Mkfifo(dir+"/fifo", 0o600); err != nil {
			return err
		}
		go func() { _, _ = os.OpenFile(dir+"/fifo", os.O_WRONLY, 0) }() // for ever
		time.Sleep(time.Second)
		return os.Mkdir(dir+"/d", 0o755)
	},
	"output": func(string) error {
		_, err := os.Stdout.Write(bytes.Repeat([]byte("0123456789abcdef"), 1<<17))
		return err
	},
}

// steps makes a fixed sequence of calls.
func steps(dir string) error {
	for _, step := range []func() error{
		func() error { return os.Mkdir(dir+"/d", 0o750) },
		func() error { return os.WriteFile(dir+"/d/key", []byte("secret"), 0o600) },
		func() error { return os.WriteFile(dir+"/b", []byte("bb"), 0o644) },
		func() error { return os.Rename(dir+"/b", dir+"/c") },
		func() error { return os.Symlink("c", dir+"/l") },
		func() error { return os.Chmod(dir+"/c", 0o640) },
		func() error { return os.Remove(dir + "/d/key") },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// stepEffects is what steps has left in its directory, as listing shows it,
// after each number of its calls, from none on.
var stepEffects = []string{
	"",
	"d/ 0750",
	"d/ 0750, d/key 0600",
	"d/ 0750, d/key 0600 secret",
	"b 0644, d/ 0750, d/key 0600 secret",
	"b 0644 bb, d/ 0750, d/key 0600 secret",
	"c 0644 bb, d/ 0750, d/key 0600 secret",
	"c 0644 bb, d/ 0750, d/key 0600 secret, l -> c",
	"c 0640 bb, d/ 0750, d/key 0600 secret, l -> c",
	"c 0640 bb, d/ 0750, l -> c",
}

// listing describes all that is in a directory.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		line, _ := filepath.Rel(dir, path)
		mode := fmt.Sprintf(" %#o", info.Mode().Perm())
		switch {
		case e.IsDir():
			line += "/" + mode
		case e.Type() == fs.ModeSymlink:
			text, _ := os.Readlink(path)
			line += " -> " + text
		default:
			data, _ := os.ReadFile(path)
			line = strings.TrimSpace(line + mode + " " + string(data))
		}
		all = append(all, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, ", ")
}

// torn replaces two files that belong together in place.
func torn(dir string) error {
	if err := os.WriteFile(dir+"/1", []byte("new"), 0o644); err != nil {
		return err
	}
	return os.WriteFile(dir+"/2", []byte("new"), 0o644)
}

// atomic replaces two files that belong together by replacing the link to
// their directory.
func atomic(dir string) error {
	if err := os.Mkdir(dir+"/v2", 0o755); err != nil {
		return err
	}
	if err := torn(dir + "/v2"); err != nil {
		return err
	}
	if err := os.Symlink("v2", dir+"/tmp"); err != nil {
		return err
	}
	return os.Rename(dir+"/tmp", dir+"/now")
}

// paths makes calls with paths relative to descriptors and to the working
// directory, and calls on descriptors.
func paths(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	if err := root.Mkdir("d", 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile("d/f", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, writeErr := f.WriteAt([]byte("x"), 3)
	return errors.Join(writeErr, f.Chmod(0o400), f.Truncate(2), f.Sync(), root.Rename("d/f", "g"),
		os.Chdir(dir), os.Link("g", "d/../h"), os.WriteFile(os.DevNull, []byte("x"), 0))
}

// Each of threadCount goroutines, on a thread of its own, writes a file of
// threadWrites bytes one by one.
const threadCount, threadWrites = 4, 50

func threads(dir string) error {
	var wg sync.WaitGroup
	errs := make([]error, threadCount)
	for i := range errs {
		wg.Go(func() {
			runtime.LockOSThread()
			f, err := os.Create(fmt.Sprint(dir, "/", i))
			for j := 0; j < threadWrites && err == nil; j++ {
				_, err = f.Write([]byte("x"))
			}
			errs[i] = err
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// shell has another process write a file.
func shell(dir string) error {
	cmd := exec.Command("/bin/sh", "-c", "echo one >f && echo two >>f && echo done")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	fmt.Printf("%s", out)
	return err
}

// busy makes some 3000 system calls as a program that writes a tree does.
func busy(dir string) error {
	for i := range 500 {
		name := fmt.Sprint(dir, "/", i)
		if err := os.WriteFile(name+"~", []byte("some text\n"), 0o644); err != nil {
			return err
		}
		if err := os.Rename(name+"~", name); err != nil {
			return err
		}
	}
	return nil
}
