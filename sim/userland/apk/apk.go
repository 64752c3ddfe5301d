// Package apk is the lab's apk, the package manager of Alpine Linux: version 2.6.7 of Alpine 3.4,
// 2.10.8 of 3.10 and 2.12.10 of 3.17, as the file /sbin/apk says.
//
//	/etc/apk/repositories ─▶ indexes ───────┐
//	/lib/apk/db/installed ──────────────────┼▶ database ─▶ solve ─▶ changes ─▶ commit
//	/etc/apk/world, with what was asked for ┘                └▶ report
//
// All that is installed follows from the world, the list of what somebody asked for: add and del
// change the world, solve finds the packages that it needs, and commit makes it so. The database is
// the truth; what a package holds is the catalogue's (package alpine).
package apk

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/alpine"
	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/reach"
)

// Repositories is where packages come from, a *catalog.Registry.
type Repositories interface {
	// Alpine is a repository at a host and path, nil where there is none.
	Alpine(host, path string) (*alpine.Repository, error)
	// AlpineContents is what a package of a release holds.
	AlpineContents(release string, p *alpine.Package) (*alpine.Contents, error)
	// FileContent is what a file of a package holds; family is that of the programs.
	FileContent(e manifest.Entry, family string) (layer.Content, error)
}

// none has nothing.
type none struct{}

func (none) Alpine(string, string) (*alpine.Repository, error) { return nil, nil }
func (none) AlpineContents(string, *alpine.Package) (*alpine.Contents, error) {
	return new(alpine.Contents), nil
}
func (none) FileContent(manifest.Entry, string) (layer.Content, error) { return layer.Text(""), nil }

// Programs are apk.
func Programs(repositories Repositories) []prog.Program {
	if repositories == nil {
		repositories = none{}
	}
	return []prog.Program{{Name: "apk", Families: prog.Busybox, Run: func(c *prog.Ctx) int { return run(c, repositories) }}}
}

// The versions whose words differ.
const (
	v26  = "2.6.7"
	v212 = "2.12.10"
)

// session is one run of apk.
type session struct {
	c            *prog.Ctx
	repositories Repositories
	version      string
	options
	db *database
}

// since says that the program is of that version or a later one.
func (s *session) since(version string) bool { return alpine.Compare(s.version, version) >= 0 }

// message says what -q silences.
func (s *session) message(format string, args ...any) {
	if s.verbosity > 0 {
		s.c.Printf(format+"\n", args...)
	}
}

// fail says what went wrong.
func (s *session) fail(format string, args ...any) { s.log("ERROR: "+format+"\n", args...) }

// warn says what may go wrong.
func (s *session) warn(format string, args ...any) {
	if s.verbosity > 0 {
		s.log("WARNING: "+format+"\n", args...)
	}
}

// log writes what goes wrong: to standard output, before apk knew better.
func (s *session) log(format string, args ...any) {
	if s.since("2.10.0") {
		s.c.Errorf(format, args...)
	} else {
		s.c.Printf(format, args...)
	}
}

// why words an error as apk does.
func why(err error) string {
	if e, ok := err.(*reach.Error); ok {
		switch e.Kind {
		case reach.BadURL, reach.BadScheme:
			return "invalid URL (check your repositories file)"
		case reach.NoNetwork:
			return "temporary error (try again later)"
		case reach.NoHost:
			return "DNS lookup error"
		case reach.Untrusted:
			return "Permission denied"
		case reach.NoConnection:
			switch e.Errno {
			case linux.ECONNREFUSED:
				return "could not connect to server (check repositories file)"
			case linux.ENETUNREACH, linux.EHOSTUNREACH:
				return "network error (check Internet connection and firewall)"
			case linux.ETIMEDOUT:
				return "operation timed out"
			}
		case reach.Refused:
			if e.Status == 404 {
				return "No such file or directory"
			}
		}
		return "remote server returned error (try 'apk update')"
	}
	switch e := err.(type) {
	case linux.Errno:
		return e.Error()
	case noRepository:
		return e.Error()
	}
	return "IO ERROR"
}

// command is one of apk's.
type command struct {
	name   string
	opens  open
	own    []option // beside the global ones
	commit bool     // it has the options of commands that change the system
	run    func(*session, []string) int
	about  string
}

var commands []command

func init() {
	commands = []command{
		{"add", open{write: true, fetch: true}, addOptions, true, (*session).add, "Add packages to WORLD and commit changes"},
		{"del", open{write: true}, delOptions, true, (*session).del, "Remove packages from WORLD and commit changes"},
		{"fix", open{write: true, fetch: true}, fixOptions, true, (*session).fix, "Fix, reinstall or upgrade packages without modifying WORLD"},
		{"update", open{write: true, fetch: true, refresh: true}, nil, false, (*session).update, "Update repository indexes"},
		{"upgrade", open{write: true, fetch: true}, upgradeOptions, true, (*session).upgrade, "Install upgrades available from repositories"},
		{"info", open{}, infoOptions, false, (*session).info, "Give detailed information about packages or repositories"},
		{"search", open{noState: true}, searchOptions, false, (*session).search, "Search for packages by name or description"},
		{"list", open{}, listOptions, false, (*session).list, "List packages matching a pattern or other criteria"},
		{"policy", open{}, nil, false, (*session).policy, "Show repository policy for packages"},
		{"stats", open{}, nil, false, (*session).stats, "Show statistics about repositories and installations"},
		{"version", open{}, versionOptions, false, (*session).versions, "Compare package versions or perform tests on version strings"},
		{"fetch", open{noWorld: true}, fetchOptions, false, (*session).fetch, "Download packages from global repositories to a local directory"},
		{"cache", open{cache: true}, cacheOptions, false, (*session).cache, "Manage the local package cache"},
	}
}

// unknown are commands of apk that the lab lacks.
var unknown = []string{"audit", "dot", "index", "manifest", "verify"}

func run(c *prog.Ctx, repositories Repositories) int {
	s := &session{c: c, repositories: repositories, version: cmp.Or(c.Release(), v212)}
	s.verbosity = 1
	c.Umask(0)
	var cmd *command
	for _, a := range c.Args {
		if i := slices.IndexFunc(commands, func(k command) bool { return k.name == a && (a != "list" || s.since("2.10.0")) }); i >= 0 {
			cmd = &commands[i]
			break
		}
		if slices.Contains(unknown, a) {
			c.Errorf("apk: the lab's apk has no command %s\n", a)
			return 1
		}
	}
	s.progress = c.Isatty(0) && c.Isatty(1) && c.Isatty(2)
	if s.since("2.12.0") && c.Getenv("TERM") == "dumb" {
		s.progress = false
	}
	args, status, done := s.parse(cmd)
	if done {
		return status
	}
	if cmd == nil {
		if len(args) > 0 && s.since("2.12.0") {
			s.fail("'%s' is not an apk command. See 'apk --help'.", args[0])
			return 1
		}
		return s.usage(nil)
	}
	if len(args) > 0 && args[0] == cmd.name {
		args = args[1:]
	}
	o := cmd.opens
	o.write = o.write && !s.simulate
	o.refresh = o.refresh || s.refresh
	o.noRepos = cmd.name == "info" && (s.flags["installed"] || s.flags["who-owns"]) || s.flags["test"] || s.flags["check"]
	if status = s.open(o); status == 0 {
		status = cmd.run(s, args)
	}
	switch {
	case status < 0 && !s.since("2.10.0"):
		return status & 0xff
	case status < 0, status > 99: // 250, and then
		return 99
	}
	return status
}

// versionLine is what -V says.
func (s *session) versionLine() string {
	return fmt.Sprintf("apk-tools %s, compiled for x86_64.\n", s.version)
}

// usage tells the commands, or the options of one.
func (s *session) usage(cmd *command) int {
	var b strings.Builder
	b.WriteString(s.versionLine())
	if cmd == nil {
		b.WriteString("\nusage: apk [<OPTIONS>...] COMMAND [<ARGUMENTS>...]\n\nCommands of the lab's apk:\n")
		for _, k := range commands {
			fmt.Fprintf(&b, "  %-10s %s\n", k.name, k.about)
		}
	} else {
		fmt.Fprintf(&b, "\nusage: apk %s [<OPTIONS>...] [<ARGUMENTS>...]\n\n%s.\n", cmd.name, cmd.about)
		list := func(what string, options []option) {
			if len(options) > 0 {
				fmt.Fprintf(&b, "\n%s options:\n", what)
			}
			for _, o := range options {
				b.WriteString("  " + o.usage() + "\n")
			}
		}
		list("Command", cmd.own)
		if cmd.commit {
			list("Commit", commitOptions)
		}
		list("Global", globalOptions)
	}
	if s.since("2.12.0") {
		b.WriteString("\nThis apk has coffee making abilities.\n")
	} else {
		b.WriteString("\nThis apk has coffee making abilities.\n")
	}
	s.c.Print(b.String())
	return 1
}
