#!/bin/sh
# Usage: pipeline.sh WORK shared|node ecdsa|rsa CADIR|new NAME=IP...
#
# Does what the step-by-step guides do by hand for a highly available
# kube-controller-manager: cfssl, kubectl config and sed, and a copy for every host.
# Instead of scp it copies into WORK/nodes/<name>, so that both sides of the benchmark
# end with the same files on the same disk.
#
#	shared  one certificate that all hosts get, as in the guides
#	node    a certificate for each host
#	CADIR   has ca.pem, ca-key.pem and ca-config.json; new makes them
#
# SYNC=1 ends with an fsync of every file.
set -eu
umask 077

work=$1 certificates=$2 algorithm=$3 ca=$4
shift 4

me=kube-controller-manager
case $algorithm in
ecdsa) key='{"algo": "ecdsa", "size": 256}' ;;
rsa) key='{"algo": "rsa", "size": 2048}' ;;
*) echo "pipeline.sh: no algorithm $algorithm" >&2 && exit 2 ;;
esac

mkdir -p "$work"
cd "$work"

if [ "$ca" = new ]; then
	cat >ca-csr.json <<EOF
{"CN": "kubernetes-ca", "key": $key, "ca": {"expiry": "87600h"},
 "names": [{"C": "CN", "ST": "BeiJing", "L": "BeiJing", "O": "k8s", "OU": "opsnull"}]}
EOF
	cat >ca-config.json <<EOF
{"signing": {"default": {"expiry": "8760h"}, "profiles": {"kubernetes": {"expiry": "8760h",
 "usages": ["signing", "key encipherment", "server auth", "client auth"]}}}}
EOF
	cfssl gencert -loglevel=5 -initca ca-csr.json | cfssljson -bare ca
	ca=$work
fi

# certificate NAME IP...: NAME.pem, NAME-key.pem, NAME.csr
certificate() {
	cert=$1
	shift
	hosts='"127.0.0.1"'
	for ip; do hosts="$hosts, \"$ip\""; done
	cat >"$cert-csr.json" <<EOF
{"CN": "system:$me", "key": $key, "hosts": [$hosts],
 "names": [{"C": "CN", "ST": "BeiJing", "L": "BeiJing", "O": "system:$me", "OU": "opsnull"}]}
EOF
	cfssl gencert -loglevel=5 -ca="$ca/ca.pem" -ca-key="$ca/ca-key.pem" \
		-config="$ca/ca-config.json" -profile=kubernetes "$cert-csr.json" | cfssljson -bare "$cert"
}

# credentials NAME FILE: put NAME's certificate and key into the kubeconfig FILE
credentials() {
	kubectl config set-credentials "system:$me" --client-certificate="$1.pem" --client-key="$1-key.pem" \
		--embed-certs=true --kubeconfig="$2" >/dev/null
}

kubectl config set-cluster kubernetes --certificate-authority="$ca/ca.pem" --embed-certs=true \
	--server='https://##NODE_IP##:6443' --kubeconfig=$me.kubeconfig >/dev/null
if [ "$certificates" = shared ]; then
	ips=
	for node; do ips="$ips ${node#*=}"; done
	# shellcheck disable=SC2086 # one word for each address
	certificate $me $ips
	credentials $me $me.kubeconfig
fi
kubectl config set-context "system:$me" --cluster=kubernetes --user="system:$me" --kubeconfig=$me.kubeconfig >/dev/null
kubectl config use-context "system:$me" --kubeconfig=$me.kubeconfig >/dev/null

cat >$me.service.template <<EOF
[Unit]
Description=Kubernetes Controller Manager
Documentation=https://github.com/GoogleCloudPlatform/kubernetes

[Service]
WorkingDirectory=/data/k8s/$me
ExecStart=/opt/k8s/bin/$me \\
  --profiling \\
  --cluster-name=kubernetes \\
  --controllers=*,bootstrapsigner,tokencleaner \\
  --kube-api-qps=1000 \\
  --kube-api-burst=2000 \\
  --leader-elect \\
  --use-service-account-credentials \\
  --concurrent-service-syncs=2 \\
  --bind-address=##NODE_IP## \\
  --secure-port=10252 \\
  --tls-cert-file=/etc/kubernetes/cert/$me.pem \\
  --tls-private-key-file=/etc/kubernetes/cert/$me-key.pem \\
  --port=0 \\
  --authentication-kubeconfig=/etc/kubernetes/$me.kubeconfig \\
  --client-ca-file=/etc/kubernetes/cert/ca.pem \\
  --requestheader-allowed-names="aggregator" \\
  --requestheader-client-ca-file=/etc/kubernetes/cert/ca.pem \\
  --requestheader-extra-headers-prefix="X-Remote-Extra-" \\
  --requestheader-group-headers=X-Remote-Group \\
  --requestheader-username-headers=X-Remote-User \\
  --authorization-kubeconfig=/etc/kubernetes/$me.kubeconfig \\
  --cluster-signing-cert-file=/etc/kubernetes/cert/ca.pem \\
  --cluster-signing-key-file=/etc/kubernetes/cert/ca-key.pem \\
  --experimental-cluster-signing-duration=876000h \\
  --horizontal-pod-autoscaler-sync-period=10s \\
  --concurrent-deployment-syncs=10 \\
  --concurrent-gc-syncs=30 \\
  --node-cidr-mask-size=24 \\
  --service-cluster-ip-range=10.254.0.0/16 \\
  --pod-eviction-timeout=6m \\
  --terminated-pod-gc-threshold=10000 \\
  --root-ca-file=/etc/kubernetes/cert/ca.pem \\
  --service-account-private-key-file=/etc/kubernetes/cert/ca-key.pem \\
  --kubeconfig=/etc/kubernetes/$me.kubeconfig \\
  --logtostderr=true \\
  --v=2
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
EOF

for node; do
	name=${node%%=*} ip=${node#*=}
	host=nodes/$name
	mkdir -p "$host/etc/kubernetes/cert" "$host/etc/systemd/system"
	from=$me config=$me.kubeconfig
	if [ "$certificates" = node ]; then
		from=$me-$name config=$me-$name.template
		certificate "$from" "$ip"
		cp $me.kubeconfig "$config"
		credentials "$from" "$config"
	fi
	sed -e "s/##NODE_IP##/$ip/" "$config" >"$host/etc/kubernetes/$me.kubeconfig"
	sed -e "s/##NODE_NAME##/$name/" -e "s/##NODE_IP##/$ip/" $me.service.template >"$host/etc/systemd/system/$me.service"
	if [ "$certificates" = node ]; then
		cp "$from.pem" "$host/etc/kubernetes/cert/$me.pem"
		cp "$from-key.pem" "$host/etc/kubernetes/cert/$me-key.pem"
		cp "$ca/ca.pem" "$ca/ca-key.pem" "$host/etc/kubernetes/cert/"
	else
		cp $me.pem $me-key.pem "$ca/ca.pem" "$ca/ca-key.pem" "$host/etc/kubernetes/cert/"
	fi
done

if [ "${SYNC:-0}" = 1 ]; then
	find . -type f -exec sync {} +
fi
