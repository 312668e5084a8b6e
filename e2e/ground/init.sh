#!/bin/sh
# PID 1 of a host, in its own namespaces, until systemd takes over:
#	init.sh NAME ROOT LOWER UPPER WORK [CONTAINERD [HIERARCHY...]]
# Only what is written to UPPER outlives the mount namespace. A host with a kubelet has
# CONTAINERD, and the HIERARCHYs of cgroup v1: "memory", "name=systemd".
set -eu
name=$1 root=$2 lower=$3 upper=$4 work=$5 containerd=${6-}
shift 5
[ $# -eq 0 ] || shift

mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" "$root"
cd "$root"
hostname "$name"

# A host must not change kernel settings that no namespace separates.
mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
unified=sys/fs/cgroup
if [ $# -gt 0 ]; then # systemd finds them, and calls this hybrid
	mount -t tmpfs -o mode=0755,nosuid,nodev,noexec tmpfs sys/fs/cgroup
	for hierarchy; do
		dir=sys/fs/cgroup/${hierarchy#name=}
		[ "$dir" = "sys/fs/cgroup/$hierarchy" ] || hierarchy=none,$hierarchy
		mkdir "$dir"
		mount -t cgroup -o "nosuid,nodev,noexec,$hierarchy" cgroup "$dir"
	done
	unified=sys/fs/cgroup/unified
	mkdir $unified
fi
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 $unified
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys

mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs run
cat /proc/sys/kernel/random/uuid >run/boot_id # each boot has its own
mount --bind run/boot_id proc/sys/kernel/random/boot_id
if [ -n "$containerd" ]; then
	mount --bind "$containerd" var/lib/containerd # an overlay can't be on an overlay
	# A kubelet that finds another value writes its own, which it can't here.
	for setting in kernel/panic=10 kernel/panic_on_oops=1 vm/overcommit_memory=1; do
		path=${setting%=*}
		echo "${setting#*=}" >"run/${path##*/}"
		mount --bind "run/${path##*/}" "proc/sys/$path"
	done
fi
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs tmp
mount -t tmpfs -o mode=0755,nosuid tmpfs dev
for device in null zero full random urandom tty; do
	: >"dev/$device"
	mount --bind "/dev/$device" "dev/$device"
done
if [ -n "$containerd" ]; then # a kubelet opens the kernel's log, which is the machine's
	: >dev/kmsg
	mount --bind /dev/null dev/kmsg
fi
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr

mkdir -p run/old
pivot_root . run/old
umount -l run/old
rmdir run/old
cd /
# Without env: only GNU's replaces itself and so hands over PID 1. The caller passed exactly
# systemd's environment, and this shell added two variables.
unset OLDPWD PWD
exec /lib/systemd/systemd --system --unit=multi-user.target --log-target=journal
