package docker

import (
	_ "unsafe" // for go:linkname

	_ "github.com/docker/cli/cli-plugins/manager"
)

// pluginDirs are the machine's directories of docker plugins. "docker info" lists what is there,
// by running it, and has no option that prevents it; so the list is emptied. The one directory
// more where it looks, below the client's configuration, is noConfigDir's.
//
//go:linkname pluginDirs github.com/docker/cli/cli-plugins/manager.defaultSystemPluginDirs
var pluginDirs []string

// noConfigDir stands where docker/cli would have the configuration directory of the machine's
// user. Nothing can be below it.
const noConfigDir = "/dev/null/docker"
