package gen

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// Hint returns advice on an error of this package, such as the command to type next; "" if it
// has none.
func Hint(err error) string {
	if h := trustHint(err); h != "" {
		return h
	}
	var unknown *UnknownNameError
	var revision *RevisionError
	var missing *NotFetchedError
	var directory *NoDirError
	switch {
	case errors.As(err, &unknown):
		return unknown.Hint()
	case errors.As(err, &revision):
		return revision.Hint()
	case is[*LimitError](err):
		return limitHint
	case is[*NodesError](err):
		return "kubectl get nodes -o json | kcmgen vet --nodes -"
	case is[*NoModuleError](err):
		return "begin one: kcmgen init DIR"
	case errors.Is(err, ErrNoModule):
		return "go to a directory of a CUE module, or begin one: kcmgen init DIR"
	case is[*NothingShownError](err):
		return "leave --node or --flag out to see all"
	case errors.As(err, &directory):
		return directoryHint(directory)
	case errors.As(err, &missing):
		return "kcmgen fetch " + spec.ShellWord(missing.Dir)
	}
	return cmp.Or(outHint(err), reviewHint(err), programHint(err))
}

// is reports whether an error is of type T, or wraps one.
func is[T error](err error) bool {
	var t T
	return errors.As(err, &t)
}

// outHint returns advice on errors of the directory of the clusters' trees.
func outHint(err error) string {
	var lost *LostManifestError
	var modes *NoModesError
	switch {
	case is[*NotExportedError](err), is[*StaleError](err):
		return "kcmgen export first, with the same clusters and --out"
	case is[*NewerSchemaError](err):
		return "use the kcmgen that wrote it, or a newer one; kcmgen --version prints this one's"
	case errors.As(err, &lost):
		return "put manifest.json back from a backup; to start anew, move " + lost.Dir + " away"
	case errors.Is(err, ErrLocked):
		file, _, _ := strings.Cut(err.Error(), ": ")
		return "wait for it to end, or see who it is: fuser -v " + spec.ShellWord(file)
	case errors.Is(err, ErrInTheWay), errors.Is(err, ErrOthers):
		return "move it away, or have kcmgen remove it if it isn't a private key: kcmgen export --prune"
	case errors.Is(err, syscall.ENOSPC):
		return "make room, and run it again"
	case errors.As(err, &modes) && modes.System != "":
		return "run kcmgen export on Linux or macOS, or in WSL; kcmgen vet works here too"
	case errors.As(err, &modes):
		return "write to a disk of this machine's own, such as your home: kcmgen export -o DIR"
	case is[*NotWritableError](err):
		return "write to another directory: kcmgen export -o DIR"
	}
	return ""
}

// programHint returns advice on errors of programs and images.
func programHint(err error) string {
	var fetch *FetchError
	var program *ProgramError
	var proxy *ProxyError
	var source *NoSourceError
	switch {
	case errors.As(err, &source):
		return "say where to get it: binary: source: " + cmp.Or(source.Arch, "ARCH") + `: {url: "https://…", sha256: "…"}`
	case errors.As(err, &proxy):
		return "export " + proxy.Variable + "=http://HOST:PORT, or unset " + proxy.Variable
	case is[*BasedImageError](err):
		return "take image.base away; or kcmgen export, and buildah bud out/CLUSTER/image/ARCH"
	case is[*SumError](err):
		return "don't use it before you know why; Kubernetes publishes the checksum next to the program, at its URL with .sha256"
	case errors.As(err, &program):
		return "binary.source names programs by architecture: see that each URL, file and sha256 is its own"
	case is[*DynamicError](err):
		return "build it with CGO_ENABLED=0, or say an image.base that has the libraries, and build from the Containerfile"
	case errors.Is(err, ErrNoChecksum):
		return "give binary.source a sha256; Kubernetes publishes it next to the program, at its URL with .sha256"
	case errors.Is(err, context.Canceled):
		return ""
	case errors.As(err, &fetch) && !fetch.File:
		return `see whether the URL is right; without a network, name the program as a file: binary: source: ARCH: {file: "…", sha256: "…"}`
	}
	return ""
}

// directoryHint returns advice on an argument that names no cluster.
func directoryHint(e *NoDirError) string {
	var names []string
	for _, c := range OutlinesOf(nil) {
		if c.Name != "" {
			names = append(names, c.Name)
		}
	}
	const most = 10
	some := strings.Join(names[:min(len(names), most)], ", ")
	slices.Sort(names)
	if near := spec.Nearest(e.Name, names); e.IsName() && near != "" {
		return "did you mean " + near + "? The clusters here: " + some
	}
	if some != "" {
		some = ", or a cluster here (" + some + ")"
	}
	return "name the directory of a cluster's package" + some + "; without an argument all are taken"
}

// OutlinesOf returns the outlines of clusters in the CUE module around the working directory:
// of those that arguments name, or of all if they name none.
func OutlinesOf(args []string) []Outline {
	cwd, err := os.Getwd()
	if err != nil {
		return nil
	}
	all := Outlines(cwd, cwd)
	named := slices.DeleteFunc(slices.Clone(all), func(c Outline) bool {
		dir := func(arg string) bool { return strings.TrimPrefix(strings.TrimSuffix(arg, "/"), "./") == c.Dir }
		return !slices.Contains(args, c.Name) && !slices.ContainsFunc(args, dir)
	})
	if len(named) > 0 {
		return named
	}
	return all
}
