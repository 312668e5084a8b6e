package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/kcmgen/kcmgen/internal/regular"
)

// login is an attempt to log in, with the keys and what was noted about them.
type login struct {
	ctx      context.Context
	e        *endpoint
	deadline time.Time
	agent    net.Conn
	stop     func() bool // stops ctx from closing agent
	held     []*offer    // the agent's keys
	offers   []*offer
	offered  []string
	locked   []string
	notes    []string
	asked    bool
}

// offer is a key that can sign. It records that it was offered.
type offer struct {
	ssh.AlgorithmSigner
	origin string
	login  *login
}

// PublicKey records that the key is offered: the library calls it then.
func (o *offer) PublicKey() ssh.PublicKey {
	key := o.AlgorithmSigner.PublicKey()
	label := ssh.FingerprintSHA256(key) + " (" + o.origin + ")"
	if !slices.Contains(o.login.offered, label) {
		o.login.offered = append(o.login.offered, label)
	}
	return key
}

// Algorithms returns the signature algorithms, without RSA with SHA-1.
func (o *offer) Algorithms() []string {
	key := o.AlgorithmSigner.PublicKey()
	if cert, ok := key.(*ssh.Certificate); ok {
		key = cert.Key
	}
	if key.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{key.Type()}
}

// signers returns the keys in the order of their offers: configured ones, the agent's,
// ssh's defaults.
func (l *login) signers() ([]ssh.Signer, error) {
	l.asked = true
	l.openAgent()
	for _, id := range l.e.identities {
		if !id.fallback {
			l.addFile(id)
		}
	}
	if !l.e.identitiesOnly {
		for _, o := range l.held {
			l.add(o)
		}
	}
	for _, id := range l.e.identities {
		if id.fallback {
			l.addFile(id)
		}
	}
	var out []ssh.Signer
	for _, o := range l.offers {
		out = append(out, o)
	}
	return out, nil
}

func (l *login) close() {
	if l.agent != nil {
		l.stop()
		_ = l.agent.Close()
	}
}

func (l *login) note(format string, args ...any) {
	l.notes = append(l.notes, fmt.Sprintf(format, args...))
}

func (l *login) openAgent() {
	socket := l.e.agent
	if runtime.GOOS == "windows" && (socket == "" || strings.HasPrefix(socket, `\\`)) {
		l.note("the agent of Windows, a named pipe, isn't supported: give a key file")
		return
	}
	if socket == "" {
		return
	}
	// Listing keys takes no time, so a stuck agent leaves time for the key files. Signing
	// may wait for the user.
	soon := time.Now().Add(time.Until(l.deadline) / 3)
	ctx, cancel := context.WithDeadline(l.ctx, soon)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		l.note("ssh-agent: %v", err)
		return
	}
	l.agent = conn
	l.stop = context.AfterFunc(l.ctx, func() { _ = conn.Close() })
	err = conn.SetDeadline(soon)
	var held []ssh.Signer
	if err == nil {
		held, err = agent.NewClient(conn).Signers()
	}
	if err == nil {
		err = conn.SetDeadline(l.deadline)
	}
	if err != nil {
		l.note("ssh-agent: %v", err)
		return
	}
	for _, s := range held {
		if signer, ok := s.(ssh.AlgorithmSigner); ok {
			l.held = append(l.held, &offer{signer, "agent", l})
		}
	}
}

// add appends an offer, unless its key is offered already.
func (l *login) add(o *offer) {
	key := o.AlgorithmSigner.PublicKey()
	if !slices.ContainsFunc(l.offers, func(p *offer) bool { return equal(p.AlgorithmSigner.PublicKey(), key) }) {
		l.offers = append(l.offers, o)
	}
}

// addFile adds the key of a file, its certificates first. If the agent holds the key, the
// agent signs.
func (l *login) addFile(id identity) {
	signer, public, err := readKey(id.file)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil && !errors.As(err, &locked):
		l.note("%s: %v", id.file, err)
		return
	}
	origin := id.file
	if public != nil {
		for _, o := range l.held {
			if equal(o.AlgorithmSigner.PublicKey(), public) {
				signer, origin = o.AlgorithmSigner, id.file+", in the agent"
			}
		}
	}
	if signer == nil {
		if locked != nil {
			l.locked = append(l.locked, id.file)
		} else if id.required {
			l.note("%s is a public key, and the agent doesn't hold its private one", id.file)
		}
		return
	}
	for _, file := range append([]string{id.file + "-cert.pub"}, l.e.certificates...) {
		l.addCertificate(file, signer)
	}
	l.add(&offer{signer, origin, l})
}

func (l *login) addCertificate(file string, signer ssh.AlgorithmSigner) {
	data, err := readSmall(file)
	if err != nil {
		return // most keys have none
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(data)
	cert, ok := key.(*ssh.Certificate)
	if err != nil || !ok {
		l.note("%s is no certificate", file)
		return
	}
	if !equal(cert.Key, signer.PublicKey()) {
		return // another key's
	}
	with, err := ssh.NewCertSigner(cert, signer)
	if as, ok := with.(ssh.AlgorithmSigner); ok && err == nil {
		l.add(&offer{as, file, l})
	}
}

// checkIdentities returns an error if the key file that the cluster names can't be read: the
// login must not use another key. Files named by ssh_config may be missing, as with ssh. A
// locked key may be in the agent.
func (e *endpoint) checkIdentities() error {
	for _, id := range e.identities {
		if !id.required {
			continue
		}
		_, _, err := readKey(id.file)
		var locked *ssh.PassphraseMissingError
		if err == nil || errors.As(err, &locked) {
			continue
		}
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			err = path.Err // IdentityError has the name
		}
		return &IdentityError{id.file, err}
	}
	return nil
}

// readKey reads a private key, or a public one whose private key may be in the agent. For a
// locked key it returns the public key if it can be read.
func readKey(file string) (ssh.AlgorithmSigner, ssh.PublicKey, error) {
	data, err := readSmall(file)
	if err != nil {
		if public := readPublic(file + ".pub"); errors.Is(err, fs.ErrNotExist) && public != nil {
			return nil, public, nil
		}
		return nil, nil, err
	}
	signer, err := ssh.ParsePrivateKey(data)
	if err == nil {
		as, ok := signer.(ssh.AlgorithmSigner)
		if !ok {
			return nil, nil, fmt.Errorf("a key of type %s can't sign", signer.PublicKey().Type())
		}
		return as, signer.PublicKey(), nil
	}
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		if locked.PublicKey == nil {
			return nil, readPublic(file + ".pub"), err
		}
		return nil, locked.PublicKey, err
	}
	if public, _, _, _, err := ssh.ParseAuthorizedKey(data); err == nil {
		return nil, public, nil
	}
	return nil, nil, err
}

func readPublic(file string) ssh.PublicKey {
	data, err := readSmall(file)
	if err != nil {
		return nil
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err != nil {
		return nil
	}
	return key
}

// readSmall reads a regular file of at most 1 MiB.
func readSmall(file string) ([]byte, error) {
	data, err := regular.Read(file, 1<<20)
	if size := (*regular.SizeError)(nil); errors.Is(err, regular.ErrNotRegular) || errors.As(err, &size) {
		return nil, errors.New("a regular file of at most 1 MiB was expected")
	}
	return data, err
}
