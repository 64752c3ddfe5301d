#!/bin/sh
version=$(ls -d /usr/libexec/postgresql[0-9]* 2>/dev/null | sed 's/.*postgresql//' | sort -n | tail -1)
[ -z "$version" ] || echo "* Setting postgresql$version as the default version"
