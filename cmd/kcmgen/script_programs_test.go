//go:build unix

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kcmgen/kcmgen/internal/binarytest"
)

// serve DIR VAR starts a server on loopback for the rest of the script. $VAR is its address,
// $VAR_TLS its https address, with a certificate that the script's programs trust. It has:
//
//	/NAME          the file, and a line in $WORK/asked
//	/moved/NAME    a redirect to it
//	/plain/NAME    a redirect to it over http, presigned
//	/round         a redirect to itself
//	/busy/NAME     status 503
//	/cut/NAME      half of the file, with the whole length announced
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: serve DIR VAR")
	}
	dir := ts.MkAbs(args[0])
	asked, err := os.OpenFile(ts.MkAbs("asked"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	ts.Check(err)
	mux := http.NewServeMux()
	plain, safe := httptest.NewServer(mux), httptest.NewUnstartedServer(mux)
	safe.Config.ErrorLog = log.New(io.Discard, "", 0) // scripts refuse its certificate
	safe.StartTLS()
	ts.Defer(func() {
		plain.Close()
		safe.Close()
		_ = asked.Close()
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(asked, r.URL.Path)
		http.ServeFile(w, r, filepath.Join(dir, filepath.FromSlash(r.URL.Path)))
	})
	mux.HandleFunc("/moved/{name}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/"+r.PathValue("name"), http.StatusFound)
	})
	mux.HandleFunc("/plain/{name}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL+"/"+r.PathValue("name")+"?sig=topsecret", http.StatusFound)
	})
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	mux.HandleFunc("/busy/{name}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.HandleFunc("/cut/{name}", func(w http.ResponseWriter, r *http.Request) {
		data, err := os.ReadFile(filepath.Join(dir, r.PathValue("name")))
		if err != nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data[:len(data)/2])
	})
	authority := ts.MkAbs(".authority.pem")
	ts.Check(os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: safe.Certificate().Raw}), 0o666))
	ts.Setenv("SSL_CERT_FILE", authority)
	ts.Setenv(args[1], plain.URL)
	ts.Setenv(args[1]+"_TLS", safe.URL)
}

// program ARCH FILE VAR writes a small static program for an architecture; $VAR is its
// SHA-256. For this machine's architecture it can be run, and prints its name. -dynamic
// instead of ARCH means this machine's shell.
func program(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: program ARCH FILE VAR")
	}
	var data []byte
	var err error
	if args[0] == "-dynamic" {
		data, err = os.ReadFile("/bin/sh")
	} else {
		data, err = saying(args[0], filepath.Base(args[1]))
	}
	ts.Check(err)
	file := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(filepath.Dir(file), 0o777))
	ts.Check(os.WriteFile(file, data, 0o777))
	sum := sha256.Sum256(data)
	ts.Setenv(args[2], hex.EncodeToString(sum[:]))
}

// blank stands for the name in the compiled program.
var blank = bytes.Repeat([]byte("?"), 32)

// compiled is a program for this machine that prints what replaces blank, without the zeros
// at the end. All scripts share it.
var compiled = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "kcmgen-program-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	const text = `package main

var name = "%s"

func main() {
	n := len(name)
	for name[n-1] == 0 {
		n--
	}
	println(name[:n])
}
`
	err = errors.Join(os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module program\n"), 0o666),
		os.WriteFile(filepath.Join(dir, "main.go"), fmt.Appendf(nil, text, blank), 0o666))
	if err != nil {
		return nil, err
	}
	// Not ts.Exec: the script's home has no build cache.
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", "program", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "program"))
})

// saying returns a program for an architecture; on this machine it prints a name.
func saying(arch, name string) ([]byte, error) {
	if arch != runtime.GOARCH {
		return binarytest.Program(arch, name)
	}
	data, err := compiled()
	if err != nil {
		return nil, err
	}
	if len(name) > len(blank) || bytes.Count(data, blank) != 1 {
		return nil, fmt.Errorf("the program has %q not exactly once", name)
	}
	return bytes.Replace(data, blank, append([]byte(name), make([]byte, len(blank)-len(name))...), 1), nil
}

// expand FILE... replaces ${NAME} in files with the script's variables.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: expand FILE...")
	}
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o666))
	}
}

// hostArch sets this machine's architecture for scripts.
func hostArch(env *testscript.Env) {
	env.Setenv("HOSTARCH", runtime.GOARCH)
	env.Setenv("OTHERARCH", strings.NewReplacer("amd64", "arm64", "arm64", "amd64").Replace(runtime.GOARCH))
}
