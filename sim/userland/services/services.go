// Package services holds the servers that the lab's images run: nginx, Apache's httpd and redis,
// with their clients. They read their real configuration files, serve over the lab's network, write
// the files and log lines that the real ones write, and heed the same signals.
package services

import (
	"slices"

	"github.com/dockerlab/dockerlab/sim/userland/services/apache"
	"github.com/dockerlab/dockerlab/sim/userland/services/nginx"
	"github.com/dockerlab/dockerlab/sim/userland/services/redis"
)

// Programs are the servers.
var Programs = slices.Concat(nginx.Programs, apache.Programs, redis.Programs)
