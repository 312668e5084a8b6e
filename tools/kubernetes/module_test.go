package main

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// TestModuleFile has the peculiarities of Kubernetes' go.mod files so far.
func TestModuleFile(t *testing.T) {
	for name, tc := range map[string]struct {
		version   version
		ref, want string
	}{
		"today: its own modules, and how the runtime behaves": {
			version{37, 1},
			"go 1.26.0\ngodebug default=go1.26\nrequire (\n\tk8s.io/api v0.0.0\n\tgithub.com/spf13/pflag v1.0.10\n)\n" +
				"replace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\tk8s.io/kms => ./staging/src/k8s.io/kms\n)\n",
			"module kubernetes.invalid\n\ngo 1.26.0\n\ngodebug default=go1.26\n\nrequire (\n\tk8s.io/kubernetes v1.37.1\n\tk8s.io/api v0.0.0\n)\n\n" +
				"replace k8s.io/api => k8s.io/api v0.37.0\n\nreplace k8s.io/kms => k8s.io/kms v0.37.0\n",
		},
		"early: every dependency is replaced": {
			version{22, 17},
			"go 1.16\nreplace (\n\tgithub.com/json-iterator/go => github.com/json-iterator/go v1.1.11\n\tgolang.org/x/text => golang.org/x/text v0.3.6\n)\n",
			"module kubernetes.invalid\n\ngo 1.16\n\nrequire k8s.io/kubernetes v1.22.17\n\n" +
				"replace github.com/json-iterator/go => github.com/json-iterator/go v1.1.12\n\nreplace golang.org/x/text => golang.org/x/text v0.3.6\n\n" +
				"replace github.com/modern-go/reflect2 => github.com/modern-go/reflect2 v1.0.2\n",
		},
		"it replaces modules by its own directories, which are not published": {
			version: version{38, 0},
			ref:     "go 1.27\nreplace k8s.io/new => ./new\n",
		},
		"no go line": {version: version{38, 0}, ref: "module k8s.io/kubernetes\n"},
	} {
		t.Run(name, func(t *testing.T) {
			ref, err := modfile.Parse("go.mod", []byte(tc.ref), nil)
			if err != nil {
				t.Fatal(err)
			}
			published := map[string]string{}
			for _, path := range stagingOf(ref) {
				published[path] = "v0.37.0" // the patch before
			}
			got, err := moduleFile(ref, tc.version, published)
			if (err != nil) != (tc.want == "") {
				t.Fatal(err)
			}
			if string(got) != tc.want {
				t.Errorf("go.mod is\n%s\nand should be\n%s", got, tc.want)
			}
		})
	}
}

// TestSortOut: a missing version is replaced by another, but not during an outage.
func TestSortOut(t *testing.T) {
	const (
		there    = `{"Path": "k8s.io/api", "Version": "v0.37.1"}`
		absent   = `{"Path": "k8s.io/kms", "Version": "v0.37.1", "Error": {"Err": "k8s.io/kms@v0.37.1: reading https://proxy.golang.org/k8s.io/kms/@v/v0.37.1.info: 404 Not Found"}}`
		withheld = `{"Path": "k8s.io/a", "Error": {"Err": "k8s.io/a@v0.37.1: reading https://proxy.golang.org/k8s.io/a/@v/v0.37.1.info: 403 Forbidden\n\tserver response: not available"}}`
		direct   = `{"Path": "k8s.io/b", "Error": {"Err": "k8s.io/b@v0.37.1: invalid version: unknown revision v0.37.1"}}`
		outage   = `{"Path": "k8s.io/c", "Error": {"Err": "Get \"https://proxy.golang.org/k8s.io/c/@v/v0.37.1.info\": dial tcp: i/o timeout"}}`
	)
	found := map[string]string{}
	missing, err := sortOut([]byte(there+absent+withheld+direct), found)
	if err != nil || !slices.Equal(missing, []string{"k8s.io/kms", "k8s.io/a", "k8s.io/b"}) {
		t.Errorf("missing are %q (%v)", missing, err)
	}
	if !maps.Equal(found, map[string]string{"k8s.io/api": "v0.37.1"}) {
		t.Errorf("found are %q", found)
	}
	if _, err := sortOut([]byte(there+outage), found); err == nil || !strings.Contains(err.Error(), "i/o timeout") {
		t.Errorf("an outage: %v", err)
	}
	if _, err := sortOut([]byte(there+"{"), found); err == nil {
		t.Error("half an answer is taken")
	}
}

func TestParseVersion(t *testing.T) {
	for in, want := range map[string]string{
		"v1.37.1": "v0.37.1", "v1.20.15": "v0.20.15", "v1.38.0": "v0.38.0",
		"1.37.1": "", "v1.37": "", "v2.0.0": "", "v1.037.1": "", "v1.37.1-rc.0": "", "v1.37.1 ": "", "": "",
	} {
		v, err := parseVersion(in)
		switch {
		case want == "" && !errors.Is(err, errUsage):
			t.Errorf("%q: %v, %v", in, v, err)
		case want != "" && (err != nil || v.String() != in || v.staging() != want):
			t.Errorf("%q: %v, %v", in, v, err)
		}
	}
}
