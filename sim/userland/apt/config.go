package apt

import (
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// config is APT's configuration, apt.conf(5): values by their full name, in small letters. A name
// can have a list of values below it.
type config struct {
	values map[string]string
	lists  map[string][]string
	names  map[string]string // as they were written
}

func (c *config) set(name, value string) {
	key := strings.ToLower(name)
	c.values[key] = value
	c.names[key] = name
}

func (c *config) add(name, value string) {
	key := strings.ToLower(name)
	c.lists[key] = append(c.lists[key], value)
	c.names[key] = name
}

func (c *config) get(name string) string { return c.values[strings.ToLower(name)] }

// flag is a value that says yes or no; otherwise is what it is where nothing is set.
func (c *config) flag(name string, otherwise bool) bool {
	v, ok := c.values[strings.ToLower(name)]
	if !ok {
		return otherwise
	}
	yes, ok := boolean(v)
	if !ok {
		return otherwise
	}
	return yes
}

// boolean reads a word for yes or no.
func boolean(s string) (yes, ok bool) {
	switch strings.ToLower(s) {
	case "1", "yes", "true", "with", "on", "enable":
		return true, true
	case "0", "no", "false", "without", "off", "disable":
		return false, true
	}
	return false, false
}

func (c *config) number(name string) int {
	n, _ := strconv.Atoi(c.get(name))
	return n
}

// readConfig reads /etc/apt/apt.conf.d and /etc/apt/apt.conf.
func readConfig(c *prog.Ctx) *config {
	conf := &config{map[string]string{}, map[string][]string{}, map[string]string{}}
	var files []string
	if entries, err := c.ReadDir("/etc/apt/apt.conf.d"); err == nil {
		for _, e := range entries {
			if !strings.Contains(e.Name, ".") || strings.HasSuffix(e.Name, ".conf") {
				files = append(files, "/etc/apt/apt.conf.d/"+e.Name)
			}
		}
	}
	for _, f := range append(files, "/etc/apt/apt.conf") {
		if b, err := c.ReadFile(f); err == nil {
			conf.parse(string(b))
		}
	}
	return conf
}

// parse reads the text of a configuration file. What is wrong in it is skipped.
func (c *config) parse(text string) {
	var scopes []string
	var words []string
	for _, t := range configTokens(text) {
		switch t {
		case "{":
			scope := ""
			if len(words) > 0 {
				scope = words[0]
			}
			scopes = append(scopes, scope)
			words = nil
		case "}":
			c.assign(scopes, words)
			words = nil
			if len(scopes) > 0 {
				scopes = scopes[:len(scopes)-1]
			}
		case ";":
			c.assign(scopes, words)
			words = nil
		default:
			words = append(words, t)
		}
	}
	c.assign(scopes, words)
}

// assign takes one statement: a name and a value, or a value of a list. Words that were quoted begin
// with a quote.
func (c *config) assign(scopes, words []string) {
	if len(words) == 0 || words[0] == "#clear" || words[0] == "#include" {
		if len(words) > 1 && words[0] == "#clear" {
			for _, name := range words[1:] {
				delete(c.values, strings.ToLower(name))
				delete(c.lists, strings.ToLower(name))
			}
		}
		return
	}
	scope := strings.Join(slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == "" }), "::")
	name := words[0]
	if len(words) == 1 {
		if strings.HasPrefix(name, `"`) && scope != "" {
			c.add(scope, name[1:])
		}
		return
	}
	value := strings.TrimPrefix(words[1], `"`)
	full := name
	if scope != "" {
		full = scope + "::" + name
	}
	if list, ok := strings.CutSuffix(full, "::"); ok {
		c.add(list, value)
		return
	}
	c.set(full, value)
}

// configTokens takes a configuration file apart: braces, semicolons and words.
func configTokens(text string) []string {
	var tokens []string
	for i := 0; i < len(text); {
		switch ch := text[i]; {
		case strings.IndexByte(" \t\r\n", ch) >= 0:
			i++
		case strings.HasPrefix(text[i:], "//") || ch == '#' && !strings.HasPrefix(text[i:], "#clear") && !strings.HasPrefix(text[i:], "#include"):
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				return tokens
			}
			i += end
		case strings.HasPrefix(text[i:], "/*"):
			end := strings.Index(text[i:], "*/")
			if end < 0 {
				return tokens
			}
			i += end + 2
		case ch == '{' || ch == '}' || ch == ';':
			tokens = append(tokens, string(ch))
			i++
		case ch == '"':
			end := strings.IndexByte(text[i+1:], '"')
			if end < 0 {
				return tokens
			}
			tokens = append(tokens, text[i:i+1+end])
			i += end + 2
		default:
			end := strings.IndexAny(text[i:], " \t\r\n{};\"")
			if end < 0 {
				end = len(text) - i
			}
			tokens = append(tokens, text[i:i+end])
			i += end
		}
	}
	return tokens
}

// option is a command line option: the configuration that it sets.
type option struct {
	short byte
	long  string
	name  string
	value bool   // it takes a value
	set   string // what the option alone sets; "" for yes
}

var options = []option{
	{'y', "yes", "APT::Get::Assume-Yes", false, ""}, {0, "assume-yes", "APT::Get::Assume-Yes", false, ""}, {0, "assume-no", "APT::Get::Assume-No", false, ""},
	{'s', "simulate", "APT::Get::Simulate", false, ""}, {0, "just-print", "APT::Get::Simulate", false, ""}, {0, "recon", "APT::Get::Simulate", false, ""},
	{0, "dry-run", "APT::Get::Simulate", false, ""}, {0, "no-act", "APT::Get::Simulate", false, ""},
	{'d', "download-only", "APT::Get::Download-Only", false, ""}, {'f', "fix-broken", "APT::Get::Fix-Broken", false, ""},
	{'m', "fix-missing", "APT::Get::Fix-Missing", false, ""}, {0, "ignore-missing", "APT::Get::Fix-Missing", false, ""},
	{'u', "show-upgraded", "APT::Get::Show-Upgraded", false, ""}, {'V', "verbose-versions", "APT::Get::Show-Versions", false, ""},
	{'t', "target-release", "APT::Default-Release", true, ""}, {0, "default-release", "APT::Default-Release", true, ""},
	{0, "install-recommends", "APT::Install-Recommends", false, ""}, {0, "install-suggests", "APT::Install-Suggests", false, ""},
	{0, "reinstall", "APT::Get::ReInstall", false, ""}, {0, "purge", "APT::Get::Purge", false, ""}, {0, "remove", "APT::Get::Remove", false, ""},
	{0, "auto-remove", "APT::Get::AutomaticRemove", false, ""}, {0, "autoremove", "APT::Get::AutomaticRemove", false, ""},
	{0, "upgrade", "APT::Get::Upgrade", false, ""}, {0, "only-upgrade", "APT::Get::Only-Upgrade", false, ""},
	{0, "allow-unauthenticated", "APT::Get::AllowUnauthenticated", false, ""}, {0, "allow-downgrades", "APT::Get::allow-downgrades", false, ""},
	{0, "allow-remove-essential", "APT::Get::allow-remove-essential", false, ""},
	{0, "allow-change-held-packages", "APT::Get::allow-change-held-packages", false, ""}, {0, "force-yes", "APT::Get::Force-Yes", false, ""},
	{0, "print-uris", "APT::Get::Print-URIs", false, ""}, {0, "download", "APT::Get::Download", false, ""},
	{0, "trivial-only", "APT::Get::Trivial-Only", false, ""}, {0, "show-progress", "DpkgPM::Progress", false, ""},
	{0, "with-new-pkgs", "APT::Get::Upgrade-Allow-New", false, ""}, {0, "ignore-hold", "APT::Ignore-Hold", false, ""}, {0, "list-cleanup", "APT::Get::List-Cleanup", false, ""},
	{0, "allow-releaseinfo-change", "Acquire::AllowReleaseInfoChange", false, ""}, {0, "allow-insecure-repositories", "Acquire::AllowInsecureRepositories", false, ""},
	{0, "installed", "APT::Cmd::Installed", false, ""}, {0, "upgradable", "APT::Cmd::Upgradable", false, ""}, {0, "upgradeable", "APT::Cmd::Upgradable", false, ""},
	{0, "manual-installed", "APT::Cmd::Manual-Installed", false, ""}, {'a', "all-versions", "APT::Cmd::All-Versions", false, ""},
	{'n', "names-only", "APT::Cache::NamesOnly", false, ""}, {0, "full", "APT::Cache::ShowFull", false, ""}, {'i', "important", "APT::Cache::Important", false, ""},
	{0, "recurse", "APT::Cache::RecurseDepends", false, ""}, {0, "no-all-versions", "APT::Cmd::All-Versions", false, "no"},
	{'b', "build", "APT::Get::Compile", false, ""},
}

// options reads the command line. done says that the program has ended, with status.
func (s *session) options() (status int, done bool) {
	args := s.c.Args
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			s.args = append(s.args, args[i+1:]...)
			i = len(args)
		case strings.HasPrefix(a, "--"):
			name, value, has := strings.Cut(a[2:], "=")
			switch {
			case name == "option" || name == "config-file":
				if !has {
					if i++; i == len(args) {
						return s.fail("Command line option --%s requires an argument.", name), true
					}
					value = args[i]
				}
				if status := s.given(name[0], value); status != 0 {
					return status, true
				}
				continue
			case name == "quiet" || name == "silent":
				s.config.set("quiet", strconv.Itoa(s.config.number("quiet")+1))
				continue
			case name == "help":
				s.config.set("help", "yes")
				continue
			case name == "version":
				s.config.set("version", "yes")
				continue
			}
			no := false
			o := s.long(name)
			if o == nil {
				var rest string
				if rest, no = strings.CutPrefix(name, "no-"); no {
					o = s.long(rest)
				}
			}
			if o == nil {
				return s.fail("Command line option %s is not understood in combination with the other options", a), true
			}
			switch {
			case o.value && !has:
				if i++; i == len(args) {
					return s.fail("Option %s requires an argument.", a), true
				}
				value = args[i]
			case !o.value && !has:
				value = "yes"
				if o.set != "" {
					value = o.set
				}
			}
			if no {
				value = "no"
			}
			s.config.set(o.name, value)
		case strings.HasPrefix(a, "-") && len(a) > 1:
			for j := 1; j < len(a); j++ {
				switch a[j] {
				case 'q':
					if j+2 < len(a) && a[j+1] == '=' {
						s.config.set("quiet", a[j+2:])
						j = len(a)
						continue
					}
					s.config.set("quiet", strconv.Itoa(s.config.number("quiet")+1))
					continue
				case 'o', 'c':
					value := strings.TrimPrefix(a[j+1:], "=")
					if value == "" {
						if i++; i == len(args) {
							return s.fail("Option %s requires an argument.", a), true
						}
						value = args[i]
					}
					if status := s.given(a[j], value); status != 0 {
						return status, true
					}
					j = len(a)
					continue
				case 'h':
					s.config.set("help", "yes")
					continue
				case 'v':
					s.config.set("version", "yes")
					continue
				}
				k := slices.IndexFunc(options, func(o option) bool { return o.short == a[j] })
				if k < 0 {
					return s.fail("Command line option '%c' [from %s] is not understood in combination with the other options.", a[j], a), true
				}
				value := "yes"
				if options[k].value {
					if value = strings.TrimPrefix(a[j+1:], "="); value == "" {
						if i++; i == len(args) {
							return s.fail("Option %s requires an argument.", a), true
						}
						value = args[i]
					}
					j = len(a)
				}
				s.config.set(options[k].name, value)
			}
		default:
			s.args = append(s.args, a)
		}
	}
	if s.config.flag("version", false) {
		s.c.Printf("apt %s (amd64)\n", version)
		return 0, true
	}
	return 0, false
}

func (s *session) long(name string) *option {
	for i := range options {
		if options[i].long == name {
			return &options[i]
		}
	}
	return nil
}

// given is -o NAME=VALUE and -c FILE.
func (s *session) given(which byte, value string) int {
	if which == 'c' {
		b, err := s.c.ReadFile(value)
		if err != nil {
			return s.fail("Opening configuration file %s - ifstream::ifstream (2: No such file or directory)", value)
		}
		s.config.parse(string(b))
		return 0
	}
	name, v, ok := strings.Cut(value, "=")
	if !ok {
		return s.fail("Option -o: Configuration item specification must have an =<val>.")
	}
	if list, ok := strings.CutSuffix(name, "::"); ok {
		s.config.add(list, v)
		return 0
	}
	s.config.set(name, v)
	return 0
}

// showConfig is apt-config: dump and shell.
func (s *session) showConfig() int {
	if len(s.args) == 0 {
		s.c.Print("apt ", version, " (amd64)\nUsage: apt-config [options] command\n")
		return 0
	}
	switch s.args[0] {
	case "dump":
		var lines []string
		for key, v := range s.config.values {
			lines = append(lines, s.config.names[key]+" \""+v+"\";\n")
		}
		slices.Sort(lines)
		s.c.Print(lines...)
		for _, key := range sortedKeys(s.config.lists) {
			for _, v := range s.config.lists[key] {
				s.c.Print(s.config.names[key], ":: \"", v, "\";\n")
			}
		}
		return 0
	case "shell":
		for rest := s.args[1:]; len(rest) >= 2; rest = rest[2:] {
			if v := s.config.get(strings.TrimSuffix(rest[1], "/f")); v != "" {
				s.c.Print(rest[0], "='", v, "'\n")
			}
		}
		return 0
	}
	return s.fail("Invalid operation %s", s.args[0])
}
