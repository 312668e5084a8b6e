package canary

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/kcmgen/kcmgen/live"
)

// check is what one controller is given to do.
type check struct {
	controller string // its name, as --controllers has it
	does       string
	missing    string // what isn't there if it does nothing
	// begin makes what the controller needs; nil: the namespace is enough.
	begin func(context.Context, *run) error
	// look returns "" once the controller has done its part, and else what is missing.
	look func(context.Context, *run) (string, error)
}

// errNeeds is the lack of what another controller makes; that one is named.
var errNeeds = errors.New("it needs something")

const csrs = "/apis/certificates.k8s.io/v1/certificatesigningrequests"

// noScheduler is a scheduler that isn't there: pods that name it never start.
const noScheduler = "kcmgen-canary-none"

// checks are in the order in which people look for controllers: those that pods need first.
var checks = []check{
	{
		"serviceaccount-controller", "gives a namespace its service account", "no service account \"default\"", nil,
		there("/api/v1/%s/serviceaccounts/default"),
	},
	{
		"root-ca-certificate-publisher-controller", "gives a namespace the CA", "no configmap \"kube-root-ca.crt\"", nil,
		there("/api/v1/%s/configmaps/kube-root-ca.crt"),
	},
	{
		"serviceaccount-token-controller", "fills a secret with a token", "no token in it", tokenSecret,
		has("/api/v1/%s/secrets/token", "no token in it", "data", "token"),
	},
	{
		"deployment-controller", "makes a ReplicaSet of a Deployment", "no ReplicaSet",
		create("/apis/apps/v1/%s/deployments", workload("apps/v1", "Deployment", "deployment", 0)),
		listed("/apis/apps/v1/%s/replicasets", "canary=deployment", "no ReplicaSet"),
	},
	{
		"replicaset-controller", "makes a pod of a ReplicaSet", "no pod",
		create("/apis/apps/v1/%s/replicasets", workload("apps/v1", "ReplicaSet", "replicaset", 1)),
		podOf,
	},
	{
		"statefulset-controller", "observes a StatefulSet", "not observed",
		create("/apis/apps/v1/%s/statefulsets", with(workload("apps/v1", "StatefulSet", "statefulset", 0), "serviceName", "canary")),
		has("/apis/apps/v1/%s/statefulsets/statefulset", "it isn't observed", "status", "observedGeneration"),
	},
	{
		"daemonset-controller", "observes a DaemonSet", "not observed",
		create("/apis/apps/v1/%s/daemonsets", daemonSet()),
		has("/apis/apps/v1/%s/daemonsets/daemonset", "it isn't observed", "status", "observedGeneration"),
	},
	{
		"job-controller", "suspends a Job", "no condition",
		create("/apis/batch/v1/%s/jobs", job()),
		has("/apis/batch/v1/%s/jobs/job", "it has no condition", "status", "conditions"),
	},
	{
		"endpointslice-controller", "makes an EndpointSlice of a Service", "no EndpointSlice",
		create("/api/v1/%s/services", live.Object{
			"apiVersion": "v1", "kind": "Service", "metadata": live.Object{"name": "canary"},
			"spec": live.Object{"clusterIP": "None", "selector": live.Object{"canary": "none"}, "ports": []any{live.Object{"port": 1}}},
		}),
		listed("/apis/discovery.k8s.io/v1/%s/endpointslices", "kubernetes.io/service-name=canary", "no EndpointSlice"),
	},
	{
		"resourcequota-controller", "counts what a quota is for", "nothing counted",
		create("/api/v1/%s/resourcequotas", live.Object{
			"apiVersion": "v1", "kind": "ResourceQuota", "metadata": live.Object{"name": "canary"},
			"spec": live.Object{"hard": live.Object{"persistentvolumeclaims": "1"}},
		}),
		has("/api/v1/%s/resourcequotas/canary", "nothing is counted", "status", "used"),
	},
	{
		"disruption-controller", "observes a PodDisruptionBudget", "not observed",
		create("/apis/policy/v1/%s/poddisruptionbudgets", live.Object{
			"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": live.Object{"name": "canary"},
			"spec": live.Object{"maxUnavailable": 1, "selector": live.Object{"matchLabels": live.Object{"canary": "none"}}},
		}),
		has("/apis/policy/v1/%s/poddisruptionbudgets/canary", "it isn't observed", "status", "observedGeneration"),
	},
	{
		"garbage-collector-controller", "removes what is owned by nothing", "it is still there", orphan,
		func(ctx context.Context, r *run) (string, error) {
			_, err := r.api.GetObject(ctx, r.in("/api/v1/%s/configmaps/owned"))
			if isAbsent(err) {
				return "", nil
			}
			return "the configmap whose owner is gone is still there", err
		},
	},
	{
		"certificatesigningrequest-signing-controller", "signs an approved CSR", "no certificate", request,
		func(ctx context.Context, r *run) (string, error) {
			o, err := r.api.GetObject(ctx, csrs+"/"+r.report.Namespace)
			if err != nil || text(o, "status", "certificate") != "" {
				return "", err
			}
			return "it has no certificate" + conditions(o), nil
		},
	},
}

// in returns a path in the canary's namespace.
func (r *run) in(path string) string { return fmt.Sprintf(path, "namespaces/"+r.report.Namespace) }

func there(path string) func(context.Context, *run) (string, error) {
	return func(ctx context.Context, r *run) (string, error) {
		_, err := r.api.GetObject(ctx, r.in(path))
		return "", err
	}
}

func has(path, missing string, field ...string) func(context.Context, *run) (string, error) {
	return func(ctx context.Context, r *run) (string, error) {
		o, err := r.api.GetObject(ctx, r.in(path))
		if err != nil || fieldOf(o, field...) != nil {
			return "", err
		}
		return missing, nil
	}
}

func listed(path, label, missing string) func(context.Context, *run) (string, error) {
	return func(ctx context.Context, r *run) (string, error) {
		all, err := r.api.ListObjects(ctx, r.in(path), label)
		if err != nil || len(all) > 0 {
			return "", err
		}
		return missing, nil
	}
}

func create(path string, o live.Object) func(context.Context, *run) error {
	return func(ctx context.Context, r *run) error {
		_, err := r.make(ctx, r.in(path), o)
		return err
	}
}

// make creates an object, or returns the one that is there: an earlier answer was lost.
func (r *run) make(ctx context.Context, path string, o live.Object) (live.Object, error) {
	made, err := r.api.CreateObject(ctx, path, o)
	if errors.Is(err, live.ErrExists) {
		return r.api.GetObject(ctx, path+"/"+text(o, "metadata", "name"))
	}
	return made, err
}

// podOf looks for the pod of the ReplicaSet. Where pods are refused, as by a policy or without a
// service account, its controller says so: it has acted.
func podOf(ctx context.Context, r *run) (string, error) {
	all, err := r.api.ListObjects(ctx, r.in("/api/v1/%s/pods"), "canary=replicaset")
	if err != nil || len(all) > 0 {
		return "", err
	}
	o, err := r.api.GetObject(ctx, r.in("/apis/apps/v1/%s/replicasets/replicaset"))
	if err != nil || failed(o) {
		return "", err
	}
	return "no pod", nil
}

// tokenSecret makes a secret for a token of the namespace's service account, once that is there:
// without it the secret is removed.
func tokenSecret(ctx context.Context, r *run) error {
	if _, err := r.api.GetObject(ctx, r.in("/api/v1/%s/serviceaccounts/default")); err != nil {
		return fmt.Errorf("%w: the service account that another controller makes: %w", errNeeds, err)
	}
	return create("/api/v1/%s/secrets", live.Object{
		"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
		"metadata": live.Object{"name": "token", "annotations": live.Object{"kubernetes.io/service-account.name": "default"}},
	})(ctx, r)
}

// orphan makes a configmap whose owner is removed.
func orphan(ctx context.Context, r *run) error {
	path := r.in("/api/v1/%s/configmaps")
	owner, err := r.make(ctx, path, configMap("owner"))
	if err != nil {
		return err
	}
	owned := configMap("owned")
	owned["metadata"].(live.Object)["ownerReferences"] = []any{live.Object{
		"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": text(owner, "metadata", "uid"),
	}}
	if _, err := r.make(ctx, path, owned); err != nil {
		return err
	}
	return r.api.DeleteObject(ctx, path+"/owner")
}

func configMap(name string) live.Object {
	return live.Object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": live.Object{"name": name}}
}

// request makes a CSR and approves it. Its key was thrown away, and its user may do nothing.
func request(ctx context.Context, r *run) error {
	namespace, err := r.api.GetObject(ctx, namespaces+"/"+r.report.Namespace)
	if err != nil {
		return err
	}
	o, err := r.make(ctx, csrs, live.Object{
		"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
		"metadata": live.Object{
			"name": r.report.Namespace, "labels": r.label(),
			// If the run is killed, it goes with the namespace.
			"ownerReferences": []any{live.Object{"apiVersion": "v1", "kind": "Namespace", "name": r.report.Namespace, "uid": text(namespace, "metadata", "uid")}},
		},
		"spec": live.Object{
			"request": base64.StdEncoding.EncodeToString(r.o.Request), "signerName": r.o.Signer,
			"expirationSeconds": 600, "usages": []any{"digital signature", "client auth"},
		},
	})
	if err != nil {
		return err
	}
	o["status"] = live.Object{"conditions": []any{live.Object{
		"type": "Approved", "status": "True", "reason": "KcmgenCanary", "message": "a canary's: its key is thrown away",
	}}}
	_, err = r.api.ReplaceObject(ctx, csrs+"/"+r.report.Namespace+"/approval", o)
	return err
}

// workload returns an object with pods that never start.
func workload(version, kind, name string, replicas int) live.Object {
	return live.Object{
		"apiVersion": version, "kind": kind, "metadata": live.Object{"name": name},
		"spec": live.Object{
			"replicas": replicas,
			"selector": live.Object{"matchLabels": live.Object{"canary": name}},
			"template": live.Object{"metadata": live.Object{"labels": live.Object{"canary": name}}, "spec": podSpec()},
		},
	}
}

// podSpec returns the spec of a pod that never starts, and that Pod Security's strictest level
// allows.
func podSpec() live.Object {
	return live.Object{
		"schedulerName": noScheduler, "automountServiceAccountToken": false,
		"securityContext": live.Object{"runAsNonRoot": true, "runAsUser": 65534, "seccompProfile": live.Object{"type": "RuntimeDefault"}},
		"containers": []any{live.Object{
			"name": "none", "image": "kcmgen.invalid/none:none", "imagePullPolicy": "Never",
			"securityContext": live.Object{"allowPrivilegeEscalation": false, "capabilities": live.Object{"drop": []any{"ALL"}}},
			"resources":       live.Object{"requests": live.Object{"cpu": "1m", "memory": "1Mi"}, "limits": live.Object{"cpu": "1m", "memory": "1Mi"}},
		}},
	}
}

func with(o live.Object, field string, value any) live.Object {
	o["spec"].(live.Object)[field] = value
	return o
}

// daemonSet returns one that no node is for.
func daemonSet() live.Object {
	o := workload("apps/v1", "DaemonSet", "daemonset", 0)
	spec := o["spec"].(live.Object)
	delete(spec, "replicas")
	pod := spec["template"].(live.Object)["spec"].(live.Object)
	pod["nodeSelector"] = live.Object{Label: "none"}
	return o
}

// job returns one that is suspended, so it has no pods.
func job() live.Object {
	pod := podSpec()
	pod["restartPolicy"] = "Never"
	return live.Object{
		"apiVersion": "batch/v1", "kind": "Job", "metadata": live.Object{"name": "job"},
		"spec": live.Object{"suspend": true, "template": live.Object{"spec": pod}},
	}
}
