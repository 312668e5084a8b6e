package conformance_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/internal/need"
)

const (
	seedHost     = "nodes/k8s-master"
	seedManifest = seedHost + "/etc/kubelet.d/kube-controller-manager.yaml"
	seedImage    = "image/arm64"
)

// podDiffers compares the exported pod with the document's.
func podDiffers(t testing.TB, tree string) difference {
	t.Helper()
	var d difference
	file := filepath.Join(tree, seedManifest)
	want := once("the pod", func() any {
		return yamlJSON(t, filepath.Join(repo, "testdata/seeds/static-pod/kube-controller-manager.yaml"))
	})
	got := yamlJSON(t, file)
	d.within("pod", got, want)
	if r := kubectlPod(t, file); r.code != 0 {
		d.addf("kubectl refuses the pod: %s", r.err)
	} else {
		d.within("what kubectl makes of it", fromJSON(t, r.out), got)
	}
	return d
}

// yamlJSON reads YAML with cue, whose parser differs from our writer's.
func yamlJSON(t testing.TB, file string) any {
	t.Helper()
	return fromJSON(t, ask(t, "", "cue", "export", "--out", "json", "yaml:", file))
}

// kubectlPod reads a pod with the API's types, which drop unknown fields. It needs no
// server.
func kubectlPod(t testing.TB, file string) result {
	t.Helper()
	return execute(t, "", nil, need.Program(t, "kubectl"), "set", "env", "--local", "-f", file, "JUDGED=yes", "-o", "json")
}

// within requires every field of want in got. Commands are compared flag by flag, in any
// order.
func (d *difference) within(at string, got, want any) {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			d.addf("%s is %v, the seed has fields there", at, got)
			return
		}
		for _, name := range slices.Sorted(maps.Keys(w)) {
			if name == "command" {
				d.equalCommands(stringsOf(g[name]), stringsOf(w[name]))
				continue
			}
			d.within(at+"."+name, g[name], w[name])
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			d.addf("%s is %v, the seed has %d of them", at, got, len(w))
			return
		}
		for i := range w {
			d.within(fmt.Sprintf("%s[%d]", at, i), g[i], w[i])
		}
	default:
		d.equal(at, got, want)
	}
}

func stringsOf(v any) []string {
	out := []string{}
	list, _ := v.([]any)
	for _, x := range list {
		out = append(out, fmt.Sprint(x))
	}
	if len(out) == 0 {
		out = []string{""}
	}
	return out
}

// image is the content of an image by its Containerfile, whatever the commands.
type image struct {
	Base        string
	Downloads   map[string]string // path: URL
	Executable  []string
	Directories map[string]string // path: owner, group, mode
	Copied      map[string]string // path: file of the context
	Entrypoint  []string
	Unknown     []string
}

// readImage interprets the instructions that an image of one program needs.
func readImage(text string) image {
	im := image{Downloads: map[string]string{}, Directories: map[string]string{}, Copied: map[string]string{}}
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		instruction, rest, _ := strings.Cut(line, " ")
		var words []string
		chmod := ""
		for _, w := range strings.Fields(rest) {
			if mode, ok := strings.CutPrefix(w, "--chmod="); ok {
				chmod = mode
			} else if !strings.HasPrefix(w, "--") || instruction == "RUN" {
				words = append(words, w)
			}
		}
		switch {
		case instruction == "FROM" && len(words) == 1 && im.Base == "":
			im.Base = words[0]
		case instruction == "ADD" && len(words) == 2 && strings.Contains(words[0], "://"):
			im.Downloads[words[1]] = words[0]
			if chmod == "0755" {
				im.Executable = append(im.Executable, words[1])
			}
		case instruction == "WORKDIR" && len(words) == 1 && path.IsAbs(words[0]):
			if words[0] != "/" { // back where it was
				im.Directories[words[0]] = "root:root 755"
			}
		case instruction == "COPY" && len(words) >= 2:
			im.copied(words[:len(words)-1], words[len(words)-1])
		case instruction == "RUN":
			for command := range strings.SplitSeq(rest, "&&") {
				im.run(strings.TrimSpace(command))
			}
		case instruction == "ENTRYPOINT" && json.Unmarshal([]byte(rest), &im.Entrypoint) == nil:
		default:
			im.Unknown = append(im.Unknown, line)
		}
	}
	return im
}

func (im *image) copied(from []string, to string) {
	for _, f := range from {
		at := to
		if strings.HasSuffix(to, "/") {
			at = path.Join(to, path.Base(f))
		}
		im.Copied[at] = f
	}
}

func (im *image) run(command string) {
	w := strings.Fields(command)
	switch {
	// Installing wget, which ADD doesn't need.
	case w[0] == "set", w[0] == "apt":
	case w[0] == "wget" && len(w) == 4 && w[1] == "-P":
		im.Downloads[path.Join(w[2], path.Base(w[3]))] = w[3]
	case w[0] == "chmod" && len(w) == 3 && (w[1] == "+x" || w[1] == "0755"):
		im.Executable = append(im.Executable, w[2])
	case w[0] == "install" && len(w) == 9 && w[1] == "-o" && w[3] == "-g" && w[5] == "-m" && w[7] == "-d":
		im.Directories[w[8]] = w[2] + ":" + w[4] + " " + strings.TrimPrefix(w[6], "0")
	default:
		im.Unknown = append(im.Unknown, command)
	}
}

// imageDiffers compares the exported Containerfile and its context with the document's
// Dockerfile.
func imageDiffers(t testing.TB, tree string) difference {
	t.Helper()
	var d difference
	want := readImage(seed(t, "static-pod/Dockerfile_kube-controller-manager.armhf"))
	got := readImage(read(t, filepath.Join(tree, seedImage, "Containerfile")))
	d.equal("the image's base", got.Base, want.Base)
	d.equal("the image's download", got.Downloads, want.Downloads)
	d.equal("what is executable", got.Executable, want.Executable)
	d.equal("the image's directories", got.Directories, want.Directories)
	d.equal("the files that are copied", got.Copied, want.Copied)
	d.equal("the image's entry point", got.Entrypoint, want.Entrypoint)
	d.equal("what can't be understood", got.Unknown, want.Unknown)
	for file, from := range map[string]string{"ca.pem": "pki/ca.crt", "ca-key.pem": "pki/ca.key", "service-account-key.pem": "pki/sa.key"} {
		data, err := os.ReadFile(filepath.Join(tree, seedImage, file))
		if err != nil || string(data) != read(t, filepath.Join(tree, from)) {
			d.addf("%s in the image's context is not %s (%v)", file, from, err)
		}
	}
	if _, err := os.Stat(filepath.Join(tree, seedImage, path.Base(seedKubeconfig))); err != nil {
		d.addf("the image's context: %v", err)
	}
	return d
}

// TestSeedStaticPod finds every field of the document's pod and every fact of its image in
// the export.
func TestSeedStaticPod(t *testing.T) {
	tree := filepath.Join(ready(t).dir, "static-pod")
	t.Run("pod", func(t *testing.T) { agree(t, podDiffers(t, tree)) })
	t.Run("image", func(t *testing.T) { agree(t, imageDiffers(t, tree)) })
	if im := readImage(seed(t, "static-pod/Dockerfile_kube-controller-manager.armhf")); im.Unknown != nil || len(im.Copied) != 4 || len(im.Directories) != 2 {
		t.Errorf("the document's own Dockerfile is not understood: %+v", im)
	}
}
