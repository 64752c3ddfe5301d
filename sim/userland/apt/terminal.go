package apt

import (
	"bytes"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// onTerminal runs dpkg as APT does: as a child on a terminal of its own, both streams of which APT
// passes on to its own output and to term.log. Lines then end in a carriage return as well. With
// -o Dpkg::Use-Pty=0 the child has APT's streams.
func (s *session) onTerminal(work func(*session) bool) bool {
	s.c.Out.Flush()
	began := s.stamp(s.c.Now())
	pty := s.config.flag("Dpkg::Use-Pty", true)
	var r, w int
	if pty {
		var err error
		if r, w, err = s.c.Pipe(); err != nil {
			return false
		}
	}
	pid, err := s.c.Fork(func(child *kernel.Proc) int {
		if pty {
			child.Close(r)
			child.Dup2(w, 1)
			child.Dup2(w, 2)
			child.Close(w)
		}
		run := func(c *prog.Ctx) int {
			inside := *s
			inside.c, inside.pty = c, pty
			if !work(&inside) {
				return 1
			}
			return 0
		}
		return prog.Program{Name: "dpkg", Run: run}.RunArgs(child, prog.GNU, "dpkg", nil)
	})
	if pty {
		s.c.Close(w)
	}
	if err != nil {
		if pty {
			s.c.Close(r)
		}
		return false
	}
	var log bytes.Buffer
	if pty {
		s.pass(r, &log)
		s.c.Close(r)
	}
	_, status, err := s.c.Wait(pid, 0)
	s.appendTo(logDir+"/term.log", "\nLog started: "+began+"\n"+log.String()+"Log ended: "+s.stamp(s.c.Now())+"\n", 0o640)
	return err == nil && status.Code == 0 && status.Signal == 0
}

// maxLog bounds what is kept for term.log, in bytes.
const maxLog = 1 << 20

// pass copies what the terminal shows to the output, and to the log.
func (s *session) pass(fd int, log *bytes.Buffer) {
	b := make([]byte, 4096)
	for {
		n, err := s.c.Proc.Read(fd, b)
		if err != nil || n == 0 {
			break
		}
		text := bytes.ReplaceAll(b[:n], []byte("\n"), []byte("\r\n"))
		if log.Len() < maxLog {
			log.Write(text)
		}
		s.c.Out.Write(text)
		s.c.Out.Flush()
	}
}
