package engineapi

import (
	"io"
	"net/http"

	"golang.org/x/net/websocket"

	"github.com/dockerlab/dockerlab/sim/container"
)

// attachWebSocket is attachContainer over a websocket, in both directions and without headers that
// would tell output from errors.
func (a *api) attachWebSocket(w http.ResponseWriter, r *request) error {
	if err := r.parseForm(); err != nil {
		return err
	}
	over, served := make(chan struct{}), make(chan struct{})
	upgraded, hangUp := false, func() error { return nil }
	err := a.e.Attach(r.Context(), r.vars["name"], container.Attach{
		Stdin: true, Stdout: true, Stderr: true,
		Logs: r.flag("logs"), Stream: r.flag("stream"), DetachKeys: r.FormValue("detachKeys"),
		Open: func(bool) (io.Reader, container.FrameWriter, error) {
			upgraded = true
			ready := make(chan *websocket.Conn, 1)
			s := websocket.Server{Handler: func(conn *websocket.Conn) {
				ready <- conn
				<-over
			}}
			go func() {
				defer close(served)
				s.ServeHTTP(w, r.Request)
			}()
			select {
			case conn := <-ready:
				if r.atLeast("1.28") {
					conn.PayloadType = websocket.BinaryFrame
				}
				hangUp = conn.Close
				return conn, frames{conn, false}, nil
			case <-served: // with an answer that refuses the upgrade
				return nil, nil, http.ErrNotSupported
			}
		},
	})
	hangUp()
	close(over)
	if !upgraded {
		return err
	}
	<-served
	return nil
}
