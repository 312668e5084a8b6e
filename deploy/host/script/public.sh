# The parts of a file that aren't secret. What isn't known to be public stays on the host.

# public FILE: prints the certificates of a file, or what isn't secret of a kubeconfig. The data
# of a client certificate may have a private key after it: only its certificates leave.
public() {
	[ -f "$1" ] || fail "$1: no such file"
	certificates <"$1"
	public_lines <"$1" | while IFS= read -r line; do
		case $line in
		*client-certificate-data:*)
			data=$(printf '%s\n' "${line##* }" | tr -d "\"'\r" | base64 -d 2>/dev/null | certificates | base64 | tr -d '\n')
			[ -z "$data" ] || printf '%s %s\n' "${line%%data:*}data:" "$data"
			;;
		*) printf '%s\n' "$line" ;;
		esac
	done
	return 0
}

# certificates: prints the certificates of standard input, each only if it is whole: one that
# was cut off may be followed by a key.
certificates() {
	awk '
		{ sub(/[ \t\r]+$/, "") }
		/^-----BEGIN / { held = $0 "\n"; inside = $0 == "-----BEGIN CERTIFICATE-----"; next }
		inside && $0 == "-----END CERTIFICATE-----" { printf "%s%s\n", held, $0; inside = 0; next }
		inside && /^[A-Za-z0-9+\/=]+$/ { held = held $0 "\n"; next }
		{ inside = 0 }'
}

# public_lines: prints the lines of a kubeconfig whose key and form are known not to be secret, and
# for which no line above says that they are part of another value: what is deeper than a line
# that isn't printed, or that has a value, is left out. After a value in quotes or brackets
# that goes on in the next line, anything may be part of it: nothing more is printed.
public_lines() {
	awk -v q="'" '
		function quoted(form, v) { return v ~ "^(" form "|\"" form "\"|" q form q ")$" }
		function count(re, s) { return gsub(re, "", s) }
		function goes_on(s) {
			return s ~ /\\/ && s ~ ("[\"" q "]") || count("\"", s) % 2 || count(q, s) % 2 || count("[[{]", s) != count("[]}]", s)
		}
		BEGIN { skip = -1; name = "[A-Za-z0-9._:@/-]+" }
		{ sub(/[ \t\r]+$/, "") }
		/^-----/ || /^ *(#.*)?$/ { next }
		/^---./ || goes_on($0) { exit }
		{
			match($0, /^ */); at = above = RLENGTH; rest = substr($0, at + 1)
			if (skip >= 0 && (at > skip || at == skip && of_key && rest ~ /^-( |$)/)) next
			while (match(rest, /^- +/)) { above = at; at += RLENGTH; rest = substr(rest, RLENGTH + 1) }
			# A list may be as deep as its key; a text in a list is deeper than the list.
			of_key = match(rest, /^[A-Za-z-]+:( |$)/)
			skip = of_key ? at : above
			if (!of_key) next
			key = value = rest
			sub(/:.*/, "", key); sub(/^[^:]*: */, "", value)
			if (value == "" && key ~ /^(clusters|contexts|users|cluster|context|user)$/) { skip = -1; print; next }
			if (key == "server") { sub("//[^/]*@", "//"); sub("//[^/]*@", "//", value) }
			if (key ~ /^(apiVersion|kind|name|cluster|user|current-context)$/ && quoted(name, value) ||
				key == "server" && quoted("https?://([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?", value) ||
				key == "client-certificate-data" && quoted("[A-Za-z0-9+/]+=*", value)) print
		}'
}
