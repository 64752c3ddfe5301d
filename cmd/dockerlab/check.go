package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/dockerlab/dockerlab/shell/check"
	"github.com/dockerlab/dockerlab/sim/catalog"
)

// maxDockerfile is the most of a file that check reads, in bytes.
const maxDockerfile = 4 << 20

func newCheck(a *app, w *words) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "check DOCKERFILE",
		Short: w.checkShort,
		Long:  w.checkLong,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return fmt.Errorf("--format: want one of json, text")
			}
			text, err := readDockerfile(args[0])
			if err != nil {
				return err
			}
			images := catalog.Open()
			report, err := check.Dockerfile(cmd.Context(), filepath.Base(args[0]), text, func(ref reference.Named) ([]byte, digest.Digest, error) {
				img, err := images.Resolve(ref)
				if err != nil {
					return nil, "", err
				}
				return img.ConfigJSON, img.Digest, nil
			})
			if err != nil {
				return broken(err)
			}
			write := report.WriteText
			if format == "json" {
				write = report.WriteJSON
			}
			if err := write(a.out); err != nil {
				return broken(err)
			}
			if !report.Clean() {
				return &exitError{code: exitFailed}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", w.checkFormat)
	return cmd
}

func readDockerfile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxDockerfile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxDockerfile {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxDockerfile)
	}
	return text, nil
}
