package command

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/flags"
)

func inputs(files ...string) []Input {
	var out []Input
	for i := 0; i+1 < len(files); i += 2 {
		out = append(out, Input{Name: files[i], Data: []byte(files[i+1])})
	}
	return out
}

// manyUnits are units of several hosts, each with a drop-in and a file of variables.
func manyUnits(n int) []Input {
	var in []Input
	for i := range n {
		dir := fmt.Sprintf("host%d/etc/systemd/system/kcm.service", i)
		in = append(in, inputs(
			dir, "[Service]\nEnvironmentFile=/etc/kcm.env\nExecStart=/usr/bin/kube-controller-manager --old\n",
			dir+".d/1.conf", "[Service]\nExecStart=\nExecStart=/usr/bin/kube-controller-manager --v=2 $A\n",
			fmt.Sprintf("host%d/etc/kcm.env", i), fmt.Sprintf("A=--host=%d\n", i))...)
	}
	return in
}

// TestManyUnits: a thousand units in one call, each with a drop-in and a file of variables.
func TestManyUnits(t *testing.T) {
	const n = 1000
	in := manyUnits(n)
	start := time.Now()
	set := &text.Set{}
	out, err := Read(set, in, Options{Known: flags.Exists})
	if err != nil || len(out) != n {
		t.Fatalf("%d results, %v", len(out), err)
	}
	for i, r := range out {
		if got, want := r.Args[1].String(), fmt.Sprintf("--host=%d", i); got != want {
			t.Fatalf("%s: %s, expected %s", r.File, got, want)
		}
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it takes %s", took)
	}
}

// TestBounds: what may grow without bounds is refused, or read in a short time.
func TestBounds(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a: &a [x, x, x, x, x, x, x, x, x]\n")
	for c := 'b'; c < 'j'; c++ {
		fmt.Fprintf(&bomb, "%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 9), ", "))
	}
	variables := "A0=xxxxxxxxxx\n"
	for i := 1; i < 40; i++ {
		variables += fmt.Sprintf("A%d=$A%d$A%d\n", i, i-1, i-1)
	}
	unit := "[Service]\nExecStart=/usr/bin/kube-controller-manager "
	for _, c := range []struct{ name, data, want string }{
		{"10MB", strings.Repeat("x", 10<<20), "file is too large: 10485760 bytes"},
		{"bomb.yaml", bomb.String(), "what aliases repeat"},
		{"deep.yaml", strings.Repeat("[", 100_000), ""},
		{"variables.sh", "#!/bin/sh\n" + variables + "exec kube-controller-manager $A39\n", ""},
		{"arguments.service", unit + strings.Repeat("--v=1 ", 100_000), ""},
		{"variables.service", unit + strings.Repeat("${A}", 200_000), ""},
		{"lines.service", unit + strings.Repeat("\\\n", 400_000), ""},
		{"ignored.service", unit + "\n" + strings.Repeat("x\n", 400_000), ""},
		{"grown.service", "[Service]\nEnvironment=A=" + strings.Repeat("x", 400_000) + "\nExecStart=/usr/bin/kube-controller-manager " + strings.Repeat("${A}", 100_000), "longer than"},
		{"braces.service", unit + strings.Repeat("{{", 400_000), ""},
		{"names.service", unit + strings.Repeat("__A", 300_000), ""},
		{"percent.yaml", "a: " + strings.Repeat("%{", 400_000), ""},
		{"many.yaml", strings.Repeat("---\nkind: Pod\nspec: {containers: [{command: [kube-controller-manager, --v=1]}]}\n", 5000), "5000 command lines"},
		{"heredocs.sh", strings.Repeat("cat <<E\n[Service]\nExecStart=/usr/bin/kube-controller-manager\nE\n", 3000), "3000 command lines"},
		{"ps", strings.Repeat("root 1 0 0 Jan01 ? 01:00:30 /usr/bin/kube-controller-manager --v=2\n", 10_000), "10000 processes"},
		{"nested.yaml", nestedDocuments(12), ""},
		{"branches.service", unit + strings.Repeat("{% if a %}--v=1 {% else %}--v=2 {% endif %}", 8_000), ""},
		{"open.service", unit + strings.Repeat("{% if a %}--v=1 ", 50_000), ""},
		{"marks.service", unit + strings.Repeat("@A@", 200_000), ""},
		{"appends.sh", "P=--a\n" + strings.Repeat("if x; then P=\"$P --b\"; fi\n", 8_000) + "kube-controller-manager $P\n", ""},
		{"arrays.sh", "#!/bin/bash\nP=(--a)\n" + strings.Repeat("P+=(--c)\nif x; then P+=(--b); fi\n", 10_000) + "kube-controller-manager \"${P[@]}\"\n", ""},
		{"guide.md", strings.Repeat("```\nkube-controller-manager --v=1\n```\n", 8_000), "8000 command lines"},
		{"expressions.yaml", "a:\n- b\n" + strings.Repeat("{{ a }}\n", 50_000), ""},
		{"prompts", strings.Repeat("$ x\n", 40_000), ""},
		{"found.log", strings.Repeat("I0102 03:04:05.000002       1 flags.go:64] FLAG: --v=\"2\"\n", 15_000), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			_, err := Read(&text.Set{}, inputs(c.name, c.data), Options{Known: flags.Exists})
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%.300v, expected %q", err, c.want)
			}
			if err != nil && len(err.Error()) > 2000 {
				t.Errorf("the error has %d bytes: %.300v", len(err.Error()), err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it takes %s", took)
			}
		})
	}
}

// TestScriptsStartEachOther: scripts at hand that start one another end, and are read once.
func TestScriptsStartEachOther(t *testing.T) {
	var in []Input
	for i := range 10 {
		var b strings.Builder
		b.WriteString("#!/bin/sh\n")
		for j := range 10 {
			fmt.Fprintf(&b, "/opt/s%d\n", j)
		}
		if i == 9 {
			b.WriteString("kube-controller-manager --v=1\n")
		}
		in = append(in, inputs(fmt.Sprintf("opt/s%d", i), b.String())...)
	}
	start := time.Now()
	out, _ := Read(&text.Set{}, in, Options{Known: flags.Exists})
	if took := time.Since(start); took > 5*time.Second || len(out) == 0 {
		t.Errorf("%d results in %s", len(out), took)
	}
}

// nestedDocuments returns YAML in strings of YAML.
func nestedDocuments(depth int) string {
	s := "[Service]\nExecStart=/usr/bin/kube-controller-manager --v=1\n"
	for range depth {
		s = "a: |\n  " + strings.ReplaceAll(s, "\n", "\n  ") + "\n"
	}
	return s
}

// TestSecrets: what may be a secret is in no message and no note, whatever the file is like.
func TestSecrets(t *testing.T) {
	const secret = "hunter2"
	unit := "[Service]\nExecStart=/usr/bin/kube-controller-manager --v=1 $A\n"
	for name, files := range map[string][]string{
		"password":      {"password", secret},
		"words":         {"password", secret + " " + secret},
		"flag":          {"password", "--" + secret + "\x00"},
		"key":           {"a.key", "-----BEGIN PRIVATE KEY-----\n" + secret},
		"csv":           {"tokens.csv", secret + ",system:kube-controller-manager,1"},
		"variable":      {"a.env", "PASSWORD=" + secret + "\nTOKEN=--" + secret},
		"shared":        {"a.env", "CONTROLLER_ARGS=--v=2\nTOKEN=--" + secret},
		"environment":   {"a.service", unit + "Environment=TOKEN=" + secret + " " + secret + "\nEnvironmentFile=/etc/e\n", "etc/e", "TOKEN=" + secret + "\n" + secret + "\nA B=" + secret + "\nexport C=" + secret},
		"unit":          {"a.service", unit + secret + "\n" + secret + "\\\nlower=" + secret},
		"yaml":          {"a.yaml", "password: " + secret},
		"broken yaml":   {"a.yaml", "password: \"" + secret},
		"json":          {"a.json", `{"password": "` + secret + `"`},
		"not UTF-8":     {"a", secret + "\xff" + secret},
		"NUL":           {"a", secret + "\x00" + secret},
		"alias":         {"a.yaml", "token: *" + secret + "\n"},
		"kubeadm":       {"a.yaml", "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\ncontrollerManager:\n  extraArgs: {token: " + secret + ", password: 12}\n  extraEnvs: [{name: A, value: " + secret + "}]\n"},
		"K3s":           {"a.service", "[Service]\nExecStart=/usr/bin/k3s server --kube-controller-manager-arg=v=1 --token " + secret},
		"agent":         {"a.service", "[Service]\nExecStart=/usr/bin/k3s agent --token " + secret},
		"guide":         {"a.md", "```\nkube-controller-manager\nPASSWORD=" + secret + "\n```\n" + secret},
		"prompt":        {"a", "$ mysql -p" + secret},
		"PowerShell":    {"a.ps1", "$Password = '" + secret + "'"},
		"operator":      {"a.sh", "#!/bin/bash\n[[ $PASSWORD " + secret + " ]]\n"},
		"expression":    {"a.yaml", "kind: Pod\nspec:\n  containers:\n  - command: [kube-controller-manager]\n    password: " + secret + "\n    {{ a }}\n    b: c\n"},
		"broken script": {"a.sh", "#!/bin/sh\nPASSWORD='" + secret + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			set := &text.Set{}
			out, err := Read(set, inputs(files...), Options{Known: flags.Exists})
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Error(err)
			}
			for _, r := range out {
				for _, n := range r.Notes {
					if strings.Contains(set.Show(text.Literal(n.Message+n.Expected, n.At)), secret) {
						t.Error(n.Message)
					}
				}
			}
		})
	}
}
