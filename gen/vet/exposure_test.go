package vet

import "github.com/kcmgen/kcmgen/gen/spec"

var exposureCases = map[string]testCase{
	"a master over HTTP":        {at(37, "master", "http://10.0.0.1:8080"), []string{"master-plain"}},
	"one on its own host":       {at(37, "master", "http://127.0.0.1:8080"), []string{"master-plain"}},
	"a master without scheme":   {at(37, "master", "10.0.0.1:8080"), []string{"master-plain"}},
	"a master over HTTPS":       {at(37, "master", "https://10.0.0.1:6443"), []string{"master-plain"}},
	"no master":                 {at(37, "master", ""), nil},
	"an admin's kubeconfig":     {at(37, "authentication-kubeconfig", "/etc/kubernetes/admin.conf"), []string{"file-not-placed", "kubeconfig-admin"}},
	"a kubelet's kubeconfig":    {at(37, "authorization-kubeconfig", "/x/kubelet.conf"), []string{"file-not-placed", "kubeconfig-admin"}},
	"volumes in /tmp":           {at(37, "enable-hostpath-provisioner", "true"), []string{"hostpath-provisioner"}},
	"no volumes in /tmp":        {at(37, "enable-hostpath-provisioner", "false"), nil},
	"bodies in the log":         {at(37, "v", "8"), []string{"verbosity-bodies"}},
	"no bodies in the log":      {at(37, "v", "7"), nil},
	"open metrics":              {at(37, "authorization-always-allow-paths", "/healthz,/metrics"), []string{"metrics-open"}},
	"everything open":           {at(37, "authorization-always-allow-paths", "/*"), []string{"metrics-open"}},
	"open health checks":        {at(37, "authorization-always-allow-paths", "/healthz,/readyz,/livez,/healthz/*"), nil},
	"a suite with 3DES":         {at(37, "tls-cipher-suites", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_RSA_WITH_3DES_EDE_CBC_SHA"), []string{"tls-suite-weak"}},
	"one key signs and serves":  {at(37, "tls-private-key-file", "/k/ca.key"), []string{"file-kind", "key-shared"}},
	"a server's key":            {at(37, "service-account-private-key-file", "/k/apiserver.key"), []string{"file-not-placed", "key-shared"}},
	"kubelets never rotate":     {at(26, "feature-gates", "RotateKubeletServerCertificate=false"), []string{"kubelet-rotation-off"}},
	"a media type of none":      {at(37, "kube-api-content-type", "application/xml"), []string{"content-type"}},
	"a media type of client-go": {at(37, "kube-api-content-type", "application/json;charset=utf-8"), nil},
	"pods without services":     {func(c *spec.Cluster) { c.Networks.Services = nil; c.APIServer.Flags = nil }, []string{"service-range-unset"}},
	"services of an apiserver":  {func(c *spec.Cluster) { c.Networks.Services = nil }, nil},
}
