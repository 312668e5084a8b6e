#!/bin/sh
# ssh -G prints how a host is reached, and not all of it as ssh would use it. Names of keys
# and certificates come as they were written, with ~, %h and ${VAR} in them, while those of
# known_hosts files and the agent's socket come with all of it put in. A list of
# known_hosts files is printed with a space between its names, and a name's own spaces look
# the same, though the configuration has to quote them. And where ProxyJump is "none" on
# the command line, a ProxyCommand of the configuration goes on counting. Who reads that
# output has to put the rest in, and to know where a name ends.
#
# ControlPath is printed with everything put in, so that one which lists the tokens has
# ssh tell them all.
set -eu
D=$(mktemp -d)
trap 'rm -rf "$D"' EXIT
cat >"$D/config" <<'END'
Host n1
	HostName n1.example
	IdentityFile ~/keys/%h-${WORD}
	CertificateFile ~/keys/%h-cert.pub
	UserKnownHostsFile "/tmp/a b/%h" /tmp/c
	IdentityAgent /run/%h-${WORD}
Host n2
	ProxyCommand nc %h %p
END
export WORD=word
ssh -V 2>&1
ssh -G -T -F "$D/config" -o 'ControlPath=~/|%h|%r|%p' -p 7 -l me n1 >"$D/n1"
grep -E '^(identityfile|certificatefile|userknownhostsfile|identityagent|controlpath) ' "$D/n1"
ssh -G -T -F "$D/config" -o ProxyJump=none n2 >"$D/n2"
grep -E '^proxy(command|jump) ' "$D/n2"
grep -qxF 'identityfile ~/keys/%h-${WORD}' "$D/n1"
grep -qxF 'certificatefile ~/keys/%h-cert.pub' "$D/n1"
grep -qxF 'userknownhostsfile /tmp/a b/n1.example /tmp/c' "$D/n1"
grep -qxF 'identityagent /run/n1.example-word' "$D/n1"
grep -qx 'controlpath /.*/|n1\.example|me|7' "$D/n1"
grep -qxF 'proxycommand nc %h %p' "$D/n2"
echo "so it is: some names are as they were written, a list is one line without quotes, and ProxyJump none leaves ProxyCommand"
