package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/dockerlab/dockerlab/sim/catalog"
)

// catalogFlag gives a verb that opens labs the flag for a folder of images and pages.
func (a *app) catalogFlag(cmd *cobra.Command, w *words) {
	cmd.Flags().StringVar(&a.catalog, "catalog", "", w.catalogFlag)
}

// registry is what labs pull and fetch from; nil stands for the catalogue that is built in.
func (a *app) registry() (*catalog.Registry, error) {
	if a.catalog == "" {
		return nil, nil
	}
	info, err := os.Stat(a.catalog)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder", a.catalog)
	}
	if err != nil {
		return nil, fmt.Errorf("--catalog: %w", err)
	}
	return catalog.OpenDir(os.DirFS(a.catalog)), nil
}
