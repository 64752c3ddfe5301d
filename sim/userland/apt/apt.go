// Package apt is the lab's APT: apt-get, apt, apt-cache and apt-mark, as apt 2.6.1 has them. It
// decides what is to be installed and removed, fetches it, and hands it on to package dpkg.
//
//	sources.list ─▶ update ─▶ /var/lib/apt/lists ─┐
//	                  /var/lib/dpkg/status ───────┴▶ cache ─▶ plan ─▶ order ─▶ fetch ─▶ dpkg.Run
//
// Which packages an archive has comes from the lists that an update left: without them there is
// nothing to be installed. The archives themselves are hosts of the lab's web, reached over the
// container's network; what they hold is the catalogue's, so that a download costs no memory.
//
// The order in which packages are fetched and unpacked, and all words, are those of the real one.
package apt

import (
	"github.com/dockerlab/dockerlab/sim/catalog"
	"github.com/dockerlab/dockerlab/sim/userland/dpkg"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Archives is where packages come from, a *catalog.Registry.
type Archives interface {
	dpkg.Facts
	// Archive is a distribution in an archive; nil where there is none.
	Archive(host, root, name string) (*catalog.Archive, error)
}

// none has nothing.
type none struct{ dpkg.Facts }

func (none) Archive(string, string, string) (*catalog.Archive, error) { return nil, nil }

// Programs are the programs of APT.
func Programs(archives Archives) []prog.Program {
	if archives == nil {
		archives = none{dpkg.NoFacts}
	}
	with := func(binary string, run func(*session) int) prog.Program {
		return prog.Program{Name: binary, Families: prog.GNU, Run: func(c *prog.Ctx) int { return start(c, archives, binary, run) }}
	}
	return []prog.Program{
		with("apt-get", (*session).get),
		with("apt", (*session).apt),
		with("apt-cache", (*session).query),
		with("apt-mark", (*session).mark),
		with("apt-config", (*session).showConfig),
	}
}

const version = "2.6.1"

// session is one run of a program of APT.
type session struct {
	c        *prog.Ctx
	archives Archives
	binary   string
	config   *config
	args     []string // what follows the options: the command and its operands
	pty      bool     // dpkg runs on a terminal of APT's
	held     int64    // bytes that were fetched, of which is yet to be told
}

// fail says E: and ends with 100.
func (s *session) fail(format string, args ...any) int {
	s.c.Errorf("E: "+format+"\n", args...)
	return 100
}

// notice says N:, which only those who watch are told.
func (s *session) notice(format string, args ...any) {
	if s.config.number("quiet") == 0 {
		s.c.Errorf("N: "+format+"\n", args...)
	}
}

// warn says W:.
func (s *session) warn(format string, args ...any) { s.c.Errorf("W: "+format+"\n", args...) }

// start reads configuration and options.
func start(c *prog.Ctx, archives Archives, binary string, run func(*session) int) int {
	s := &session{c: c, archives: archives, binary: binary, config: readConfig(c)}
	if binary == "apt" {
		s.config.set("apt::keep-downloaded-packages", "false")
		s.config.set("apt::get::upgrade-allow-new", "true")
		s.config.set("apt::cmd::show-update-stats", "true")
	}
	if status, done := s.options(); done {
		return status
	}
	if !c.Isatty(1) && s.config.number("quiet") == 0 {
		s.config.set("quiet", "1")
	}
	return run(s)
}

// say writes what -qq silences.
func (s *session) say(format string, args ...any) {
	if s.config.number("quiet") < 2 {
		s.c.Printf(format, args...)
	}
}

// root says that the program may change the system.
func (s *session) root() bool { return s.c.Cred().UID == 0 }
