#!/bin/sh
# Records the help texts of the real programs again: busybox.txtar from the image busybox:latest
# (Debian's busybox-static 1:1.35.0-4) and gnu.txtar from a Debian bookworm on which procps,
# psmisc and tree are installed. Run it in this directory with a Docker engine at hand.
set -eu
docker run --rm -i busybox sh -s > busybox.txtar <<'IN'
echo "-- --list-full --"
busybox --list-full
busybox --list | while read a; do
	echo "-- $a --"
	busybox $a --help 2>&1 </dev/null | sed '1,2d' | grep -v '^No help available$'
done
IN
# In a container of its own: programs that know no --help must not find anything to harm.
docker run --rm -i "${1:-debian}" bash -s > gnu.txtar <<'IN'
command -v ps >/dev/null || { apt-get update && apt-get install -y procps psmisc tree; } >/dev/null 2>&1
for p in $(for d in coreutils findutils procps util-linux psmisc passwd login tree sed grep gawk tar gzip bzip2 diffutils \
	hostname debianutils mount libc-bin bsdutils bsdextrautils xz-utils dpkg; do dpkg -L $d 2>/dev/null; done |
	sed -n 's|^.*/s\{0,1\}bin/||p' | sort -u); do
	for o in --help --version; do
		out=$(timeout 2 $p $o </dev/null 2>/dev/null | head -c 20000 | tr -d '\0') || continue
		[ -n "$out" ] && printf '%s\n%s\n' "-- $p $o --" "$out"
	done
done
IN
