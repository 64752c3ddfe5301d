//go:build !unix

package line

import "time"

// watchSize looks at the window now and then: nothing tells when it changes.
func watchSize(resized chan<- struct{}) (stop func()) {
	tick := time.NewTicker(time.Second)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-tick.C:
				select {
				case resized <- struct{}{}:
				default:
				}
			case <-done:
				tick.Stop()
				return
			}
		}
	}()
	return func() { close(done) }
}
