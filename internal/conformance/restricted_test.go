package conformance_test

import (
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/kcmgen/kcmgen/gen/artefact"
)

// TestPodIsRestricted: Pod Security's own checks find nothing in a pod that the profile
// "restricted" forbids, except what a static pod on the host's network needs: that
// network, its files, and probes of the loopback address.
func TestPodIsRestricted(t *testing.T) {
	latest := api.LatestVersion()
	checks, err := policy.NewEvaluator(policy.DefaultChecks(), &latest)
	if err != nil {
		t.Fatal(err)
	}
	const network, files, probes, root = "host namespaces", "restricted volume types", "probe or lifecycle host", "runAsNonRoot != true"
	for name, tc := range map[string]struct {
		fields string
		want   []string
	}{
		"by default":           {"", []string{network, probes, files}},
		"a network of its own": {"pod: hostNetwork: false, flags: \"bind-address\": \"0.0.0.0\", waivers: \"bind-address-public\": reason: \"a test\"\n", []string{files}},
		"no probes":            {"pod: livenessProbe: null, pod: startupProbe: null\n", []string{network, files}},
		"as root":              {"pod: spec: securityContext: runAsUser: 0\n", []string{network, probes, files, root, "runAsUser=0"}},
	} {
		t.Run(name, func(t *testing.T) {
			out := exportOne(t, cluster("restricted", "staticPod", oneNode+tc.fields))
			pod, err := artefact.ParsePod([]byte(read(t, filepath.Join(out, "restricted/nodes/n1/etc/kubernetes/manifests/kube-controller-manager.yaml"))))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range checks.EvaluatePod(api.LevelVersion{Level: api.LevelRestricted, Version: latest}, &pod.ObjectMeta, &pod.Spec) {
				if !r.Allowed {
					got = append(got, r.ForbiddenReason)
				}
			}
			slices.Sort(got)
			slices.Sort(tc.want)
			if !slices.Equal(got, tc.want) {
				t.Errorf("forbidden are %q, want %q", got, tc.want)
			}
		})
	}
}
