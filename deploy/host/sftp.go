package host

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"

	"github.com/kcmgen/kcmgen/gen/tree"
)

// SFTPServer is the command that serves SFTP as root. program is where sftp-server
// lies, "" to look in the places where distributions put it. What it makes has no
// bits for others, not even before its mode is set.
func SFTPServer(root bool, program string) string {
	places := "/usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server /usr/lib/ssh/sftp-server /usr/libexec/sftp-server /usr/lib/sftp-server"
	if program != "" {
		places = Quote(program)
	}
	return asRoot(root, `umask 077; for p in `+places+`; do [ -x "$p" ] && printf '\n`+mark+`\n' && exec "$p"; done; echo "no sftp-server here: looked for `+places+`" >&2; exit 127`)
}

// mark is the line after which the server speaks. What comes before it is what the
// login's shell printed on its own.
const mark = "#kcmgen sftp"

// Client speaks SFTP with a host.
type Client struct {
	client *sftp.Client
	server Process
	reader *timedReader
}

// OpenSFTP begins to speak SFTP with a server.
func OpenSFTP(ctx context.Context, server Process) (*Client, error) {
	reader := &timedReader{Reader: server.Stdout(), began: time.Now()}
	var c *sftp.Client
	var noise string
	err := reader.await(ctx, func() (err error) {
		if noise, err = skipNoise(reader); err != nil {
			return err
		}
		c, err = sftp.NewClientPipe(reader, server.Stdin(), sftp.UseConcurrentWrites(true), sftp.MaxConcurrentRequestsPerFile(64))
		return err
	})
	if err == nil {
		return &Client{c, server, reader}, nil
	}
	if silent := (*SilentError)(nil); errors.As(err, &silent) || ctx.Err() != nil {
		return nil, err
	}
	if err = garbled(noise, err); errors.Is(err, errEndless) || errors.Is(err, errGarbled) {
		return nil, err // and it goes on, where others have ended
	}
	if text := server.Stderr(); text != "" {
		return nil, errors.New(text)
	}
	return nil, err
}

// Await does something with the server, which knows of no contexts, and gives up when
// ctx ends or the server is silent. Close ends what goes on then.
func (c *Client) Await(ctx context.Context, do func() error) error {
	return garbled("", c.reader.await(ctx, do))
}

// timedReader is what a server says, and when it last said anything.
type timedReader struct {
	io.Reader
	began time.Time
	last  atomic.Int64 // since began
}

func (h *timedReader) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	h.last.Store(int64(time.Since(h.began)))
	return n, err
}

// await: each packet has its answer, so somebody who says nothing for as long as an
// answer may take has stopped, however long the whole takes.
func (h *timedReader) await(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	h.last.Store(int64(time.Since(h.began)))
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			if silent := time.Since(h.began) - time.Duration(h.last.Load()); silent >= answerLimit {
				return &SilentError{"sftp-server", silent}
			}
		}
	}
}

// Close ends it. The server goes first, and nothing waits for one that doesn't: over SSH
// its output ends when the last process has that holds it.
func (c *Client) Close() error {
	err := c.server.Close()
	done := make(chan error, 1)
	go func() { done <- c.client.Close() }()
	select {
	case cerr := <-done:
		return errors.Join(err, cerr)
	case <-time.After(time.Second):
		return err
	}
}

// FS is a directory of the host.
func (c *Client) FS(dir string) *FS {
	return &FS{client: c.client, dir: dir, inside: map[string]bool{".": true}}
}

// Staging is a directory of the host for what [Session.Seal] makes durable afterwards, all
// at once: four ways there and back less.
func (c *Client) Staging(dir string) tree.FS { return staging{c.FS(dir)} }

type staging struct{ *FS }

func (staging) SyncDir(string) error { return nil }

func (s staging) Create(name string, mode fs.FileMode) (tree.File, error) {
	f, err := s.create(name, mode)
	if err != nil {
		return nil, err
	}
	return stagedFile{f}, nil
}

type stagedFile struct{ *remoteFile }

func (stagedFile) Sync() error { return nil }

// FS is a directory of a host over SFTP.
type FS struct {
	client *sftp.Client
	dir    string
	mu     sync.Mutex
	inside map[string]bool // directories that are known to be real ones
}

// Parallel is how many files are worth being written at once: what takes time is the
// way there and back.
func (f *FS) Parallel() int { return 16 }

// Mkdir is tree.FS.
func (f *FS) Mkdir(name string, mode fs.FileMode) error {
	p := path.Join(f.dir, name)
	if err := f.within(path.Dir(name)); err != nil {
		return named("mkdir", p, err)
	}
	if err := f.client.Mkdir(p); err != nil {
		return named("mkdir", p, f.exists(p, err))
	}
	f.mu.Lock()
	f.inside[path.Clean(name)] = true
	f.mu.Unlock()
	return named("chmod", p, f.client.Chmod(p, mode))
}

// within returns an error unless a directory is below the FS's own without a symbolic
// link on the way. What this FS made needs no look.
func (f *FS) within(dir string) error {
	if !fs.ValidPath(dir) {
		return fs.ErrInvalid
	}
	f.mu.Lock()
	known := f.inside[dir]
	f.mu.Unlock()
	if known {
		return nil
	}
	if err := f.within(path.Dir(dir)); err != nil {
		return err
	}
	fi, err := f.client.Lstat(path.Join(f.dir, dir))
	if err == nil && !fi.IsDir() {
		err = errors.New("its directory is no directory")
	}
	return err
}

// exists says so where a server says no more than "failure".
func (f *FS) exists(p string, err error) error {
	if _, serr := f.client.Lstat(p); serr == nil {
		return fs.ErrExist
	}
	return err
}

// Create is tree.FS.
func (f *FS) Create(name string, mode fs.FileMode) (tree.File, error) {
	file, err := f.create(name, mode)
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (f *FS) create(name string, mode fs.FileMode) (*remoteFile, error) {
	p := path.Join(f.dir, name)
	if err := f.within(path.Dir(name)); err != nil {
		return nil, named("create", p, err)
	}
	file, err := f.client.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, named("create", p, f.exists(p, err))
	}
	if err := file.Chmod(mode); err != nil {
		_ = file.Close()
		return nil, named("chmod", p, err)
	}
	return &remoteFile{file, p}, nil
}

// SyncDir is tree.FS.
func (f *FS) SyncDir(name string) error {
	p := path.Join(f.dir, name)
	d, err := f.client.Open(p)
	if err != nil {
		return named("open", p, err)
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return named("fsync", p, err)
}

type remoteFile struct {
	*sftp.File
	path string
}

func (f *remoteFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, named("write", f.path, err)
}

// ReadFrom sends many packets at once: a program of 70 MB has thousands.
func (f *remoteFile) ReadFrom(r io.Reader) (int64, error) {
	n, err := f.ReadFromWithConcurrency(r, 64)
	return n, named("write", f.path, err)
}

func (f *remoteFile) Sync() error  { return named("fsync", f.path, f.File.Sync()) }
func (f *remoteFile) Close() error { return named("close", f.path, f.File.Close()) }

// named says at which file it happened. A server that says no more than "failure" is
// asked for the cause in other ways.
func named(op, p string, err error) error {
	if err == nil {
		return nil
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &fs.PathError{Op: op, Path: p, Err: err}
}
