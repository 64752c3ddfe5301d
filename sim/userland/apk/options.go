package apk

import (
	"strings"
)

// options is what the command line asks for.
type options struct {
	verbosity int
	root      string
	extra     []string // repositories of -X, the last first
	// What a run must, or must not, do.
	progress, simulate, noScripts, noCache, noNetwork, purge, interactive, updateCache, untrusted, refresh bool
	forceOverwrite, forceBroken, forceNonRepository, forceBinary                                           bool
	file                                                                                                   string // of repositories
	limit, output                                                                                          string
	virtual                                                                                                string
	isVirtual                                                                                              bool
	flags                                                                                                  map[string]bool // options of the command, by their long names
}

// option is one of apk's: its letter, 0 for none, and its long name.
type option struct {
	letter byte
	name   string
	arg    string // what its argument is called; "" where it takes none
	set    func(s *session, value string)
}

// usage is the option as a help page has it.
func (o option) usage() string {
	name := "--" + o.name
	if o.arg != "" {
		name += " " + o.arg
	}
	if o.letter != 0 {
		return "-" + string(o.letter) + ", " + name
	}
	return name
}

// flag makes an option of a command that its code asks for by name.
func flag(letter byte, name string) option {
	return option{letter, name, "", func(s *session, _ string) { s.flags[name] = true }}
}

var globalOptions = []option{
	{'h', "help", "", nil},
	{'p', "root", "DIR", func(s *session, v string) { s.root = v }},
	{'X', "repository", "REPO", func(s *session, v string) { s.extra = append([]string{v}, s.extra...) }},
	{'q', "quiet", "", func(s *session, _ string) { s.verbosity-- }},
	{'v', "verbose", "", func(s *session, _ string) { s.verbosity++ }},
	{'i', "interactive", "", func(s *session, _ string) { s.interactive = true }},
	{'V', "version", "", nil},
	{'f', "force", "", func(s *session, _ string) {
		s.forceOverwrite, s.forceBroken, s.forceNonRepository, s.forceBinary = true, true, true, true
	}},
	{'U', "update-cache", "", func(s *session, _ string) { s.updateCache = true }},
	{0, "progress", "", func(s *session, _ string) { s.progress = true }},
	{0, "no-progress", "", func(s *session, _ string) { s.progress = false }},
	{0, "purge", "", func(s *session, _ string) { s.purge = true }},
	{0, "allow-untrusted", "", func(s *session, _ string) { s.untrusted = true }},
	{0, "wait", "TIME", func(*session, string) {}}, // nobody else holds the lock for long
	{0, "repositories-file", "REPOFILE", func(s *session, v string) { s.file = v }},
	{0, "no-network", "", func(s *session, _ string) { s.noNetwork = true }},
	{0, "no-cache", "", func(s *session, _ string) { s.noCache = true }},
	{0, "print-arch", "", nil},
	{0, "force-overwrite", "", func(s *session, _ string) { s.forceOverwrite = true }},
	{0, "force-broken-world", "", func(s *session, _ string) { s.forceBroken = true }},
	{0, "force-non-repository", "", func(s *session, _ string) { s.forceNonRepository = true }},
	{0, "force-binary-stdout", "", func(s *session, _ string) { s.forceBinary = true }},
	{0, "force-refresh", "", func(s *session, _ string) { s.refresh = true }},
}

var commitOptions = []option{
	{'s', "simulate", "", func(s *session, _ string) { s.simulate = true }},
	{0, "no-scripts", "", func(s *session, _ string) { s.noScripts = true }},
	{0, "clean-protected", "", func(s *session, _ string) { s.flags["clean-protected"] = true }},
	{0, "no-commit-hooks", "", func(*session, string) {}}, // the lab's packages have none
}

// parse reads the command line: options anywhere, as getopt_long of musl has them. done says that
// the run ends there.
func (s *session) parse(cmd *command) (args []string, status int, done bool) {
	s.flags = map[string]bool{}
	known := globalOptions
	if cmd != nil {
		known = append(append([]option{}, cmd.own...), known...)
		if cmd.commit {
			known = append(known, commitOptions...)
		}
	}
	help, bad := false, false
	// take does what an option says; it reports whether the run ends.
	take := func(o option, value string) bool {
		switch o.name {
		case "help":
			help = true
		case "version":
			s.c.Print(s.versionLine())
			return true
		case "print-arch":
			s.c.Print("x86_64\n")
			return true
		default:
			o.set(s, value)
		}
		return false
	}
	words := s.c.Args
	for len(words) > 0 {
		w := words[0]
		words = words[1:]
		switch {
		case w == "--":
			args = append(args, words...)
			words = nil
		case strings.HasPrefix(w, "--"):
			name, value, given := strings.Cut(w[2:], "=")
			var found []option
			for _, o := range known {
				if o.name == name {
					found = []option{o}
					break
				}
				if strings.HasPrefix(o.name, name) {
					found = append(found, o)
				}
			}
			switch {
			case len(found) > 1:
				s.c.Errorf("apk: option is ambiguous: %s\n", name)
				bad = true
			case len(found) == 0:
				s.c.Errorf("apk: unrecognized option: %s\n", name)
				bad = true
			case found[0].arg == "" && given:
				s.c.Errorf("apk: option does not take an argument: %s\n", found[0].name)
				bad = true
			case found[0].arg != "" && !given && len(words) == 0:
				s.c.Errorf("apk: option requires an argument: %s\n", found[0].name)
				bad = true
			default:
				if found[0].arg != "" && !given {
					value, words = words[0], words[1:]
				}
				if take(found[0], value) {
					return nil, 0, true
				}
			}
		case len(w) > 1 && w[0] == '-':
			for i := 1; i < len(w); i++ {
				var found *option
				for j := range known {
					if known[j].letter == w[i] {
						found = &known[j]
						break
					}
				}
				if found == nil {
					s.c.Errorf("apk: unrecognized option: %c\n", w[i])
					bad = true
					continue
				}
				value := ""
				if found.arg != "" {
					if value = w[i+1:]; value == "" {
						if len(words) == 0 {
							s.c.Errorf("apk: option requires an argument: %c\n", w[i])
							bad = true
							break
						}
						value, words = words[0], words[1:]
					}
				}
				if take(*found, value) {
					return nil, 0, true
				}
				if found.arg != "" {
					break
				}
			}
		default:
			args = append(args, w)
		}
	}
	if help || bad && s.since("2.12.0") {
		return nil, s.usage(cmd), true
	}
	return args, 0, false
}
