package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/repository"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/upgrade"
)

// is reports whether an error is of type T, or wraps one.
func is[T error](err error) bool {
	var t T
	return errors.As(err, &t)
}

// hint returns advice on an error, such as the command to type next, or "".
func hint(err error) string {
	var newer *gen.NewerSchemaError
	var directory *gen.NoDirError
	var modes *gen.NoModesError
	var lost *gen.LostManifestError
	var missing *gen.NotFetchedError
	var skipped *upgrade.SkippedMinorsError
	if h := deploy.Hint(err); h != "" {
		return h
	}
	if h := gen.TrustHint(err); h != "" {
		return h
	}
	if h := repositoryHint(err); h != "" {
		return h
	}
	if h := nameHint(err); h != "" {
		return h
	}
	switch {
	case is[*gen.LimitError](err):
		return gen.LimitHint
	case is[*gen.NotExportedError](err):
		return "kcmgen export first, with the same clusters and --out"
	case errors.As(err, &newer):
		return "use the kcmgen that wrote it, or a newer one; kcmgen --version prints this one's"
	case errors.As(err, &lost):
		return "put manifest.json back from a backup; to start anew, move " + lost.Dir + " away"
	case errors.As(err, &skipped):
		return skipped.Next
	case errors.As(err, &missing):
		return "kcmgen fetch " + word(missing.Dir)
	case errors.Is(err, gen.ErrNoModule):
		return "go to a directory of a CUE module, or begin one: kcmgen init DIR"
	case errors.As(err, &directory):
		if near := nearestCluster(directory); near != "" {
			return fmt.Sprintf("did you mean %s?", near) + clustersAtHand(" The clusters here: %s")
		}
		return "name the directory of a cluster's package" + clustersAtHand(", or a cluster here (%s)") + "; without an argument all are taken"
	case errors.Is(err, gen.ErrLocked):
		return "wait for it to end, or see who it is: fuser -v " + word(lockFile(err))
	case errors.Is(err, gen.ErrInTheWay), errors.Is(err, gen.ErrOthers):
		return "move it away, or have kcmgen remove it if it isn't a private key: kcmgen export --prune"
	case errors.Is(err, syscall.ENOSPC):
		return "make room, and run it again"
	case errors.As(err, &modes) && modes.System != "":
		return "run kcmgen export on Linux or macOS, or in WSL; kcmgen vet works here too"
	case errors.As(err, &modes):
		return "write to a disk of this machine's own, such as your home: kcmgen export -o DIR"
	case is[*gen.NotWritableError](err):
		return "write to another directory: kcmgen export -o DIR"
	}
	return programHint(err)
}

// nameHint returns advice on names of flags and rules that there are none of.
func nameHint(err error) string {
	var flag *flags.UnknownError
	var name *gen.UnknownNameError
	var asked string
	var near []string
	switch {
	case errors.As(err, &flag):
		asked = flag.Name
		if n := spec.Nearest(asked, flags.Names()); n != "" {
			near = []string{"--" + n}
		}
	case errors.As(err, &name):
		asked, near = name.Name, name.Near
	default:
		return ""
	}
	if first, _ := flags.GateMinors(asked); first > 0 {
		return "it is a feature gate: kcmgen flags --feature-gates"
	}
	if first, _ := flags.ControllerMinors(asked); first > 0 {
		return "it is a controller: kcmgen flags --controllers"
	}
	if len(near) == 0 {
		return ""
	}
	return "did you mean " + strings.Join(near, ", ") + "?"
}

// programHint returns advice on errors of programs and images.
func programHint(err error) string {
	var fetch *gen.FetchError
	var program *gen.ProgramError
	var proxy *gen.ProxyError
	var source *gen.NoSourceError
	switch {
	case errors.As(err, &source):
		return "say where to get it: binary: source: " + cmp.Or(source.Arch, "ARCH") + `: {url: "https://…", sha256: "…"}`
	case errors.As(err, &proxy):
		return "export " + proxy.Variable + "=http://HOST:PORT, or unset " + proxy.Variable
	case is[*gen.StaleError](err):
		return "kcmgen export first, with the same clusters and --out"
	case is[*gen.BasedImageError](err):
		return "take image.base away; or kcmgen export, and buildah bud out/CLUSTER/image/ARCH"
	case is[*gen.SumError](err):
		return "don't use it before you know why; Kubernetes publishes the checksum next to the program, at its URL with .sha256"
	case errors.As(err, &program):
		return "binary.source names programs by architecture: see that each URL, file and sha256 is its own"
	case is[*gen.DynamicError](err):
		return "build it with CGO_ENABLED=0, or say an image.base that has the libraries, and build from the Containerfile"
	case errors.Is(err, gen.ErrNoChecksum):
		return "give binary.source a sha256; Kubernetes publishes it next to the program, at its URL with .sha256"
	case errors.Is(err, context.Canceled):
		return ""
	case errors.As(err, &fetch) && !fetch.File:
		return `see whether the URL is right; without a network, name the program as a file: binary: source: ARCH: {file: "…", sha256: "…"}`
	}
	return ""
}

// word quotes a text as one word for sh.
func word(s string) string { return spec.ShellWord(s) }

// repositoryHint returns advice on errors of a user's own repository.
func repositoryHint(err error) string {
	var module *gen.NoModuleError
	var edited *repository.EditedError
	var newer *repository.NewerCopyError
	var full *repository.NotEmptyError
	var name *repository.NameTakenError
	var taken *repository.ExistsError
	var gitRefused *repository.GitError
	switch {
	case errors.As(err, &module):
		return "begin one: kcmgen init DIR"
	case errors.As(err, &edited):
		return "constraints of your own go to " + repository.OwnDir + "; to lose what was edited: kcmgen schema vendor --force"
	case errors.As(err, &newer):
		return "go install github.com/kcmgen/kcmgen/cmd/kcmgen@" + newer.Theirs
	case errors.As(err, &full) && full.Module != "":
		return "name a new directory in this CUE module, such as " + word(filepath.Join(full.Module, "clusters", "NAME"))
	case errors.As(err, &name):
		return "give this one another: --name"
	case errors.As(err, &full):
		return "name a new directory, or one with nothing but .git in it"
	case errors.As(err, &taken) && filepath.Base(taken.Path) == "pre-commit":
		return "add to it: kcmgen schema vendor --check && kcmgen vet && kcmgen fmt --check"
	case errors.As(err, &taken):
		return "name another directory"
	case is[*gen.NothingShownError](err):
		return "leave --node or --flag out to see all"
	case errors.As(err, &gitRefused):
		return "the hook lies in a git repository: git init " + word(gitRefused.Dir)
	}
	return ""
}

// nearestCluster returns the name of a cluster that a misspelt name may mean, or "".
func nearestCluster(e *gen.NoDirError) string {
	if !e.IsName() {
		return ""
	}
	var names []string
	for _, c := range outlines(nil) {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return spec.Nearest(e.Name, names)
}

// clustersAtHand puts the names of up to 10 clusters of this module into format,
// which has one %s. It returns "" if there are none.
func clustersAtHand(format string) string {
	var names []string
	for _, c := range outlines(nil) {
		if c.Name != "" && len(names) < 10 {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf(format, strings.Join(names, ", "))
}

// lockFile returns the file name that the error begins with.
func lockFile(err error) string {
	name, _, _ := strings.Cut(err.Error(), ": ")
	return name
}
