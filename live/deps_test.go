package live_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestDependencies: the program links client-go's rest client, but neither the typed
// clientset, which adds 20 MB and doubles the start-up time, nor cloud logins. It doesn't
// link zlint, by way of cfssl's signer, which was a third of the start-up time. A library
// may import them, which the linter can't see.
func TestDependencies(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "../cmd/kcmgen", ".")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, "k8s.io/client-go/rest") || !slices.Contains(deps, "github.com/spf13/cobra") {
		t.Fatalf("these %d packages are not the program's", len(deps))
	}
	for _, banned := range []string{
		"k8s.io/client-go/kubernetes", "k8s.io/client-go/applyconfigurations", "k8s.io/client-go/informers",
		"k8s.io/client-go/listers", "k8s.io/client-go/discovery", "k8s.io/client-go/dynamic",
		"k8s.io/client-go/plugin/pkg/client/auth", "k8s.io/api/apps", "github.com/zmap/zlint",
	} {
		for _, d := range deps {
			// Credential plugins are the one way to log in that every kubeconfig has.
			if strings.HasPrefix(d+"/", banned+"/") && d != "k8s.io/client-go/plugin/pkg/client/auth/exec" {
				t.Errorf("%s is linked", d)
			}
		}
	}
}
