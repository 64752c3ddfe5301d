//go:build unix

package line

import (
	"os"
	"os/signal"
	"syscall"
)

// watchSize sends to resized when the system says that the window has another size.
func watchSize(resized chan<- struct{}) (stop func()) {
	c := make(chan os.Signal, 1)
	done := make(chan struct{})
	signal.Notify(c, syscall.SIGWINCH)
	go func() {
		for {
			select {
			case <-c:
				select {
				case resized <- struct{}{}:
				default:
				}
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(c)
		close(done)
	}
}
