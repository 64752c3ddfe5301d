#!/bin/sh
set -e

# Options alone mean the server.
if [ "${1#-}" != "$1" ]; then
	set -- mysqld "$@"
fi

# The server gives up root, once the data is its user's.
if [ "$1" = 'mysqld' ] && [ "$(id -u)" = '0' ]; then
	chown -R mysql /var/lib/mysql /var/run/mysqld
	exec gosu mysql "$0" "$@"
fi

exec "$@"
