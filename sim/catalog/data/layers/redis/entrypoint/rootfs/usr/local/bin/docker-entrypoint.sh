#!/bin/sh
set -e

# "docker run redis --port 7000" and "docker run redis /etc/redis.conf" mean redis-server.
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then
	set -- redis-server "$@"
fi

# The server gives up root, once the data is its user's. "--user" is allowed, too.
if [ "$1" = 'redis-server' ] && [ "$(id -u)" = '0' ]; then
	find . \! -user redis -exec chown redis '{}' +
	exec gosu redis "$0" "$@"
fi

# What the server writes is for its user alone, unless told otherwise.
if [ "$(umask)" = '0022' ]; then
	umask 0077
fi

exec "$@"
