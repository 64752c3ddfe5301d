#!/bin/sh
# Everything that is trusted in one file, and each by a name of its own.
cd /usr/share/ca-certificates/mozilla 2>/dev/null || exit 0
for cert in *.crt; do
	ln -sf "/usr/share/ca-certificates/mozilla/$cert" "/etc/ssl/certs/ca-cert-${cert%.crt}.pem"
done
cat *.crt > /etc/ssl/certs/ca-certificates.crt
