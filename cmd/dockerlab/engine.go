package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dockerlab/dockerlab/shell"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

func newEngine(a *app, w *words) *cobra.Command {
	var address, state string
	var seed uint64
	var bounds budgetFlags
	cmd := &cobra.Command{
		Use:   "engine -H unix://PATH [--state DIR]",
		Short: w.engineShort,
		Long:  w.engineLong,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, ok := strings.CutPrefix(address, "unix://")
			if !ok || path == "" {
				return fmt.Errorf(w.engineAddress, address)
			}
			registry, err := a.registry()
			if err != nil {
				return err
			}
			// Before the socket is there: whoever waits for it may end us at once.
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			l, err := listen(path)
			if err != nil {
				return err
			}
			publisher, closePorts := a.publisher(nil, w)
			defer closePorts()
			o := shell.Options{Clock: kernel.Real, Seed: seed, Budget: bounds.budget, Registry: registry, Publish: publisher}
			timeline, closeState, err := a.timeline(state, o)
			if err != nil {
				l.Close()
				return err
			}
			defer closeState()
			o.State = timeline.State()
			lab, err := shell.Open(o)
			if err != nil {
				l.Close()
				return broken(err)
			}
			defer lab.Close()
			lab.Follow(timeline, "engine", "")
			if err := timeline.Save(); err != nil {
				l.Close()
				return broken(err)
			}
			fmt.Fprintf(a.err, w.engineReady+"\n", address)
			err = serve(ctx, l, timeline.Handler(lab.Handler()))
			if state != "" {
				lab.GoDown(context.Background())
			}
			if cerr := timeline.Close(); err == nil {
				err = cerr
			}
			return broken(err)
		},
	}
	cmd.Flags().StringVarP(&address, "host", "H", "", w.engineHost)
	cmd.MarkFlagRequired("host")
	cmd.Flags().Uint64Var(&seed, "seed", seedOfNow(), w.engineSeed)
	cmd.Flags().Lookup("seed").DefValue = ""
	cmd.Flags().StringVar(&state, "state", "", w.engineState)
	a.publishFlag(cmd, w)
	bounds.add(cmd, w)
	a.catalogFlag(cmd, w)
	return cmd
}

// listen makes a socket at path. A socket that nobody listens at any more is replaced; anything
// else is left alone.
func listen(path string) (net.Listener, error) {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSocket == 0:
		return nil, fmt.Errorf("%s is there and is no socket", path)
	default:
		if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
			conn.Close()
			return nil, fmt.Errorf("%s: another engine is listening there", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	return net.Listen("unix", path)
}

// grace is how long requests that are under way may take to end.
const grace = 3 * time.Second

// serve answers on l until ctx is done, and then lets what is under way come to its end. The
// socket is removed with l.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	defer l.Close() // the server may not have got so far as to close it
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if server.Shutdown(stopping) != nil {
		return server.Close()
	}
	return nil
}
