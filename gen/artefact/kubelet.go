package artefact

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// KubeletConfig is what decides which static pods a kubelet runs.
type KubeletConfig struct {
	StaticPodPath string // the directory or file of manifests; "" if not set
	PodLogsDir    string // the directory of the pods' logs; "" if not set
	// FileCheckFrequency is how often it looks for changes that it got no notice of; 0 if
	// not set.
	FileCheckFrequency time.Duration
}

// ParseKubeletConfig parses a KubeletConfiguration, or a part of one from a drop-in
// directory.
func ParseKubeletConfig(data []byte) (KubeletConfig, error) {
	var c struct {
		StaticPodPath      string          `json:"staticPodPath"`
		PodLogsDir         string          `json:"podLogsDir"`
		FileCheckFrequency metav1.Duration `json:"fileCheckFrequency"`
	}
	if err := yaml.Unmarshal(data, &c); err != nil {
		return KubeletConfig{}, fmt.Errorf("reading the kubelet's configuration: %w", err)
	}
	return KubeletConfig{c.StaticPodPath, c.PodLogsDir, c.FileCheckFrequency.Duration}, nil
}
