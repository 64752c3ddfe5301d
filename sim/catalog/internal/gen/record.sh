#!/bin/bash
# Record the facts that the catalogue is made of, from a real Debian, into a work directory:
#
#	record.sh WORKDIR [BASE]
#
# As root, on Debian with debootstrap, with a package mirror in reach. BASE is a root that
# "debootstrap --variant=minbase bookworm" made; without it one is made here. Then
# "go run ./sim/catalog/internal/gen -from WORKDIR" turns the record into sim/catalog/data.
#
#	base.tsv            every path of BASE, as find -printf prints it (see FORMAT)
#	base/               BASE itself
#	debs/*.deb          the packages of BASE and of packages.txt, with all that they pull in
#	effects/PKG.diff    what configuring PKG changed, as diff prints it over two such lists
#	effects/PKG.passwd  and .group: the lines that it added to these files
#	order               the packages in the order in which apt configures them
#	inst/               the root in which they are all installed, for its alternatives
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$1 base=${2:-}
FORMAT='%P\t%y\t%m\t%U\t%G\t%s\t%T@\t%n\t%i\t%l\n'
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

mkdir -p "$work"/{debs,effects}
cd "$work"
if [[ ! -d base ]]; then
	if [[ $base ]]; then
		cp -a "$base" base
	else
		debootstrap --variant=minbase bookworm base
		rm -rf base/var/cache/apt/archives/*.deb base/var/lib/apt/lists/*
	fi
fi
find base -xdev -printf "$FORMAT" | sort >base.tsv

rm -rf inst
cp -a base inst
cp /etc/resolv.conf inst/etc/resolv.conf
printf '#!/bin/sh\nexit 101\n' >inst/usr/sbin/policy-rc.d # no service starts
chmod 755 inst/usr/sbin/policy-rc.d
mount --bind /dev inst/dev
mount -t proc proc inst/proc
trap 'umount "$work"/inst/{dev,proc}' EXIT
mapfile -t want <"$here/packages.txt"
chroot inst apt-get update
chroot inst dpkg-query -Wf '${Package}\n' >base.packages
(cd inst/var/cache/apt/archives && chroot "$work/inst" sh -c 'cd /var/cache/apt/archives && exec apt-get download "$@"' sh $(cat "$work/base.packages"))
mv inst/var/cache/apt/archives/*.deb debs
chroot inst apt-get install -y --download-only "${want[@]}"
chroot inst apt-get install -s -y "${want[@]}" | awk '/^Conf /{print $2}' >order
chroot inst sh -c 'cd /var/cache/apt/archives && dpkg --unpack --force-depends *.deb'

snapshot() {
	find inst -xdev \( -path inst/proc -o -path inst/dev -o -path inst/var/cache/apt -o -path inst/var/lib/dpkg \) -prune \
		-o -printf "$FORMAT" | sort >"$1"
}
snapshot before
for p in $(cat order); do
	cp inst/etc/passwd inst/etc/group .
	chroot inst dpkg --configure --force-depends "$p"
	snapshot after
	diff before after >"effects/$p.diff" || true
	mv after before
	diff passwd inst/etc/passwd | sed -n 's/^> //p' >"effects/$p.passwd" || true
	diff group inst/etc/group | sed -n 's/^> //p' >"effects/$p.group" || true
done
find effects -empty -delete
mv inst/var/cache/apt/archives/*.deb debs
