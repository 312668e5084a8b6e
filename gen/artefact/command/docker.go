package command

import (
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

var runtimes = lazy.Regexp(`^(docker|podman|nerdctl)$`)

func isRuntime(name string) bool { return runtimes().MatchString(name) }

// switches are options of docker run and podman run that have no value of their own; every
// other one has.
var switches = strings.Fields("detach disable-content-trust env-host http-proxy init interactive no-healthcheck no-hostname no-hosts oom-kill-disable privileged publish-all quiet read-only read-only-tmpfs replace rm rmi rootfs sig-proxy tls-verify tty use-api-socket unsetenv-all passwd help")

// docker reads docker run: its own options, the image, and the words of the container. ok is
// false if it doesn't run a container.
func (r *reader) docker(words []text.Text, env map[string]text.Text) (c Command, ok bool, err error) {
	at := slices.IndexFunc(words, func(w text.Text) bool { return w.String() == "run" || w.String() == "create" })
	if at < 0 {
		return Command{}, false, nil
	}
	inner := map[string]text.Text{}
	var name, entry text.Text
	i := at + 1
	for i < len(words) && strings.HasPrefix(words[i].String(), "-") {
		option, value, has := words[i].Cut("=")
		long, isLong := strings.CutPrefix(option.String(), "--")
		switch {
		case isLong && slices.Contains(switches, long), words[i].String() == "--", !isLong && strings.Trim(option.String(), "-ditqPh") == "":
			i++
			continue
		case isLong && has:
		case !isLong && option.Len() > 2 && strings.IndexByte("aceghlmpuvw", option.String()[1]) >= 0: // -eA=B
			value = words[i].From(2)
			long = option.String()[1:2]
		case i+1 < len(words):
			i++
			value = words[i]
			long = strings.TrimLeft(option.String(), "-")
			long = long[max(0, len(long)-1):]
			if isLong {
				long = strings.TrimPrefix(option.String(), "--")
			}
		}
		switch long {
		case "e", "env":
			if n, v, ok := value.Cut("="); ok {
				inner[n.String()] = v
			}
		case "name":
			name = value
		case "entrypoint":
			entry = value
		}
		i++
	}
	if i >= len(words) {
		return Command{}, true, faultf(words[at].At(0), "it starts a container without an image")
	}
	image, rest := words[i], words[i+1:]
	if entry.Len() > 0 {
		rest = append([]text.Text{entry}, rest...)
	}
	c, err = r.container(rest, inner, image, words[0].At(0))
	if named := name.String() == r.want || r.looksLikeImage(image); err != nil || c.Program.Len() == 0 && !named && c.Form == "" {
		return Command{}, true, faultf(words[at].At(0), "it starts the image %.80s, and %s is nowhere among the words", image.String(), r.want)
	}
	return c, true, nil
}

// looksLikeImage reports whether an image's name says that it has the program.
func (r *reader) looksLikeImage(image text.Text) bool {
	return strings.Contains(lastElement(image.String()), r.want)
}

func lastElement(image string) string { return image[strings.LastIndexByte(image, '/')+1:] }

// container reads the words of a container, which may begin with flags: its image starts
// the program.
func (r *reader) container(words []text.Text, env map[string]text.Text, image text.Text, at text.At) (Command, error) {
	if len(words) == 0 || strings.HasPrefix(words[0].String(), "-") {
		return Command{At: at, Image: image, Args: args(words)}, nil
	}
	if words[0].String() == "controller-manager" && strings.Contains(image.String(), "hyperkube") { // the image starts hyperkube
		return Command{At: at, Image: image, Program: words[0], Args: args(words[1:])}, nil
	}
	c, err := r.program(words, env)
	if c.Image = image; wrapper(c.Form, "") != "" {
		c.Image = text.Text{} // that of what starts the program
	}
	if err != nil && len(words) > 1 && words[0].IsHole() {
		return Command{At: at, Image: image, Program: words[0], Args: args(words[1:])}, nil
	}
	return c, err
}
