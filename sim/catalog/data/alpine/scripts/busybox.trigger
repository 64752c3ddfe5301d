#!/bin/sh
# The applets stand where no other program does.
for dir; do
	case "$dir" in
	/lib/modules/*) [ ! -d "$dir" ] || depmod "${dir##*/}" ;;
	*) links=yes ;;
	esac
done
[ -z "$links" ] || /bin/busybox --install -s
