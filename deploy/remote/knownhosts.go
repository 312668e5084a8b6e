package remote

// This file reads known_hosts without a library. With
// github.com/skeema/knownhosts v1.3.3 (on golang.org/x/crypto/ssh/knownhosts v0.55.0),
// of the 49 cases of TestHostKeys:
//
//   - all 30 refusals are refused, but 8 for a wrong reason: it accepts only certificates
//     whose key has the authority's type, so a certificate of an ECDSA authority for an
//     Ed25519 host is never checked.
//   - If it accepts all types, one of the 30 isn't refused.
//   - 6 of 19 hosts that ssh trusts are refused: [127.0.*]:* and [127.0.0.?]:*, a name
//     without its port, certificates of an authority of another type (known and pinned),
//     and any host as soon as one line of the file can't be read.
//
// Its errors don't name the line that revokes a key or has another type.

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/kcmgen/kcmgen/internal/regular"
)

// hostLine is a line of known_hosts, or a pinned key.
type hostLine struct {
	KnownKey
	key     ssh.PublicKey
	revoked bool
	hosts   string // the first field
	plain   bool   // found under the name without its port
}

// trust is what is known about a host's keys.
type trust struct {
	name    string
	lines   []hostLine // of this host
	revoked []hostLine // of all hosts: a revoked key is never trusted
	pinned  bool
	files   []string
}

// maxKnownLen bounds the known_hosts files of a host, in bytes: half a million hosts.
const maxKnownLen = 64 << 20

// trustOf reads what is known about a host's keys.
func trustOf(e *endpoint) (*trust, error) {
	t := &trust{name: e.knownAs, pinned: len(e.pinned) > 0}
	var all []hostLine
	budget := regular.NewBudget(maxKnownLen, maxKnownLen)
	for _, file := range e.knownHosts {
		data, err := readSSHFile(budget, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		lines, err := parseKnown(file, string(data))
		if err != nil {
			return nil, err
		}
		all = append(all, lines...)
		t.files = append(t.files, file)
	}
	for i, text := range e.pinned {
		l, err := parsePinned(text)
		if err != nil {
			return nil, fmt.Errorf("host key %d of the cluster, %q: %w", i+1, text, err)
		}
		l.Line = i + 1
		if l.revoked {
			t.revoked = append(t.revoked, l)
		} else {
			t.lines = append(t.lines, l)
		}
	}
	t.selectLines(all, e)
	return t, nil
}

// selectLines selects the lines of the host. If none has its name with the port, lines with
// the name alone count, but only for the same key, as with ssh.
func (t *trust) selectLines(all []hostLine, e *endpoint) {
	for _, l := range all {
		switch {
		case l.revoked:
			t.revoked = append(t.revoked, l)
		case !t.pinned && l.matches(e.knownAs):
			t.lines = append(t.lines, l)
		}
	}
	if t.pinned || len(t.lines) > 0 || e.knownAs == e.plainName {
		return
	}
	for _, l := range all {
		if l.plain = true; !l.revoked && l.matches(e.plainName) {
			t.lines = append(t.lines, l)
		}
	}
}

// readSSHFile reads one of ssh's files within a budget. The null device counts as an empty
// file: ssh users name it to have none.
func readSSHFile(b *regular.Budget, name string) ([]byte, error) {
	data, err := b.Read(name)
	if errors.Is(err, regular.ErrNotRegular) && isNull(name) {
		return nil, nil
	}
	return data, err
}

func isNull(name string) bool {
	fi, err := os.Stat(name)
	null, nullErr := os.Stat(os.DevNull)
	return err == nil && nullErr == nil && os.SameFile(fi, null)
}

// parseKnown parses a known_hosts file. Like ssh, it skips lines that it can't parse, but a
// bad @revoked line is an error.
func parseKnown(file, text string) ([]hostLine, error) {
	var out []hostLine
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		line = strings.Trim(line, " \t\r")
		if line == "" || line[0] == '#' {
			continue
		}
		l, err := parseLine(line)
		if err != nil && strings.HasPrefix(line, "@revoked") {
			return nil, fmt.Errorf("%s:%d: a @revoked key can't be read: %w", file, n, err)
		}
		if err == nil {
			l.File, l.Line = file, n
			out = append(out, l)
		}
	}
	return out, nil
}

// parsePinned parses a line without its hosts.
func parsePinned(text string) (hostLine, error) {
	text = strings.Trim(text, " \t")
	if strings.ContainsAny(text, "\r\n") {
		return hostLine{}, errors.New("one line was expected")
	}
	marker, rest := "", text
	if strings.HasPrefix(text, "@") {
		marker, rest = cutField(text)
		marker += " "
	}
	return parseLine(marker + "* " + rest)
}

// parseLine parses "[@marker] hosts type key [comment]".
func parseLine(line string) (hostLine, error) {
	var l hostLine
	field, rest := cutField(line)
	switch field {
	case "@cert-authority":
		l.Authority = true
		field, rest = cutField(rest)
	case "@revoked":
		l.revoked = true
		field, rest = cutField(rest)
	}
	if strings.HasPrefix(field, "@") {
		return l, fmt.Errorf("marker %q: @cert-authority or @revoked was expected", field)
	}
	l.hosts = field
	kind, rest := cutField(rest)
	blob, _ := cutField(rest)
	if blob == "" {
		return l, errors.New("a type and a key were expected, such as ssh-ed25519 AAAA…")
	}
	data, err := base64.StdEncoding.DecodeString(blob)
	if err != nil {
		return l, fmt.Errorf("the key isn't base64: %w", err)
	}
	if l.key, err = ssh.ParsePublicKey(data); err != nil {
		return l, err
	}
	if l.key.Type() != kind {
		return l, fmt.Errorf("type %s is said, the key is of type %s", kind, l.key.Type())
	}
	if _, cert := l.key.(*ssh.Certificate); cert {
		return l, errors.New("a key was expected, not a certificate")
	}
	l.Type, l.Fingerprint = kind, ssh.FingerprintSHA256(l.key)
	return l, nil
}

func cutField(s string) (field, rest string) {
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeft(s[i:], " \t")
}

// matches reports whether the line is for a host, by a pattern or a hash.
func (l *hostLine) matches(name string) bool {
	rest, hashed := strings.CutPrefix(l.hosts, "|1|")
	if !hashed {
		return patternList(l.hosts, name)
	}
	salt64, hash64, ok := strings.Cut(rest, "|")
	salt, err1 := base64.StdEncoding.DecodeString(salt64)
	hash, err2 := base64.StdEncoding.DecodeString(hash64)
	if !ok || err1 != nil || err2 != nil {
		return false
	}
	mac := hmac.New(sha1.New, salt) // the file's format
	mac.Write([]byte(name))
	return hmac.Equal(mac.Sum(nil), hash)
}

// algorithms returns the host key algorithms to accept: those of the known keys, so that a
// server with several keys uses the known one. None uses SHA-1.
func (t *trust) algorithms() []string {
	var known, all []string
	all = slices.DeleteFunc(ssh.SupportedAlgorithms().HostKeys, func(name string) bool {
		return name == ssh.KeyAlgoRSA || name == ssh.CertAlgoRSAv01
	})
	loose := len(t.lines) == 0
	for _, l := range t.lines {
		loose = loose || l.plain
		for _, name := range all {
			if l.allows(name) && !slices.Contains(known, name) {
				known = append(known, name)
			}
		}
	}
	if !loose && len(known) > 0 {
		return known
	}
	for _, name := range all {
		// A certificate is useless without a known authority.
		if !isCertificate(name) && !slices.Contains(known, name) {
			known = append(known, name)
		}
	}
	return known
}

func (l *hostLine) allows(algorithm string) bool {
	if l.Authority { // it signs keys of every type
		return isCertificate(algorithm)
	}
	if l.Type == ssh.KeyAlgoRSA {
		return algorithm == ssh.KeyAlgoRSASHA256 || algorithm == ssh.KeyAlgoRSASHA512
	}
	return algorithm == l.Type
}

func isCertificate(algorithm string) bool {
	return strings.HasSuffix(algorithm, "-cert-v01@openssh.com")
}

// check returns an error unless a host's key is trusted.
func (t *trust) check(key ssh.PublicKey, e *endpoint) error {
	plain := key
	cert, isCert := key.(*ssh.Certificate)
	if isCert {
		plain = cert.Key
	}
	fault := &HostKeyError{
		Name: t.name, Type: plain.Type(), Fingerprint: ssh.FingerprintSHA256(plain),
		Pinned: t.pinned, Files: t.files,
	}
	for _, l := range t.revoked {
		if equal(l.key, plain) || isCert && equal(l.key, cert.SignatureKey) {
			fault.Fault, fault.Known = Revoked, []KnownKey{l.KnownKey}
			return fault
		}
	}
	for _, l := range t.lines {
		if isCert && l.Authority && equal(l.key, cert.SignatureKey) {
			if fault.Err = checkCertificate(cert, e.plainName); fault.Err == nil {
				return nil
			}
			fault.Fault, fault.Known = Certificate, []KnownKey{l.KnownKey}
			return fault
		}
	}
	same := false
	for _, l := range t.lines {
		if !l.Authority && equal(l.key, plain) {
			return nil
		}
		if l.plain {
			continue // of another port: not a changed key
		}
		same = same || !l.Authority && l.Type == plain.Type()
		fault.Known = append(fault.Known, l.KnownKey)
	}
	fault.Line = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(plain)))
	switch {
	case same:
		fault.Fault = Changed
	case len(fault.Known) > 0:
		fault.Fault, fault.Offers = OtherType, []string{plain.Type()}
	}
	return fault
}

// checkCertificate returns an error unless a certificate of a known authority is valid.
func checkCertificate(cert *ssh.Certificate, name string) error {
	if cert.CertType != ssh.HostCert {
		return errors.New("it isn't a host's")
	}
	if cert.Signature == nil || cert.Signature.Format == ssh.KeyAlgoRSA {
		return errors.New("its signature rests on SHA-1")
	}
	return (&ssh.CertChecker{}).CheckCert(name, cert)
}

func equal(a, b ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }
