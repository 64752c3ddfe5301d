package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signalError is the cause of a context that a signal ended.
type signalError struct{ os.Signal }

func (e signalError) Error() string { return e.Signal.String() }

func (e signalError) number() int {
	if n, ok := e.Signal.(syscall.Signal); ok {
		return int(n)
	}
	return 1
}

// untilSignal is ctx until SIGINT, SIGTERM or SIGHUP comes; its cause is then a signalError. A
// second signal ends the program as ever.
func untilSignal(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		select {
		case sig := <-c:
			signal.Stop(c)
			cancel(signalError{sig})
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(c)
		close(done)
		cancel(nil)
	}
}
