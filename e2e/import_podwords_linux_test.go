package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// containersOnHost is how many containers a pod has that has many.
const containersOnHost = 40

// TestPodWords: kcmgen reads the words of containers as the kubelet does.
func TestPodWords(t *testing.T) {
	if sampled(t) {
		return
	}
	g := onKubelets(t, clusterVersion, clusterVersion, olderKubelet)
	start, same, open, asWritten := time.Now(), 0, 0, 0
	cases := map[*ground.Host][]containerCase{}
	for i, h := range g.Hosts {
		cases[h] = containerCases(uint64(i))
		startPod(t, h, cases[h])
	}
	for _, h := range g.Hosts {
		ran := podArguments(t, h, cases[h])
		manifests := make([][]hostFile, len(cases[h]))
		for i, c := range cases[h] {
			manifests[i] = []hostFile{{"kube-controller-manager.yaml", podOf(c.yaml)}}
		}
		for i, read := range commandsIn(t, manifests) {
			c := cases[h][i]
			if slices.Equal(c.written, ran[c.name]) {
				asWritten++
			}
			if read.Err != "" || len(read.Args) == 0 {
				t.Errorf("%s: kcmgen reads none: %s\n%s", h.Name, read.Err, c.yaml)
				continue
			}
			got := words(read)[1:]
			for j, w := range got {
				filled := opened.ReplaceAllStringFunc(w, func(s string) string {
					expression := opened.FindStringSubmatch(s)[1]
					if expression == "$(F)" {
						return "default"
					}
					return expression
				})
				if filled != w {
					got[j] = filled
					open++
				}
			}
			if !slices.Equal(got, ran[c.name]) {
				t.Errorf("%s: the kubelet passes\n%q, and kcmgen reads\n%q\n%s", h.Name, ran[c.name], got, c.yaml)
				continue
			}
			same++
		}
	}
	if asWritten > len(g.Hosts)*containersOnHost*3/4 {
		t.Errorf("the kubelet passes %d words as they are written: the test sees too little", asWritten)
	}
	figure(t, "words of containers", "%d of %d the same after %.1f s, with %d words that are left open", same, len(g.Hosts)*containersOnHost, time.Since(start).Seconds(), open)
}

// containerCase is a container of a pod.
type containerCase struct {
	name, yaml string
	written    []string // before variables are replaced
}

// containerCases makes containers with words of all kinds.
func containerCases(seed uint64) []containerCase {
	r := rand.New(rand.NewPCG(seed, 2))
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	word := func() string {
		out := ""
		for range 1 + r.IntN(4) {
			out += one("--flag=", "a", " ", "  b ", "$(A)", "$(B)", "$(C)", "$(D)", "$(F)", "$(UNSET)", "$$(A)", "$$", "$$$(B)", "$", "$(", ")", "$()", "$(A", "$(A B)", "$(a-b)", "$(A.B)",
				"${A}", "$A", "'", `"`, `\`, `\n`, "\n", "\t", ": ", " #", "é", "日", "{", "}", "[", "-", "*", "%", "!", "&", "|", "true", "1e3", "~", "=", ",")
		}
		return out
	}
	var out []containerCase
	for i := range containersOnHost {
		c := containerCase{name: fmt.Sprintf("c-%d-%02d", seed, i)}
		command := []string{wordsDir + "/kube-controller-manager", "print:" + wordsDir + "/out/" + c.name}
		var args []string
		for range r.IntN(7) {
			if w := word(); len(args) == 0 && r.IntN(2) == 0 {
				command = append(command, w)
			} else {
				args = append(args, w)
			}
		}
		c.written = append(slices.Clone(command[2:]), args...)
		b := "  - name: " + c.name + "\n    image: localhost/pause:1\n    imagePullPolicy: Never\n    volumeMounts: [{name: words, mountPath: " + wordsDir + "}]\n"
		b += "    command:\n" + yamlList(r, command)
		if len(args) > 0 {
			b += "    args:\n" + yamlList(r, args)
		}
		b += "    env:\n    - {name: F, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}\n"
		for range r.IntN(6) {
			b += "    - name: " + one("A", "B", "C", "D", "A.B", "a-b") + "\n"
			if r.IntN(6) > 0 {
				b += "      value: " + yamlString(r, word()) + "\n"
			}
		}
		c.yaml = b
		out = append(out, c)
	}
	return out
}

func yamlList(r *rand.Rand, words []string) string {
	out := ""
	for _, w := range words {
		out += "    - " + yamlString(r, w) + "\n"
	}
	return out
}

var plainInYAML = regexp.MustCompile(`^[-/][-a-zA-Z/][-a-zA-Z0-9_/=:$().{}]*[a-zA-Z)}]$`)

// yamlString writes a string in one of YAML's ways.
func yamlString(r *rand.Rand, s string) string {
	switch {
	case plainInYAML.MatchString(s) && r.IntN(2) == 0:
		return s
	case !strings.ContainsAny(s, "\n\t") && r.IntN(2) == 0:
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	text, _ := json.Marshal(s) // a string can always be written
	return string(text)
}

// podOf is the manifest of containers.
func podOf(containers string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: words, namespace: default}\nspec:\n  restartPolicy: Never\n  enableServiceLinks: false\n  hostNetwork: true\n" +
		"  volumes: [{name: words, hostPath: {path: " + wordsDir + "}}]\n  containers:\n" + containers
}

// startPod gives a host the program and one pod with all containers.
func startPod(t *testing.T, h *ground.Host, cases []containerCase) {
	t.Helper()
	program, err := readerProgram()
	if err != nil {
		t.Fatal(err)
	}
	feed(t, h, textOf(t, program), "sh", "-euc", `mkdir -p "$1/out" && cat >"$2" && chmod 755 "$2"`, "sh", wordsDir, wordsProgram)
	all := ""
	for _, c := range cases {
		all += c.yaml
	}
	if err := h.WriteFile(t.Context(), ground.Manifests+"/words.yaml", podOf(all), 0o644); err != nil {
		t.Fatal(err)
	}
}

// podArguments waits until all containers of a host have run, and returns their arguments.
func podArguments(t *testing.T, h *ground.Host, cases []containerCase) map[string][]string {
	t.Helper()
	var out map[string][]string
	eventually(t, func() error {
		out = printed(t, h)
		if len(out) < len(cases) {
			return fmt.Errorf("%s has run %d of %d containers", h.Name, len(out), len(cases))
		}
		return nil
	})
	return out
}
