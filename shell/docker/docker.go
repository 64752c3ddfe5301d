// Package docker is the docker command as a library: docker/cli, every flag, help page, table and
// error of it, run inside this program over whatever connection it is given.
//
// docker/cli is written to be a process of its own. It opens files, reads the environment, puts
// terminals in raw mode by file descriptor, catches signals and exits. Run gives it all of that
// from Options instead, and never touches the machine it runs on:
//
//   - the connection to the engine is Options.Dial's;
//   - files are Options.Files's: what reaches for them is listed in one table (see rewrites);
//   - variables are Options.Env's, and only a program that empties its own environment first is
//     sure that no look-up was missed;
//   - the terminal, its size and its raw mode are Options.Terminal's;
//   - ages in tables are counted on Options.Now's clock.
//
// BuildKit is off: "docker build" is the classic builder's, which the Engine API 1.41 has.
package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/cli/cli"
)

// Options are the world that one docker command line sees.
type Options struct {
	// Dial connects to the engine; network and addr are those of DOCKER_HOST or -H, by default
	// "unix" and "/var/run/docker.sock". The connection should have a CloseWrite method, or
	// "run -i" cannot tell the container that its input has ended.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	// Stdin is read as the command asks for input. When the command is done with it, and it has a
	// Close method, that is called, and must end a Read that is under way.
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// Terminal is what those streams that are terminals are connected to; nil when none is.
	Terminal                       Terminal
	StdinTTY, StdoutTTY, StderrTTY bool

	// Files are the files that the command line names.
	Files Files
	// Env is the environment, as NAME=VALUE. Dir is the absolute working directory.
	Env []string
	Dir string

	// Now is the clock of the engine's host; nil means time.Now.
	Now func() time.Time

	// Web is where build contexts that are addresses are fetched from; nil when there is no web.
	Web Web

	// Note is told of each answer of the engine: the request's method and path, without the API's
	// version, and the status. It may be nil.
	Note func(method, path string, status int)

	// Signals are the signals sent to the command, by name without SIG ("INT", "TERM").
	Signals <-chan string
}

// Terminal is the terminal of a command.
type Terminal interface {
	// Size is the size of the window in characters.
	Size() (rows, cols int)
	// MakeRaw turns off echo, line editing and signal keys until restore is called.
	MakeRaw() (restore func(), err error)
	// Resized gets a value when the size may have changed; it may be nil.
	Resized() <-chan struct{}
}

// Run runs one docker command line, args being what follows "docker", and gives its exit code.
// It returns when the command has ended, or soon after ctx is done, and then says nothing more.
func Run(outer context.Context, args []string, o Options) int {
	inv := newInvocation(o)
	defer inv.close()

	ctx, cancel := context.WithCancelCause(outer)
	defer cancel(nil)
	done := make(chan struct{})
	var watchers sync.WaitGroup
	defer watchers.Wait()
	defer close(done)
	watchers.Go(func() { inv.watch(ctx, cancel, done) })

	err := inv.run(ctx, args)
	inv.restoreTerminal()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		// What a cancelled command says is an accident of where it stood.
		var killed *signalError
		if errors.As(cause, &killed) {
			err = killed
		}
	}
	if err != nil && err.Error() != "" && !errdefs.IsCanceled(err) && outer.Err() == nil {
		fmt.Fprintln(inv.stderr, err)
	}
	return exitCode(err)
}

// signalError is the cause of a context that a signal ended. It has no text: a command that is
// interrupted says nothing.
type signalError struct{ number int }

func (e *signalError) Error() string { return "" }

// exitCode is the exit code for err. A command that is ended by a signal has 128 and the signal,
// and an error without a code of its own has 1.
func exitCode(err error) int {
	var killed *signalError
	var status cli.StatusError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &killed):
		return 128 + killed.number
	case errors.As(err, &status) && status.StatusCode != 0:
		// The exit status of a process is one byte.
		return status.StatusCode & 0xff
	}
	return 1
}

// terminating are the signals that end a command which does not forward them.
var terminating = map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "TERM": 15}

// watch acts on what happens to a command while it runs: signals, a resized window, its end.
func (inv *invocation) watch(ctx context.Context, cancel context.CancelCauseFunc, done <-chan struct{}) {
	var resized <-chan struct{}
	if inv.o.Terminal != nil {
		resized = inv.o.Terminal.Resized()
	}
	caught := 0
	for {
		select {
		case <-done:
			return
		case <-ctx.Done():
			// Most commands end by the context; "run" and "attach" look only at their connection.
			if _, signalled := context.Cause(ctx).(*signalError); !signalled || !inv.isAttached() {
				inv.hangUp()
				return
			}
			<-done
			return
		case <-resized:
			inv.resize(ctx)
		case name, ok := <-inv.o.Signals:
			if !ok {
				inv.o.Signals = nil
				continue
			}
			inv.forwardSignal(ctx, name)
			number, ok := terminating[name]
			if !ok {
				continue
			}
			if caught++; caught == 1 && !inv.isAttached() {
				cancel(&signalError{number})
			}
			if caught >= 3 {
				fmt.Fprint(inv.stderr, "\ngot 3 SIGTERM/SIGINTs, forcefully exiting\n")
				cancel(cli.StatusError{StatusCode: 1})
				inv.hangUp()
				return
			}
		}
	}
}

// lookupEnv looks a variable up in the lab's environment; the last one of a name counts.
func (inv *invocation) lookupEnv(name string) (value string, ok bool) {
	for _, entry := range inv.o.Env {
		if n, v, found := strings.Cut(entry, "="); found && n == name {
			value, ok = v, true
		}
	}
	return value, ok
}

func (inv *invocation) getenv(name string) string {
	value, _ := inv.lookupEnv(name)
	return value
}
