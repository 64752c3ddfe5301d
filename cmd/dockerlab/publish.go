package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dockerlab/dockerlab/shell/line"
	"github.com/dockerlab/dockerlab/shell/publish"
)

// publishFlag gives a verb the flag that serves published ports on this machine.
func (a *app) publishFlag(cmd *cobra.Command, w *words) {
	cmd.Flags().BoolVar(&a.publishReal, "publish-real", false, w.publishFlag)
}

// publisher serves the published ports of labs on this machine, where --publish-real asks for it:
// it is nil otherwise. It says so at the terminal t, or on standard error where there is none. end
// closes the ports.
func (a *app) publisher(t *line.Terminal, w *words) (p *publish.Publisher, end func()) {
	if !a.publishReal {
		return nil, func() {}
	}
	p = publish.New(func(n publish.Notice) {
		text := fmt.Sprintf(w.publishServed, n.Port)
		switch {
		case n.InUse():
			text = fmt.Sprintf(w.publishInUse, n.Port)
		case n.Err != nil:
			text = fmt.Sprintf(w.publishFailed, n.Port, n.Err)
		}
		if t != nil {
			fmt.Fprintf(t, "\rdockerlab: %s\r\n", text)
		} else {
			fmt.Fprintf(a.err, "dockerlab: %s\n", text)
		}
	})
	return p, p.Close
}
