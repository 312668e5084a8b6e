//go:build unix

package main

import (
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
)

// serve DIR VAR starts a server on loopback for the rest of the script. $VAR is
// its address, $VAR_TLS the same over https, with a certificate that programs of
// the script trust. Below them:
//
//	/NAME          the file, and a line in $WORK/asked
//	/moved/NAME    a redirect to it
//	/plain/NAME    a redirect to it over http, presigned
//	/round         a redirect to itself
//	/busy/NAME     status 503
//	/cut/NAME      half of the file, though all of it was announced
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

// compiled are programs by architecture and text, for all scripts.
var compiled struct {
	sync.Mutex
	files map[string][]byte
}

// program ARCH FILE VAR writes a small static program for an architecture, which
// prints its name when it is run; $VAR is its SHA-256. Instead of ARCH, -dynamic is
// the shell of this machine.
func program(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: program ARCH FILE VAR")
	}
	var data []byte
	var err error
	if args[0] == "-dynamic" {
		data, err = os.ReadFile("/bin/sh")
	} else {
		data, err = compile(args[0], filepath.Base(args[1]))
	}
	ts.Check(err)
	file := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(filepath.Dir(file), 0o777))
	ts.Check(os.WriteFile(file, data, 0o777))
	sum := sha256.Sum256(data)
	ts.Setenv(args[2], hex.EncodeToString(sum[:]))
}

// compile makes a small static program for an architecture, which prints text.
func compile(arch, text string) ([]byte, error) {
	compiled.Lock()
	defer compiled.Unlock()
	key := arch + " " + text
	if data, ok := compiled.files[key]; ok {
		return data, nil
	}
	dir, err := os.MkdirTemp("", "kcmgen-program-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	err = errors.Join(os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module program\n"), 0o666),
		os.WriteFile(filepath.Join(dir, "main.go"), fmt.Appendf(nil, "package main\n\nfunc main() { println(%q) }\n", text), 0o666))
	if err != nil {
		return nil, err
	}
	// Not ts.Exec: the script's home has no build cache.
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", "program", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build for %s: %w\n%s", arch, err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "program"))
	if compiled.files == nil {
		compiled.files = map[string][]byte{}
	}
	compiled.files[key] = data
	return data, err
}

// expand FILE... puts variables of the script in the place of ${NAME} in files.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: expand FILE...")
	}
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o666))
	}
}

// hostArch names this machine for scripts that run what they made.
func hostArch(env *testscript.Env) {
	env.Setenv("HOSTARCH", runtime.GOARCH)
	env.Setenv("OTHERARCH", strings.NewReplacer("amd64", "arm64", "arm64", "amd64").Replace(runtime.GOARCH))
}
