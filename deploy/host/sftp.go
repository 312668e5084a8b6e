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

// SFTPServer returns the command that serves SFTP as root. program is the path of
// sftp-server, "" to try where distributions install it. New files have no permissions for
// others, not even before their mode is set.
func SFTPServer(root bool, program string) string {
	places := "/usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server /usr/lib/ssh/sftp-server /usr/libexec/sftp-server /usr/lib/sftp-server"
	if program != "" {
		places = Quote(program)
	}
	return asRoot(root, `umask 077; for p in `+places+`; do [ -x "$p" ] && printf '\n`+mark+`\n' && exec "$p"; done; echo "no sftp-server here: looked for `+places+`" >&2; exit 127`)
}

// mark is the line before the server's first packet. A login shell may print text before
// it.
const mark = "#kcmgen sftp"

// Client speaks SFTP with a host.
type Client struct {
	client *sftp.Client
	server Process
	reader *timedReader
}

// OpenSFTP opens a client of a server.
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
		return nil, err // the server still runs, so its standard error isn't complete
	}
	if text := server.Stderr(); text != "" {
		return nil, errors.New(text)
	}
	return nil, err
}

// Await calls do, which uses the client without a context, and gives up when ctx ends or
// the server is silent. Close then ends do.
func (c *Client) Await(ctx context.Context, do func() error) error {
	return garbled("", c.reader.await(ctx, do))
}

// timedReader is a server's output, with the time of the last read.
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

// await calls do, however long it takes, unless the server is silent for answerLimit: each
// packet has an answer.
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

// Close ends the server, then the client. It doesn't wait for the end of the output, which
// over SSH comes only when the last process that holds it has ended.
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

// FS returns a directory of the host.
func (c *Client) FS(dir string) *FS {
	return &FS{client: c.client, dir: dir, inside: map[string]bool{".": true}}
}

// Staging returns a directory of the host whose files aren't synced: [Session.Seal] does
// that for all of them, which saves four round trips.
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
	inside map[string]bool // directories known not to be links
}

// Parallel returns how many files to write at once: round trips take most of the time.
func (f *FS) Parallel() int { return 16 }

// Mkdir implements tree.FS.
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

// within returns an error unless a directory is below the FS's own directory without a
// symbolic link on the way. Directories made by this FS aren't checked.
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
		err = errors.New("its parent isn't a directory")
	}
	return err
}

// exists returns fs.ErrExist if that is why a server said only "failure".
func (f *FS) exists(p string, err error) error {
	if _, serr := f.client.Lstat(p); serr == nil {
		return fs.ErrExist
	}
	return err
}

// Create implements tree.FS.
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

// SyncDir implements tree.FS.
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

// ReadFrom sends many packets at once: a program of 70 MB takes thousands.
func (f *remoteFile) ReadFrom(r io.Reader) (int64, error) {
	n, err := f.ReadFromWithConcurrency(r, 64)
	return n, named("write", f.path, err)
}

func (f *remoteFile) Sync() error  { return named("fsync", f.path, f.File.Sync()) }
func (f *remoteFile) Close() error { return named("close", f.path, f.File.Close()) }

// named adds the operation and the path to an error.
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
