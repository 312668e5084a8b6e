package gen

import (
	"crypto/x509"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/kcmgen/kcmgen/gen/adopt"
	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// ReadPublic reads the public parts of the files that the first node's flags name: on its
// host, or below a directory of this machine, which has the host's files ("/" on the host
// itself; "" for none).
func ReadPublic(r *ReadFiles, root string) adopt.Public {
	out := adopt.Public{Certs: map[string]*x509.Certificate{}, Local: map[string]string{}}
	var read func(at string) []byte
	switch h := r.hosts[0]; {
	case h != nil && h.Public != nil:
		read = h.Public
	case root != "":
		read = func(at string) []byte {
			data, err := regular.Read(filepath.Join(root, at), maxPublic)
			if err != nil {
				return nil
			}
			return data
		}
	default:
		return out
	}
	for _, a := range r.Nodes[0].Read.Args {
		name, at, ok := strings.Cut(a.String(), "=")
		name = strings.TrimPrefix(name, "--")
		if _, isPath := spec.PathFlags[name]; !ok || !isPath || !path.IsAbs(at) {
			continue
		}
		takePublic(&out, name, at, hostPath(r.Nodes[0].Read, at), root, read)
	}
	return out
}

// maxPublic is the maximum size of a file with a key or a certificate, in bytes.
const maxPublic = 1 << 20

// takePublic takes what a file tells. at is its path as the flag has it, on as the host has.
func takePublic(out *adopt.Public, flag, at, on, root string, read func(string) []byte) {
	local := ""
	if root != "" {
		if p := filepath.Join(root, on); exists(p) {
			local = p
		}
	}
	switch {
	case strings.HasSuffix(flag, "kubeconfig"):
		if k, err := artefact.ParseKubeconfig(read(on)); err == nil && k.Server != "" {
			out.Server = k.Server
			if c, err := keys.ParseCertificate(k.Client); err == nil {
				out.Client = c
			}
		}
	case strings.HasSuffix(flag, "key-file"):
		if local == "" {
			return
		}
		out.Local[at] = local
		if key, err := keys.ParsePrivate(read(on)); err == nil && strings.Contains(flag, "service-account") {
			out.Tokens = adopt.KeyKind(key.Public())
		}
	default:
		c, err := keys.ParseCertificate(read(on))
		if err != nil {
			return
		}
		if out.Certs[at] = c; c.IsCA && local != "" {
			out.Local[at] = local
		}
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// hostPath returns the host's path of a file that a pod's process sees.
func hostPath(r *command.Result, at string) string {
	if r.Container == nil {
		return at
	}
	spec := r.Pod.Get("spec")
	if spec == nil {
		spec = r.Pod
	}
	from := map[string]string{}
	for _, v := range spec.Get("volumes").List() {
		from[v.Get("name").Str()] = v.Get("hostPath", "path").Str()
	}
	best, out := "", at
	for _, m := range r.Container.Get("volumeMounts").List() {
		to := path.Clean(m.Get("mountPath").Str())
		if host := from[m.Get("name").Str()]; host != "" && len(to) > len(best) && (at == to || strings.HasPrefix(at, strings.TrimSuffix(to, "/")+"/")) {
			best, out = to, path.Join(host, m.Get("subPath").Str(), strings.TrimPrefix(at, to))
		}
	}
	return out
}
