// Command dockerlab is Docker without Docker: a simulated host and engine in one program, with
// the real docker command in front, lessons that teach it and a grader that marks it.
//
// This package holds the verbs and their flags and nothing else; every verb hands over to the
// package that does the work at once.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// The exit codes of every verb. A script run by "sh" exits with its own code instead.
const (
	exitOK     = 0
	exitFailed = 1 // a check or a script failed
	exitUsage  = 2 // wrong use, or a broken lesson or assignment
	exitBroken = 3 // we failed
)

// exitError carries the exit code of an error up to main. A nil err prints nothing: a script has
// said what there was to say.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// broken marks err as our own failure.
func broken(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitBroken, err}
}

// streams are the three standard streams; tests bring their own.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	// The lab's host keeps UTC, and docker/cli prints times in the program's zone.
	time.Local = time.UTC
	env := takeEnvironment()
	os.Exit(run(context.Background(), os.Args[1:], env, streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run carries out one command line and gives the exit code.
func run(ctx context.Context, args []string, env environment, s streams) int {
	cmd := newRoot(args, env, s)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		// Everything that cobra itself refuses is wrong use.
		exit = &exitError{exitUsage, err}
	}
	if exit.err != nil {
		fmt.Fprintf(s.err, "dockerlab: %v\n", exit.err)
	}
	return exit.code
}
