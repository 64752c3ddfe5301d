#!/bin/sh
set -e

# Options alone mean the server.
if [ "${1#-}" != "$1" ]; then
	set -- mongod "$@"
fi

# The server gives up root, once the data is its user's.
if [ "$1" = 'mongod' ] && [ "$(id -u)" = '0' ]; then
	chown -R mongodb /data/configdb /data/db
	exec gosu mongodb "$0" "$@"
fi

exec "$@"
