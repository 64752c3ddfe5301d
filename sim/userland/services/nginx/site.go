package nginx

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// site is the http part of a configuration, made ready to serve.
type site struct {
	servers   []*server
	formats   map[string][]string
	upstreams map[string][]string
	next      map[string]int // round robin of each upstream
	keep      time.Duration
}

type server struct {
	listens   []listen
	names     []serverName
	first     string // the first name, which errors and redirects use
	settings  settings
	locations []*location
	actions   []*directive // return, rewrite, set and if of the server itself
}

type listen struct {
	addr      netip.AddrPort
	isDefault bool
}

type serverName struct {
	exact  string
	suffix string // of "*.example.org"
	prefix string // of "www.example.*"
	re     *regexp.Regexp
}

// location is one location block.
type location struct {
	kind      byte // '=' exact, '^' prefix that ends the search, 0 prefix, '~' and '*' regular expressions, '@' named
	path      string
	re        *regexp.Regexp
	settings  settings
	locations []*location
	actions   []*directive
	internal  bool
}

// settings are what is inherited from the outside in, unless set again.
type settings struct {
	root, alias string
	index       []string
	autoindex   bool
	tokens      bool
	etag        bool
	types       map[string]string
	defaultType string
	errorPages  map[int]errorPage
	headers     []header
	access      []accessLog
	tryFiles    []string
	proxyPass   string
	proxySet    [][2]string
	rules       []accessRule
	charset     string
	notFound    bool // log_not_found
	status      bool
	line        *directive // of proxy_pass
}

type errorPage struct {
	uri    string
	status int // to answer with; 0: the page's, -1: the error's
}

type header struct {
	name, value string
	always      bool
}

type accessLog struct{ file, format string }

type accessRule struct {
	allow bool
	all   bool
	net   netip.Prefix
}

// makeSite makes the http block ready.
func makeSite(http []*directive) (*site, error) {
	s := &site{formats: map[string][]string{"combined": {`$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`}},
		upstreams: map[string][]string{}, next: map[string]int{}, keep: 75 * time.Second}
	for _, d := range all(http, "log_format") {
		s.formats[d.args[0]] = d.args[1:]
	}
	for _, d := range all(http, "upstream") {
		for _, b := range all(d.block, "server") {
			s.upstreams[d.args[0]] = append(s.upstreams[d.args[0]], b.args[0])
		}
		if len(s.upstreams[d.args[0]]) == 0 {
			return nil, fault(d, "no servers are inside upstream")
		}
	}
	if d := find(http, "keepalive_timeout"); d != nil {
		t, err := duration(d.args[0])
		if err != nil {
			return nil, fault(d, "invalid value %q", d.args[0])
		}
		s.keep = t
	}
	base := settings{root: "html", index: []string{"index.html"}, tokens: true, etag: true, notFound: true, defaultType: "text/plain",
		access: []accessLog{{defaultAccessLog, "combined"}}, types: map[string]string{"html": "text/html", "gif": "image/gif", "jpg": "image/jpeg"}}
	base, err := base.with(s, http)
	if err != nil {
		return nil, err
	}
	for _, d := range all(http, "server") {
		srv := &server{}
		if srv.settings, err = base.with(s, d.block); err != nil {
			return nil, err
		}
		for _, l := range all(d.block, "listen") {
			at, err := parseListen(l)
			if err != nil {
				return nil, err
			}
			srv.listens = append(srv.listens, at)
		}
		if len(srv.listens) == 0 {
			srv.listens = []listen{{addr: netip.MustParseAddrPort("0.0.0.0:80")}}
		}
		for _, n := range all(d.block, "server_name") {
			for _, a := range n.args {
				name, err := parseName(n, a)
				if err != nil {
					return nil, err
				}
				if srv.first == "" {
					srv.first = a
				}
				srv.names = append(srv.names, name)
			}
		}
		if srv.locations, srv.actions, err = s.locations(srv.settings, d.block); err != nil {
			return nil, err
		}
		s.servers = append(s.servers, srv)
	}
	return s, nil
}

func (s *site) locations(outer settings, block []*directive) (out []*location, actions []*directive, err error) {
	for _, d := range block {
		switch d.name {
		case "return", "rewrite", "set", "if":
			actions = append(actions, d)
			continue
		case "location":
		default:
			continue
		}
		l := &location{path: d.args[len(d.args)-1]}
		mod := ""
		if len(d.args) == 2 {
			mod = d.args[0]
		} else if strings.HasPrefix(l.path, "@") {
			mod = "@"
		} else {
			for _, m := range []string{"=", "^~", "~*", "~"} {
				if rest, ok := strings.CutPrefix(l.path, m); ok {
					mod, l.path = m, rest
					break
				}
			}
		}
		switch mod {
		case "":
		case "=":
			l.kind = '='
		case "^~":
			l.kind = '^'
		case "@":
			l.kind = '@'
		case "~", "~*":
			l.kind = '~'
			expr := l.path
			if mod == "~*" {
				expr = "(?i)" + expr
			}
			if l.re, err = regexp.Compile(expr); err != nil {
				return nil, nil, fault(d, "pcre_compile() failed: %s in %q", strings.TrimPrefix(err.Error(), "error parsing regexp: "), l.path)
			}
		default:
			return nil, nil, fault(d, "invalid location modifier %q", mod)
		}
		for _, o := range out {
			if o.kind == l.kind && o.path == l.path && l.re == nil {
				return nil, nil, fault(d, "duplicate location %q", l.path)
			}
		}
		inner := outer
		inner.tryFiles, inner.proxyPass, inner.alias, inner.status = nil, "", "", false
		if l.settings, err = inner.with(s, d.block); err != nil {
			return nil, nil, err
		}
		l.internal = find(d.block, "internal") != nil
		if l.locations, l.actions, err = s.locations(l.settings, d.block); err != nil {
			return nil, nil, err
		}
		out = append(out, l)
	}
	return out, actions, nil
}

// logFiles are the access logs that any part of the site writes.
func (s *site) logFiles() []string {
	var out []string
	add := func(o settings) {
		for _, a := range o.access {
			out = append(out, a.file)
		}
	}
	var walk func(ls []*location)
	walk = func(ls []*location) {
		for _, l := range ls {
			add(l.settings)
			walk(l.locations)
		}
	}
	for _, srv := range s.servers {
		add(srv.settings)
		walk(srv.locations)
	}
	return out
}

// with gives the settings inside a block.
func (o settings) with(s *site, block []*directive) (settings, error) {
	var newHeaders, newAccess, newProxy, newRules, newTypes, newPages bool
	for _, d := range block {
		a := d.args
		flag := func(to *bool) error {
			if a[0] != "on" && a[0] != "off" {
				return fault(d, `invalid value %q in %q directive, it must be "on" or "off"`, a[0], d.name)
			}
			*to = a[0] == "on"
			return nil
		}
		var err error
		switch d.name {
		case "root":
			o.root, o.alias = a[0], ""
		case "alias":
			o.alias = a[0]
		case "index":
			o.index = a
		case "autoindex":
			err = flag(&o.autoindex)
		case "server_tokens":
			if a[0] != "build" {
				err = flag(&o.tokens)
			}
		case "etag":
			err = flag(&o.etag)
		case "log_not_found":
			err = flag(&o.notFound)
		case "default_type":
			o.defaultType = a[0]
		case "charset":
			if o.charset = a[0]; o.charset == "off" {
				o.charset = ""
			}
		case "stub_status":
			o.status = true
		case "types":
			if !newTypes {
				o.types, newTypes = map[string]string{}, true
			}
			for _, t := range d.block {
				for _, ext := range t.args {
					o.types[strings.ToLower(ext)] = t.name
				}
			}
		case "error_page":
			if !newPages {
				o.errorPages, newPages = map[int]errorPage{}, true
			}
			codes, page := a[:len(a)-1], errorPage{uri: a[len(a)-1]}
			if eq, ok := strings.CutPrefix(codes[len(codes)-1], "="); ok {
				codes = codes[:len(codes)-1]
				page.status = -1
				if eq != "" {
					if page.status, err = strconv.Atoi(eq); err != nil {
						return o, fault(d, "invalid value %q", "="+eq)
					}
				}
			}
			for _, c := range codes {
				n, err := strconv.Atoi(c)
				if err != nil || n < 300 || n > 599 {
					return o, fault(d, "value %q must be between 300 and 599", c)
				}
				o.errorPages[n] = page
			}
		case "add_header":
			if !newHeaders {
				o.headers, newHeaders = nil, true
			}
			o.headers = append(o.headers, header{a[0], a[1], len(a) == 3 && a[2] == "always"})
		case "access_log":
			if !newAccess {
				o.access, newAccess = nil, true
			}
			if a[0] != "off" {
				l := accessLog{a[0], "combined"}
				if len(a) > 1 && !strings.Contains(a[1], "=") {
					l.format = a[1]
				}
				if s.formats[l.format] == nil {
					return o, fault(d, "unknown log format %q", l.format)
				}
				o.access = append(o.access, l)
			}
		case "try_files":
			o.tryFiles = a
		case "proxy_pass":
			if !strings.HasPrefix(a[0], "http://") {
				if strings.HasPrefix(a[0], "https://") {
					return o, fault(d, "https protocol requires SSL support")
				}
				return o, fault(d, "invalid URL prefix")
			}
			o.proxyPass, o.line = a[0], d
		case "proxy_set_header":
			if !newProxy {
				o.proxySet, newProxy = nil, true
			}
			o.proxySet = append(o.proxySet, [2]string{a[0], a[1]})
		case "allow", "deny":
			if !newRules {
				o.rules, newRules = nil, true
			}
			r := accessRule{allow: d.name == "allow", all: a[0] == "all"}
			if !r.all {
				if ip, e := netip.ParseAddr(a[0]); e == nil {
					r.net = netip.PrefixFrom(ip, ip.BitLen())
				} else if r.net, e = netip.ParsePrefix(a[0]); e != nil {
					return o, fault(d, "invalid parameter %q", a[0])
				}
			}
			o.rules = append(o.rules, r)
		}
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

func parseListen(d *directive) (listen, error) {
	var l listen
	a := d.args[0]
	l.isDefault = slices.Contains(d.args, "default_server") || slices.Contains(d.args, "default")
	for _, opt := range d.args[1:] {
		if opt == "ssl" {
			return l, fault(d, `the "ssl" parameter requires ngx_http_ssl_module`)
		}
	}
	if strings.HasPrefix(a, "unix:") {
		return l, fault(d, "invalid host in %q of the \"listen\" directive", a)
	}
	host, port := "0.0.0.0", "80"
	switch {
	case strings.HasPrefix(a, "["):
		i := strings.IndexByte(a, ']')
		if i < 0 {
			return l, fault(d, "invalid IPv6 address in %q of the \"listen\" directive", a)
		}
		host = a[1:i]
		if rest, ok := strings.CutPrefix(a[i+1:], ":"); ok {
			port = rest
		}
	case strings.Contains(a, ":"):
		host, port, _ = strings.Cut(a, ":")
	case strings.Trim(a, "0123456789") == "":
		port = a
	default:
		host = a
	}
	switch host {
	case "*":
		host = "0.0.0.0"
	case "localhost":
		host = "127.0.0.1"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return l, fault(d, "invalid port in %q of the \"listen\" directive", a)
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return l, fault(d, "host not found in %q of the \"listen\" directive", a)
	}
	l.addr = netip.AddrPortFrom(ip, uint16(n))
	return l, nil
}

func parseName(d *directive, a string) (serverName, error) {
	lower := strings.ToLower(a)
	switch {
	case strings.HasPrefix(a, "~"):
		re, err := regexp.Compile("(?i)" + a[1:])
		if err != nil {
			return serverName{}, fault(d, "pcre_compile() failed in %q", a[1:])
		}
		return serverName{re: re}, nil
	case strings.HasPrefix(a, "*."):
		return serverName{suffix: lower[1:]}, nil
	case strings.HasSuffix(a, ".*"):
		return serverName{prefix: lower[:len(lower)-1]}, nil
	case strings.HasPrefix(a, "."):
		return serverName{exact: lower[1:], suffix: lower}, nil
	}
	return serverName{exact: lower}, nil
}

// pick finds the server for a name at a listening address: an exact name, then the longest wildcard
// at its beginning, then at its end, then a regular expression, then the default.
func (s *site) pick(at netip.AddrPort, host string) *server {
	host = strings.ToLower(host)
	var here []*server
	var def *server
	for _, srv := range s.servers {
		for _, l := range srv.listens {
			if l.addr.Port() == at.Port() && (l.addr.Addr().IsUnspecified() || l.addr.Addr() == at.Addr()) {
				here = append(here, srv)
				if def == nil || l.isDefault {
					if def == nil || !defaultAt(def, at) {
						def = srv
					}
				}
				break
			}
		}
	}
	best, length := (*server)(nil), 0
	for _, srv := range here {
		for _, n := range srv.names {
			if n.re == nil && n.exact == host && (n.exact != "" || host == "") {
				return srv
			}
			if n.suffix != "" && strings.HasSuffix(host, n.suffix) && len(n.suffix) > length {
				best, length = srv, len(n.suffix)
			}
		}
	}
	if best != nil {
		return best
	}
	for _, srv := range here {
		for _, n := range srv.names {
			if n.prefix != "" && strings.HasPrefix(host, n.prefix) && len(n.prefix) > length {
				best, length = srv, len(n.prefix)
			}
		}
	}
	if best != nil {
		return best
	}
	for _, srv := range here {
		for _, n := range srv.names {
			if n.re != nil && n.re.MatchString(host) {
				return srv
			}
		}
	}
	return def
}

func defaultAt(s *server, at netip.AddrPort) bool {
	return slices.ContainsFunc(s.listens, func(l listen) bool { return l.isDefault && l.addr.Port() == at.Port() })
}

// locate finds the location for a path, as the documentation of "location" says, and the groups of
// its regular expression.
func locate(ls []*location, uri string) (*location, []string) {
	var best *location
	for _, l := range ls {
		switch l.kind {
		case '=':
			if l.path == uri {
				return l, nil
			}
		case 0, '^':
			if strings.HasPrefix(uri, l.path) && (best == nil || len(l.path) > len(best.path)) {
				best = l
			}
		}
	}
	if best != nil {
		if inner, groups := locate(best.locations, uri); inner != nil {
			return inner, groups
		}
	}
	if best == nil || best.kind != '^' {
		for _, l := range ls {
			if l.re == nil {
				continue
			}
			if m := l.re.FindStringSubmatch(uri); m != nil {
				if inner, groups := locate(l.locations, uri); inner != nil {
					return inner, groups
				}
				return l, m
			}
		}
	}
	return best, nil
}

// duration reads nginx's times: "65", "65s", "1m30s", "500ms".
func duration(s string) (time.Duration, error) {
	if n, err := strconv.Atoi(s); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	return time.ParseDuration(s)
}
