package apache

import (
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
)

// conf is a configuration made ready to serve.
type conf struct {
	root       string // ServerRoot
	name       string // ServerName
	user       string
	group      string
	pid        string
	listens    []netip.AddrPort
	errorLog   string
	logs       []customLog
	formats    map[string]string
	docRoot    string
	index      []string
	types      map[string]string
	typesFile  string
	dirs       []dirRule
	files      []filesRule
	aliases    []alias
	redirects  []redirect
	hosts      []*conf // VirtualHosts, each a copy of the rest with its own changes
	names      []string
	at         netip.AddrPort
	modules    map[string]bool
	errorDocs  map[int]string
	defaultTyp string
	headers    [][2]string
}

type customLog struct{ file, format string }

type dirRule struct {
	path    string
	denied  *bool
	indexes *bool
	index   []string
}

type filesRule struct {
	glob   string
	denied bool
}

type alias struct{ from, to string }

type redirect struct {
	from, to string
	status   int
}

// syntaxError is a fault of a configuration file, in httpd's words.
type syntaxError struct {
	file string
	line int
	text string
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("AH00526: Syntax error on line %d of %s:\n%s", e.line, e.file, e.text)
}

// ignored are directives that change nothing that the lab shows.
var ignored = map[string]bool{"serveradmin": true, "loglevel": true, "allowoverride": true, "requestheader": true, "timeout": true, "keepalive": true,
	"maxkeepaliverequests": true, "keepalivetimeout": true, "servertokens": true, "serversignature": true, "traceenable": true, "enablesendfile": true, "enablemmap": true,
	"startservers": true, "minsparethreads": true, "maxsparethreads": true, "threadlimit": true, "threadsperchild": true, "maxrequestworkers": true, "maxconnectionsperchild": true,
	"proxyhtmlextended": true, "sslrandomseed": true, "addencoding": true, "addhandler": true, "addoutputfilter": true, "mimemagicfile": true, "scriptsock": true,
	"hostnamelookups": true, "setenvif": true, "browsermatch": true, "mutex": true, "usecanonicalname": true, "addcharset": true, "adddefaultcharset": true, "indexoptions": true,
	"addicon": true, "defaulticon": true, "readmename": true, "headername": true, "indexignore": true, "coredumpdirectory": true, "requestreadtimeout": true, "setenv": true, "accessfilename": true, "fileetag": true}

type reader struct {
	read  func(name string) ([]byte, error)
	glob  func(pattern string) []string
	depth int
	count int
}

type scope struct {
	c    *conf
	kind string // "", "directory", "files", "location"
	dir  *dirRule
	file *filesRule
}

// load reads a configuration file into c.
func (r *reader) load(c *conf, file string) error {
	if r.depth++; r.depth > 20 {
		return fmt.Errorf("AH00526: too many nested includes of %s", file)
	}
	defer func() { r.depth-- }()
	src, err := r.read(file)
	if err != nil {
		return err
	}
	lines := strings.Split(string(src), "\n")
	_, err = r.lines(scope{c: c}, file, lines, 0, "")
	return err
}

// lines carries out directives until the section that is open ends; it gives the next line.
func (r *reader) lines(s scope, file string, lines []string, at int, section string) (int, error) {
	for at < len(lines) {
		n := at + 1
		line := strings.TrimSpace(lines[at])
		for at++; strings.HasSuffix(line, "\\") && at < len(lines); at++ {
			line = strings.TrimSuffix(line, "\\") + strings.TrimSpace(lines[at])
		}
		if line == "" || line[0] == '#' {
			continue
		}
		if r.count++; r.count > 100_000 {
			return at, &syntaxError{file, n, "too many directives"}
		}
		fail := func(format string, args ...any) (int, error) {
			return at, &syntaxError{file, n, fmt.Sprintf(format, args...)}
		}
		if rest, ok := strings.CutPrefix(line, "</"); ok {
			name := strings.TrimSuffix(rest, ">")
			if !strings.EqualFold(name, section) {
				return fail("</%s> without matching <%s> section", name, name)
			}
			return at, nil
		}
		if line[0] == '<' {
			inner, ok := strings.CutSuffix(line[1:], ">")
			if !ok {
				return fail("%s> directive missing closing '>'", strings.Fields(line)[0])
			}
			name, arg, _ := strings.Cut(strings.TrimSpace(inner), " ")
			next, err := r.section(s, file, lines, at, n, name, words(arg))
			if err != nil {
				return at, err
			}
			at = next
			continue
		}
		w := words(line)
		if err := r.directive(s, file, n, strings.ToLower(w[0]), w[0], w[1:]); err != nil {
			return at, err
		}
	}
	if section != "" {
		return at, &syntaxError{file, len(lines), fmt.Sprintf("<%s> was not closed.", section)}
	}
	return at, nil
}

func (r *reader) section(s scope, file string, lines []string, at, n int, name string, args []string) (int, error) {
	arg := ""
	if len(args) > 0 {
		arg = args[len(args)-1]
	}
	c := s.c
	switch strings.ToLower(name) {
	case "ifmodule", "ifdefine", "ifversion", "limitexcept", "limit", "requireany", "requireall":
		use := true
		if strings.EqualFold(name, "ifmodule") {
			mod, not := strings.CutPrefix(arg, "!")
			use = c.modules[strings.TrimSuffix(strings.TrimPrefix(mod, "mod_"), ".c")] || c.modules[strings.TrimSuffix(mod, "_module")]
			use = use != not
		} else if strings.HasPrefix(strings.ToLower(name), "limit") || strings.EqualFold(name, "ifdefine") {
			use = false
		}
		if !use {
			return skip(file, lines, at, n, name)
		}
		return r.lines(s, file, lines, at, name)
	case "directory", "location":
		d := dirRule{path: path.Clean(arg)}
		if strings.EqualFold(name, "location") {
			d.path = path.Join(c.docRoot, arg)
		}
		next, err := r.lines(scope{c: c, kind: "directory", dir: &d}, file, lines, at, name)
		c.dirs = append(c.dirs, d)
		return next, err
	case "files":
		f := filesRule{glob: arg}
		next, err := r.lines(scope{c: c, kind: "files", file: &f}, file, lines, at, name)
		c.files = append(c.files, f)
		return next, err
	case "virtualhost":
		h := *c
		h.hosts, h.names = nil, nil
		h.dirs = append([]dirRule(nil), c.dirs...)
		if _, port, ok := strings.Cut(arg, ":"); ok {
			p, _ := strconv.ParseUint(port, 10, 16)
			h.at = netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(p))
		}
		next, err := r.lines(scope{c: &h}, file, lines, at, name)
		c.hosts = append(c.hosts, &h)
		return next, err
	}
	return at, &syntaxError{file, n, fmt.Sprintf("Invalid command '<%s', perhaps misspelled or defined by a module not included in the server configuration", name)}
}

// skip passes over a section that does not count.
func skip(file string, lines []string, at, n int, name string) (int, error) {
	depth := 1
	for ; at < len(lines); at++ {
		l := strings.ToLower(strings.TrimSpace(lines[at]))
		if strings.HasPrefix(l, "<"+strings.ToLower(name)) {
			depth++
		} else if strings.HasPrefix(l, "</"+strings.ToLower(name)) {
			if depth--; depth == 0 {
				return at + 1, nil
			}
		}
	}
	return at, &syntaxError{file, n, fmt.Sprintf("<%s> was not closed.", name)}
}

func (r *reader) directive(s scope, file string, n int, key, name string, a []string) error {
	fail := func(format string, args ...any) error { return &syntaxError{file, n, fmt.Sprintf(format, args...)} }
	c := s.c
	if ignored[key] {
		return nil
	}
	need := map[string]int{"serverroot": 1, "listen": 1, "loadmodule": 2, "user": 1, "group": 1, "documentroot": 1, "errorlog": 1, "logformat": 1, "customlog": 2,
		"servername": 1, "directoryindex": 1, "typesconfig": 1, "addtype": 2, "pidfile": 1, "include": 1, "includeoptional": 1, "require": 1, "options": 1,
		"alias": 2, "scriptalias": 2, "redirect": 2, "serveralias": 1, "errordocument": 2, "header": 2, "order": 1, "allow": 2, "deny": 2}
	if least, ok := need[key]; !ok {
		return fail("Invalid command '%s', perhaps misspelled or defined by a module not included in the server configuration", name)
	} else if len(a) < least {
		switch least {
		case 1:
			return fail("%s takes one argument", name)
		default:
			return fail("%s takes two arguments", name)
		}
	}
	abs := func(p string) string {
		if path.IsAbs(p) {
			return p
		}
		return path.Join(c.root, p)
	}
	switch key {
	case "serverroot":
		c.root = strings.TrimSuffix(a[0], "/")
	case "loadmodule":
		c.modules[strings.TrimSuffix(a[0], "_module")] = true
	case "listen":
		host, port, ok := strings.Cut(a[0], ":")
		if !ok {
			host, port = "0.0.0.0", a[0]
		}
		ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
		p, err2 := strconv.ParseUint(port, 10, 16)
		if err != nil || err2 != nil || p == 0 {
			return fail("Invalid address or port")
		}
		c.listens = append(c.listens, netip.AddrPortFrom(ip, uint16(p)))
	case "user":
		c.user = a[0]
	case "group":
		c.group = a[0]
	case "pidfile":
		c.pid = abs(a[0])
	case "servername":
		c.name = a[0]
		host, _, _ := strings.Cut(a[0], ":")
		c.names = append(c.names, strings.ToLower(host))
	case "serveralias":
		for _, n := range a {
			c.names = append(c.names, strings.ToLower(n))
		}
	case "documentroot":
		c.docRoot = strings.TrimSuffix(abs(a[0]), "/")
	case "directoryindex":
		if s.dir != nil {
			s.dir.index = a
		} else {
			c.index = a
		}
	case "typesconfig":
		c.typesFile = abs(a[0])
	case "addtype":
		for _, ext := range a[1:] {
			c.types[strings.ToLower(strings.TrimPrefix(ext, "."))] = a[0]
		}
	case "errorlog":
		c.errorLog = abs(a[0])
	case "logformat":
		if len(a) == 1 {
			c.formats[""] = a[0]
		} else {
			c.formats[a[1]] = a[0]
		}
	case "customlog":
		c.logs = append(c.logs, customLog{abs(a[0]), a[1]})
	case "include", "includeoptional":
		p := abs(a[0])
		if !strings.ContainsAny(p, "*?[") {
			if err := r.load(c, p); err != nil && key == "include" {
				return err
			}
			return nil
		}
		for _, f := range r.glob(p) {
			if err := r.load(c, f); err != nil {
				return err
			}
		}
	case "require", "deny", "allow", "order":
		var denied bool
		switch v := strings.ToLower(strings.Join(a, " ")); {
		case v == "all denied", key == "deny" && v == "from all":
			denied = true
		case v == "all granted", key == "allow" && v == "from all", key == "order":
		case strings.HasPrefix(v, "local"), strings.HasPrefix(v, "ip "), strings.HasPrefix(v, "host "):
		default:
			return fail("Unknown Authz provider: %s", a[0])
		}
		switch {
		case s.dir != nil:
			s.dir.denied = &denied
		case s.file != nil:
			s.file.denied = denied
		}
	case "options":
		if s.dir != nil {
			on := s.dir.indexes != nil && *s.dir.indexes
			for _, o := range a {
				switch strings.ToLower(o) {
				case "indexes", "+indexes", "all":
					on = true
				case "-indexes", "none":
					on = false
				}
			}
			if !strings.HasPrefix(a[0], "+") && !strings.HasPrefix(a[0], "-") && !strings.Contains(strings.ToLower(strings.Join(a, " ")), "indexes") && !strings.EqualFold(a[0], "all") {
				on = false
			}
			s.dir.indexes = &on
		}
	case "alias", "scriptalias":
		c.aliases = append(c.aliases, alias{a[0], abs(a[1])})
	case "redirect":
		d := redirect{status: 302}
		if len(a) == 3 {
			switch strings.ToLower(a[0]) {
			case "permanent":
				d.status = 301
			case "temp":
			case "seeother":
				d.status = 303
			default:
				code, err := strconv.Atoi(a[0])
				if err != nil {
					return fail("Redirect to non-URL")
				}
				d.status = code
			}
			a = a[1:]
		}
		d.from, d.to = a[0], a[1]
		c.redirects = append(c.redirects, d)
	case "errordocument":
		code, err := strconv.Atoi(a[0])
		if err != nil {
			return fail("Unsupported HTTP response code %s", a[0])
		}
		c.errorDocs[code] = strings.Join(a[1:], " ")
	case "header":
		if len(a) >= 3 && (strings.EqualFold(a[0], "set") || strings.EqualFold(a[0], "add")) {
			c.headers = append(c.headers, [2]string{a[1], a[2]})
		}
	}
	return nil
}

// words cuts a line at blanks outside of double quotes.
func words(s string) []string {
	var out []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimLeft(s, " \t") {
		if q := s[0]; q == '"' || q == '\'' {
			var b strings.Builder
			i := 1
			for ; i < len(s) && s[i] != q; i++ {
				if s[i] == '\\' && i+1 < len(s) && (s[i+1] == q || s[i+1] == '\\') {
					i++
				}
				b.WriteByte(s[i])
			}
			out = append(out, b.String())
			s = s[min(i+1, len(s)):]
			continue
		}
		i := strings.IndexAny(s, " \t")
		if i < 0 {
			i = len(s)
		}
		out = append(out, s[:i])
		s = s[i:]
	}
	return out
}

// may says whether the rules let a file be served, and whether its directory may be listed.
func (c *conf) may(file string) (ok, indexes bool, index []string) {
	ok, index = true, c.index
	for _, d := range c.dirs { // the longer path comes later in effect
		if d.path != "/" && file != d.path && !strings.HasPrefix(file, d.path+"/") {
			continue
		}
		if d.denied != nil {
			ok = !*d.denied
		}
		if d.indexes != nil {
			indexes = *d.indexes
		}
		if d.index != nil {
			index = d.index
		}
	}
	for _, f := range c.files {
		if fnmatch.Match(f.glob, path.Base(file), 0) {
			ok = !f.denied
		}
	}
	return ok, indexes, index
}
