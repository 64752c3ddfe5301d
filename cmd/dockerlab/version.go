package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"
)

// mainModules are the modules whose version a bug report needs.
var mainModules = []string{
	"github.com/docker/cli",
	"github.com/moby/moby/client",
	"github.com/moby/buildkit",
	"mvdan.cc/sh/v3",
	"github.com/c-bata/go-prompt",
}

func newVersion(a *app, w *words) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: w.versionShort,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return broken(fmt.Errorf("this binary holds no build information"))
			}
			fmt.Fprintf(a.out, "dockerlab %s\n%s %s/%s\n", info.Main.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			for _, m := range info.Deps {
				if slices.Contains(mainModules, m.Path) {
					fmt.Fprintf(a.out, "%s %s\n", m.Path, m.Version)
				}
			}
			return nil
		},
	}
}
