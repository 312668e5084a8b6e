# Images of static pods, in the runtime that the kubelet uses: containerd's by ctr, CRI-O's by
# podman. Each generation's image has a name of its own, so that going back finds it, although
# the name in the manifest may mean another image by then.

# runtime: sets tool and, for ctr, socket. It fails if the runtime's tool isn't there. At boot
# and without a kubelet, the usual sockets are tried.
runtime() {
	pid=$(kubelet_pid) || {
		for socket in /run/containerd/containerd.sock /run/crio/crio.sock /var/run/crio/crio.sock; do
			[ ! -S "$socket" ] || break
		done
		runtime_tool
		return
	}
	socket=$(kubelet_flag "$pid" container-runtime-endpoint)
	[ -n "$socket" ] || socket=$(kubelet_configs "$pid" | while IFS= read -r f; do
		sed -n 's/^[ {"]*containerRuntimeEndpoint"\{0,1\}: *"\{0,1\}\([^",]*\).*/\1/p' "$f"
	done | tail -n 1)
	socket=${socket:-/run/containerd/containerd.sock} && socket=${socket#unix://}
	runtime_tool
}

# runtime_tool: sets tool for socket. It fails if either isn't there.
runtime_tool() {
	case $socket in
	*crio*) tool=podman ;;
	*) tool=ctr ;;
	esac
	[ -S "$socket" ] && command -v "$tool" >/dev/null
}

# images SECONDS ARGUMENT…: runs ctr images.
images() {
	limit=$1
	shift
	within "$limit" ctr -a "$socket" -n k8s.io images "$@"
}

# kept GENERATION: prints the name of a generation's image.
kept() { echo "kcmgen.local/generation:$1"; }

# image NAME GENERATION: prints which runtime has the host's images, and the digests of NAME and
# of the generation's image there.
image() {
	runtime || return 0
	echo "kubelet.runtime $tool"
	if [ "$tool" = ctr ]; then # one call of it: it takes a tenth of a second
		list=$(images 15 ls "name==$1" "name==$(kept "$2")" 2>/dev/null) || echo "kubelet.silent $socket"
		printf '%s\n' "$list" | awk -v name="$1" -v kept="$(kept "$2")" '
			$1 == name { print "kubelet.image " $3 }
			$1 == kept { print "kubelet.kept " $3 }'
		return
	fi
	digest=$(image_digest "$1") || echo "kubelet.silent $socket"
	echo "kubelet.image $digest"
	echo "kubelet.kept $(image_digest "$(kept "$2")")"
}

# image_digest NAME: prints the digest of an image; "" if it isn't there. It fails if the
# runtime doesn't answer.
image_digest() {
	case $tool in
	ctr)
		list=$(images 15 ls "name==$1" 2>/dev/null) || return 1
		printf '%s\n' "$list" | awk 'NR == 2 { print $3 }'
		;;
	podman)
		within 15 podman image exists "$1" 2>/dev/null
		case $? in
		0) within 15 podman image inspect --format '{{.Digest}}' "$1" ;;
		1) ;;
		*) return 1 ;;
		esac
		;;
	esac
}

# image_tag FROM TO: gives an image another name. The kubelet doesn't remove a pinned image
# when the disk is full, where the runtime knows that label.
image_tag() {
	case $tool in
	ctr) images 20 tag --force "$1" "$2" >/dev/null && images 20 label "$2" io.cri-containerd.pinned=pinned >/dev/null ;;
	podman) within 20 podman tag "$1" "$2" ;;
	esac
}

# image_import ARCHIVE NAME DIGEST GENERATION: imports an archive, whose image must then have
# the digest, as the generation's image, and removes the archive. Until the generation is tried
# NAME means what it meant before: the old pod may be started again meanwhile.
image_import() {
	runtime || fail "the runtime's tool isn't there any more"
	if [ "$(image_digest "$(kept "$4")")" != "$3" ]; then
		had=$(image_digest "$2") before=kcmgen.local/generation:before
		[ -z "$had" ] || image_tag "$2" "$before" || fail "$tool can't name the image that is there"
		imported=yes # a full disk may end it after the name was moved
		case $tool in
		ctr) images 280 import "$1" ;;
		podman) within 280 podman load -q -i "$1" ;;
		esac >/dev/null || imported=no
		has=$(image_digest "$2")
		[ "$imported" = no ] || [ "$has" != "$3" ] || image_tag "$2" "$(kept "$4")" || fail "$tool can't name the image of generation $4"
		[ -z "$had" ] || image_tag "$before" "$2" || fail "$tool can't give the image that was there its name again"
		[ "$imported" = yes ] || {
			[ -n "$had" ] || [ "$tool" != ctr ] || images 20 rm "$2" >/dev/null 2>&1
			fail "$tool can't import the image $2"
		}
		[ "$has" = "$3" ] || fail "after the import, $2 is ${has:-missing} and not $3"
	fi
	rm -rf "${1%/*}"
}

# image_name_kept NAME GENERATION: makes what NAME means the image of a generation, unless it
# has one.
image_name_kept() {
	runtime || return 0
	[ -n "$(image_digest "$(kept "$2")")" ] || [ -z "$(image_digest "$1")" ] || image_tag "$1" "$(kept "$2")"
}

# image_pull NAME GENERATION: has the runtime pull the image of a generation, unless it has it.
image_pull() {
	runtime || return 0
	[ -z "$(image_digest "$(kept "$2")")" ] || return 0
	if [ -z "$(image_digest "$1")" ]; then
		if command -v crictl >/dev/null; then
			within 280 crictl -i "unix://$socket" pull "$1" >/dev/null
		elif [ "$tool" = ctr ]; then
			images 280 pull --hosts-dir /etc/containerd/certs.d "$1" >/dev/null
		else
			within 280 podman pull -q "$1" >/dev/null
		fi || fail "the image $1 isn't there and can't be pulled"
	fi
	image_name_kept "$1" "$2"
}

# image_parse NAME GENERATION ARGUMENT…: has the program in a generation's image parse its
# arguments and print its version.
image_parse() {
	runtime || return 0
	ref=$(kept "$2")
	[ -n "$(image_digest "$ref")" ] || ref=$1
	shift 2
	case $tool in
	ctr) within 60 ctr -a "$socket" -n k8s.io run --rm --read-only "$ref" "kcmgen-check-$$" "$@" --version 2>&1 </dev/null ;;
	podman)
		entry=$1
		shift
		within 60 podman run --rm --read-only --network none --entrypoint "$entry" "$ref" "$@" --version 2>&1 </dev/null
		;;
	esac
}

# image_of MANIFEST: prints the image that a manifest names.
image_of() { sed -n 's/^[- ]*image: *["'"'"']\{0,1\}\([^"'"'"' ]*\).*/\1/p' "$1" 2>/dev/null | head -n 1; }

# image_keep GENERATION MANIFEST: names the image of what runs, before its name in the manifest
# means another one.
image_keep() {
	ref=$(image_name "$(image_of "$2")")
	[ -z "$ref" ] || image_name_kept "$ref" "$1"
}

# image_restore GENERATION MANIFEST: gives a generation's image its name in the manifest.
image_restore() {
	runtime || return 0
	ref=$(image_name "$(image_of "$2")") digest=$(image_digest "$(kept "$1")")
	[ -z "$ref" ] || [ -z "$digest" ] || [ "$(image_digest "$ref")" = "$digest" ] || image_tag "$(kept "$1")" "$ref"
}

# image_name NAME: prints an image's full name, as runtimes have it.
image_name() {
	name=$1
	case $name in
	'') ;;
	*/*)
		case ${name%%/*} in
		localhost | *.* | *:*) ;;
		*) name=docker.io/$name ;;
		esac
		;;
	*) name=docker.io/library/$name ;;
	esac
	case ${name##*/} in
	'' | *:* | *@*) ;;
	*) name=$name:latest ;;
	esac
	echo "$name"
}

# images_unkeep HOME: removes the names of images whose generation isn't there any more, and what
# an interrupted check of flags left. What a slow runtime doesn't do now is done another time.
images_unkeep() {
	runtime || return 0
	[ "$tool" != ctr ] || for c in $(within 3 ctr -a "$socket" -n k8s.io containers ls -q 2>/dev/null | grep '^kcmgen-check-'); do
		within 3 ctr -a "$socket" -n k8s.io containers rm "$c" >/dev/null 2>&1
	done
	case $tool in
	ctr) images 3 ls -q 'name~="^kcmgen.local/generation:"' ;;
	podman) within 3 podman images --format '{{.Repository}}:{{.Tag}}' --filter 'reference=kcmgen.local/generation' ;;
	esac 2>/dev/null | while IFS= read -r ref; do
		[ -d "$1/${ref##*:}" ] || case $tool in
		ctr) images 3 rm "$ref" >/dev/null ;;
		podman) within 3 podman untag "$ref" "$ref" ;;
		esac || break
	done
	return 0
}
