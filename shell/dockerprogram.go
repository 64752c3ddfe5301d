package shell

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/dockerlab/dockerlab/shell/docker"
	"github.com/dockerlab/dockerlab/sim"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// dockerSignals are the signals that the docker command catches: those it forwards to a container
// and those that end it.
var dockerSignals = []linux.Signal{
	linux.SIGHUP, linux.SIGINT, linux.SIGQUIT, linux.SIGTERM, linux.SIGUSR1, linux.SIGUSR2, linux.SIGWINCH,
}

// runDocker is /usr/bin/docker on the lab's host: the docker command as a program of the kernel.
// It talks to the engine through the lab's own socket, of which remote, unless it is nil, is the other
// end; it tells note what it asks there, and fetches from web.
func runDocker(p *kernel.Proc, remote func(context.Context) (net.Conn, error), web docker.Web, note func(method, path string, status int)) int {
	for _, sig := range dockerSignals {
		if p.Disposition(sig) != kernel.Ignore {
			p.Signal(sig, kernel.Catch)
		}
	}
	args := p.Args()
	if len(args) > 0 {
		args = args[1:]
	}
	dir, err := p.Getwd()
	if err != nil {
		dir = "/"
	}
	env := p.Env()
	ns, k := p.Sandbox().Net(), p.Kernel()
	return p.Outside(func(o *kernel.Outside) int {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		signals := make(chan string, 16)
		resized := make(chan struct{}, 1)
		ended := make(chan struct{})
		defer close(ended)
		go func() {
			for {
				select {
				case sig := <-o.Signals():
					if sig == linux.SIGWINCH {
						select {
						case resized <- struct{}{}:
						default:
						}
						continue
					}
					select {
					case signals <- sig.Name():
					default:
					}
				case <-o.Done():
					cancel()
					return
				case <-ended:
					return
				}
			}
		}()
		opts := docker.Options{
			Dial:    dialer(o, ns, k, remote),
			Stdin:   o.Reader(0),
			Stdout:  o.Writer(1),
			Stderr:  o.Writer(2),
			Files:   labFiles{o},
			Env:     env,
			Dir:     dir,
			Signals: signals,
			Web:     web,
			Note:    note,
			Now: func() (now time.Time) {
				o.Do(func(*vfs.View) { now = k.Now() })
				return now
			},
			StdinTTY:  o.Isatty(0),
			StdoutTTY: o.Isatty(1),
			StderrTTY: o.Isatty(2),
		}
		for fd := range 3 {
			if o.Isatty(fd) {
				opts.Terminal = &labTerminal{o: o, fd: fd, resized: resized}
				break
			}
		}
		return docker.Run(ctx, args, opts)
	})
}

// dialer connects to sockets of the lab.
func dialer(o *kernel.Outside, ns *kernel.NetNS, k *kernel.Kernel, remote func(context.Context) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if remote != nil && network == "unix" && addr == sim.Socket {
			return remote(ctx)
		}
		switch network {
		case "unix":
			conn, err := o.DialUnix(addr)
			if err != nil {
				if errno, ok := err.(linux.Errno); ok {
					err = os.NewSyscallError("connect", goErrno{errno})
				}
				return nil, &net.OpError{Op: "dial", Net: "unix", Addr: &net.UnixAddr{Name: addr, Net: "unix"}, Err: err}
			}
			return conn, nil
		case "tcp":
			to, err := netip.ParseAddrPort(addr)
			if err != nil {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}}
			}
			return ns.Dial(k, to)
		}
		return nil, fmt.Errorf("the lab has no %s connections", network)
	}
}

// labTerminal is the terminal of the docker process.
type labTerminal struct {
	o       *kernel.Outside
	fd      int
	resized chan struct{}
}

func (t *labTerminal) Size() (rows, cols int) {
	rows, cols, err := t.o.Winsize(t.fd)
	if err != nil {
		return 24, 80
	}
	return rows, cols
}

func (t *labTerminal) MakeRaw() (restore func(), err error) {
	mode, err := t.o.Tcgetattr(t.fd)
	if err != nil {
		return nil, err
	}
	if err := t.o.Tcsetattr(t.fd, mode.Raw()); err != nil {
		return nil, err
	}
	return func() { _ = t.o.Tcsetattr(t.fd, mode) }, nil
}

func (t *labTerminal) Resized() <-chan struct{} { return t.resized }
