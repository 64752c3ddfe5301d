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
#	effects/PKG.out     what dpkg printed meanwhile
#	effects/PKG.passwd  and .group: the lines that it added to these files
#	gone/PKG.remove     what dpkg prints when it removes PKG, and .purge when it purges it; with
#	                    .diff, what that changed
#	order               the packages in the order in which apt configures them
#	inst/               the root in which they are all installed, for its alternatives
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$1 base=${2:-}
FORMAT='%P\t%y\t%m\t%U\t%G\t%s\t%T@\t%n\t%i\t%l\n'
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

mkdir -p "$work"/{debs,effects,gone}
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

umount inst/dev inst/proc

# From here on inst is a layer over what was unpacked, and rest one over inst: what changes is found
# without going through all files. The layers are in memory, as dpkg waits for the disk at each step.
layers=$(mktemp -d /dev/shm/record.XXXX)
over() { # DIR LOWER...: mounts DIR as a layer of its own
	local dir=$1 lower
	shift
	lower=$(IFS=:; echo "$*")
	mkdir -p "$dir" "$layers/$dir" "$layers/$dir.work"
	mount -t overlay overlay -o "lowerdir=$lower,upperdir=$layers/$dir,workdir=$layers/$dir.work" "$dir"
	mount --bind /dev "$dir/dev"
	mount -t proc proc "$dir/proc"
}
trap 'umount rest/{dev,proc,} inst/{dev,proc} || true' EXIT
mv inst unpacked
over inst unpacked
root=inst

# quietly is a command as a build runs it: no terminal, nobody to answer.
quietly() { env -i PATH="$PATH" HOME=/root timeout 300 chroot "$root" "$@" </dev/null; }
# changes are the paths that changed since $layers/stamp was touched, as lines of diff: those that
# are gone, of which only the path counts, and those that are there.
changes() {
	local up=$layers/$root
	find "$up" \( -path "$up/var/cache/apt" -o -path "$up/var/lib/dpkg" -o -path "$up/proc" -o -path "$up/dev" \) -prune \
		-o -newercc "$layers/stamp" ! -type c -printf "> $FORMAT" -o -newercc "$layers/stamp" -type c -printf "< $FORMAT" | sort
}
for p in $(cat order); do
	cp inst/etc/passwd inst/etc/group .
	touch "$layers/stamp"
	quietly dpkg --configure --force-depends --force-unsafe-io "$p" >"effects/$p.out" 2>&1 || echo "$p: not configured" >&2
	changes >"effects/$p.diff"
	diff passwd inst/etc/passwd | sed -n 's/^> //p' >"effects/$p.passwd" || true
	diff group inst/etc/group | sed -n 's/^> //p' >"effects/$p.group" || true
done
find effects -empty -delete
mv inst/var/cache/apt/archives/*.deb debs || true
find inst -xdev -printf "$FORMAT" >inst.tsv

# What goes again, and what stays.
umount inst/dev inst/proc
over rest "$layers/inst" unpacked
root=rest
for p in $(tac order); do
	compgen -G "rest/var/lib/dpkg/info/$p*.p*rm" >/dev/null || continue
	for how in remove purge; do
		touch "$layers/stamp"
		quietly dpkg --$how --force-depends --force-unsafe-io "$p" >"gone/$p.$how" 2>&1 || echo "$p: not ${how}d" >&2
		changes >"gone/$p.$how.diff"
	done
done
find gone -empty -delete
