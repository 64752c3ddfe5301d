package network

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// curlOption is one of curl's options.
type curlOption struct {
	short byte
	long  string
	arg   bool
}

// The options of curl that the lab's has. Those about encryption are there because https is
// spoken plainly: they decide nothing.
var curlOptions = []curlOption{
	{'#', "progress-bar", false}, {'0', "http1.0", false}, {0, "http1.1", false}, {'4', "ipv4", false}, {'6', "ipv6", false}, {'A', "user-agent", true},
	{'a', "append", false}, {'b', "cookie", true}, {'c', "cookie-jar", true}, {'C', "continue-at", true}, {0, "connect-timeout", true}, {0, "compressed", false},
	{0, "create-dirs", false}, {'d', "data", true}, {0, "data-ascii", true}, {0, "data-binary", true}, {0, "data-raw", true}, {0, "data-urlencode", true},
	{'D', "dump-header", true}, {'e', "referer", true}, {'f', "fail", false}, {0, "fail-with-body", false}, {'F', "form", true}, {0, "form-string", true},
	{'g', "globoff", false}, {'G', "get", false}, {'H', "header", true}, {'h', "help", true}, {'I', "head", false}, {'i', "include", false}, {'j', "junk-session-cookies", false},
	{'J', "remote-header-name", false}, {0, "json", true}, {'k', "insecure", false}, {'K', "config", true}, {'L', "location", false}, {0, "location-trusted", false}, {'m', "max-time", true},
	{0, "max-filesize", true}, {0, "max-redirs", true}, {'n', "netrc", false}, {'N', "no-buffer", false}, {0, "noproxy", true}, {'o', "output", true}, {0, "output-dir", true},
	{'O', "remote-name", false}, {0, "remote-name-all", false}, {0, "path-as-is", false}, {0, "post301", false}, {0, "post302", false}, {0, "post303", false}, {0, "proto", true},
	{'q', "disable", false}, {'r', "range", true}, {'R', "remote-time", false}, {0, "request-target", true}, {0, "resolve", true}, {0, "connect-to", true}, {0, "retry", true}, {0, "retry-all-errors", false},
	{0, "retry-connrefused", false}, {0, "retry-delay", true}, {0, "retry-max-time", true}, {'s', "silent", false}, {'S', "show-error", false}, {0, "stderr", true},
	{'T', "upload-file", true}, {0, "tcp-nodelay", false}, {0, "tlsv1.2", false}, {0, "tlsv1.3", false}, {'1', "tlsv1", false}, {0, "unix-socket", true}, {0, "url", true}, {'u', "user", true}, {'v', "verbose", false},
	{'V', "version", false}, {'w', "write-out", true}, {'X', "request", true}, {'x', "proxy", true}, {0, "basic", false}, {0, "cacert", true}, {0, "no-progress-meter", false}, {0, "ssl-reqd", false}, {'Z', "parallel", false}, {0, "trace-ascii", true}, {':', "next", false},
}

// curl is one run of curl.
type curl struct {
	c                                                      *prog.Ctx
	urls                                                   []string
	outs                                                   []string // -o in turn; "\x00" is -O
	silent, showError, fail, failBody, follow              bool
	include, head, verbose, get, remoteAll, createDirs     bool
	junk, bar, noMeter, remoteTime, retryAll, retryRefused bool
	globOff, http10, trusted, post301, post302, post303    bool
	compressed, contentDisposition, noBuffer, asIs         bool
	method, agent, referer, user, rangeOf, upload          string
	writeOut, dumpHeader, cookieJar, outputDir, unixSocket string
	requestTarget, continueAt                              string
	agentSet                                               bool
	cookies                                                []string // "a=1; b=2"
	jar                                                    map[string]string
	headers                                                []string
	data                                                   []byte
	hasData                                                bool
	json                                                   bool
	forms                                                  []formPart
	connectTimeout, maxTime                                time.Duration
	retries, maxRedirs                                     int
	retryDelay, retryMax                                   time.Duration
	maxSize                                                int64
	resolve                                                map[string]netip.Addr
	stderr                                                 io.Writer
	status                                                 int

	k       *conn
	kTo     string // where k leads
	count   int    // connections made
	start   time.Time
	headerW io.Writer
}

type formPart struct {
	name, value, file, kind string
}

// curlError is an error with curl's number.
type curlError struct {
	code int
	text string
}

func (e *curlError) Error() string { return fmt.Sprintf("curl: (%d) %s", e.code, e.text) }

const curlTry = "curl: try 'curl --help' or 'curl --manual' for more information\n"

func curlProgram(p *prog.Ctx) int {
	c := &curl{c: p, maxRedirs: 50, stderr: p.Err, jar: map[string]string{}, resolve: map[string]netip.Addr{}}
	if len(p.Args) == 0 {
		p.Errorf("%s", curlTry)
		return 2
	}
	c.config()
	if code, done := c.options(p.Args); done {
		return code
	}
	if len(c.urls) == 0 {
		p.Errorf("curl: no URL specified!\n%s", curlTry)
		return 2
	}
	if c.get && c.hasData {
		for i, u := range c.urls {
			sep := "?"
			if strings.Contains(u, "?") {
				sep = "&"
			}
			c.urls[i] = u + sep + string(c.data)
		}
		c.hasData = false
	}
	n := 0
	for _, raw := range c.urls {
		urls := []string{raw}
		if !c.globOff {
			var err *curlError
			if urls, err = glob(raw); err != nil {
				c.report(err)
				return err.code
			}
		}
		for _, u := range urls {
			out := ""
			if n < len(c.outs) {
				out = c.outs[n]
			} else if c.remoteAll {
				out = "\x00"
			}
			c.status = c.transfer(u, out)
		}
		n++
	}
	if c.k != nil {
		c.k.close()
	}
	c.saveCookies()
	return c.status
}

// config reads ~/.curlrc.
func (c *curl) config() {
	if len(c.c.Args) > 0 && (c.c.Args[0] == "-q" || c.c.Args[0] == "--disable") {
		return
	}
	home := c.c.Getenv("HOME")
	if home == "" {
		return
	}
	b, err := c.c.ReadFile(prog.JoinPath(home, ".curlrc"))
	if err == nil {
		c.options(configArgs(string(b)))
	}
}

// configArgs makes arguments of a configuration file.
func configArgs(text string) (args []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		i := strings.IndexAny(line, " \t=:")
		if i < 0 {
			i = len(line)
		}
		name, val := line[:i], strings.TrimLeft(line[i:], " \t=:")
		if !strings.HasPrefix(name, "-") {
			name = "--" + name
		}
		args = append(args, name)
		if val != "" {
			if strings.HasPrefix(val, `"`) {
				val = strings.TrimPrefix(strings.TrimSuffix(val, `"`), `"`)
			}
			args = append(args, val)
		}
	}
	return args
}

// options reads arguments; done: curl ends with code.
func (c *curl) options(args []string) (code int, done bool) {
	wrong := func(name, what string) (int, bool) {
		c.c.Errorf("curl: option %s: %s\n%s", name, what, curlTry)
		return 2, true
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--" && i+1 < len(args):
			c.urls = append(c.urls, args[i+1:]...)
			return 0, false
		case strings.HasPrefix(a, "--"):
			name := a[2:]
			on := true
			var found []curlOption
			match := func(name string) {
				for _, o := range curlOptions {
					if o.long == name {
						found = []curlOption{o}
						return
					}
					if strings.HasPrefix(o.long, name) && name != "" {
						found = append(found, o)
					}
				}
			}
			match(name)
			if t, ok := strings.CutPrefix(name, "no-"); ok && len(found) == 0 {
				on = false
				match(t)
			}
			switch {
			case len(found) == 0:
				return wrong(a, "is unknown")
			case len(found) > 1:
				return wrong(a, "is ambiguous")
			}
			o := found[0]
			val := ""
			if o.arg && on {
				if i+1 >= len(args) {
					if o.long == "help" {
						return c.set(o, "", true, a)
					}
					return wrong(a, "requires parameter")
				}
				i++
				val = args[i]
			}
			if code, done := c.set(o, val, on, a); done {
				return code, done
			}
		case len(a) > 1 && a[0] == '-':
			for rest := a[1:]; rest != ""; {
				letter := rest[0]
				rest = rest[1:]
				var o curlOption
				for _, x := range curlOptions {
					if x.short == letter {
						o = x
					}
				}
				name := "-" + string(rune(letter))
				if o.long == "" {
					return wrong(a, "is unknown")
				}
				val := ""
				if o.arg {
					if rest == "" {
						if i+1 >= len(args) {
							if o.long == "help" {
								return c.set(o, "", true, name)
							}
							return wrong(a, "requires parameter")
						}
						i++
						rest = args[i]
					}
					val, rest = rest, ""
				}
				if code, done := c.set(o, val, true, a); done {
					return code, done
				}
			}
		default:
			c.urls = append(c.urls, a)
		}
	}
	return 0, false
}

func (c *curl) set(o curlOption, val string, on bool, name string) (code int, done bool) {
	number := func() (float64, bool) {
		v, err := strconv.ParseFloat(val, 64)
		return v, err == nil && v >= 0
	}
	bad := func() (int, bool) {
		c.c.Errorf("curl: option %s: expected a proper numerical parameter\n%s", name, curlTry)
		return 2, true
	}
	seconds := func(to *time.Duration) (int, bool) {
		v, ok := number()
		if !ok {
			return bad()
		}
		*to = time.Duration(v * float64(time.Second))
		return 0, false
	}
	whole := func(to *int) (int, bool) {
		v, ok := number()
		if !ok || v != float64(int(v)) {
			return bad()
		}
		*to = int(v)
		return 0, false
	}
	switch o.long {
	case "progress-bar":
		c.bar = on
	case "http1.0":
		c.http10 = on
	case "user-agent":
		c.agent, c.agentSet = val, true
	case "cookie":
		if strings.Contains(val, "=") {
			c.cookies = append(c.cookies, val)
		} else if b, err := c.c.ReadFile(val); err == nil {
			for line := range strings.Lines(string(b)) {
				if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 7 {
					c.jar[f[5]] = f[6]
				}
			}
		}
	case "cookie-jar":
		c.cookieJar = val
	case "continue-at":
		c.continueAt = val
	case "connect-timeout":
		return seconds(&c.connectTimeout)
	case "max-time":
		return seconds(&c.maxTime)
	case "retry-delay":
		return seconds(&c.retryDelay)
	case "retry-max-time":
		return seconds(&c.retryMax)
	case "compressed":
		c.compressed = on
	case "create-dirs":
		c.createDirs = on
	case "data", "data-ascii":
		c.addData(val, false, true)
	case "data-binary":
		c.addData(val, true, true)
	case "data-raw":
		c.addData(val, true, false)
	case "data-urlencode":
		c.addData(c.urlencode(val), true, false)
	case "json":
		c.addData(val, true, true)
		c.json = true
	case "dump-header":
		c.dumpHeader = val
	case "referer":
		c.referer = val
	case "fail":
		c.fail = on
	case "fail-with-body":
		c.failBody = on
	case "form", "form-string":
		return c.form(val, o.long == "form-string")
	case "globoff":
		c.globOff = on
	case "get":
		c.get = on
	case "header":
		if f, ok := strings.CutPrefix(val, "@"); ok {
			b, err := c.c.ReadFile(f)
			if err != nil {
				c.c.Errorf("Warning: Couldn't read data from file \"%s\", this makes an empty\nWarning: POST.\n", f)
			}
			for line := range strings.Lines(string(b)) {
				c.headers = append(c.headers, strings.TrimRight(line, "\r\n"))
			}
			break
		}
		c.headers = append(c.headers, val)
	case "help":
		c.c.Print(curlHelp)
		return 0, true
	case "head":
		c.head = on
	case "include":
		c.include = on
	case "remote-header-name":
		c.contentDisposition = on
	case "config":
		b, err := c.c.ReadFile(val)
		if val == "-" {
			b, err = io.ReadAll(io.LimitReader(c.c.In, 1<<20))
		}
		if err != nil {
			c.c.Errorf("Warning: error trying read config from the '%s' file\n", val)
			c.c.Errorf("curl: option -K: error encountered when reading a file\n%s", curlTry)
			return 26, true
		}
		return c.options(configArgs(string(b)))
	case "location":
		c.follow = on
	case "location-trusted":
		c.follow, c.trusted = on, on
	case "max-filesize":
		v, ok := number()
		if !ok {
			return bad()
		}
		c.maxSize = int64(v)
	case "max-redirs":
		if val == "-1" {
			c.maxRedirs = 1 << 20
			break
		}
		return whole(&c.maxRedirs)
	case "no-buffer":
		c.noBuffer = on
	case "output":
		c.outs = append(c.outs, val)
	case "output-dir":
		c.outputDir = val
	case "remote-name":
		c.outs = append(c.outs, "\x00")
	case "remote-name-all":
		c.remoteAll = on
	case "path-as-is":
		c.asIs = on
	case "post301":
		c.post301 = on
	case "post302":
		c.post302 = on
	case "post303":
		c.post303 = on
	case "range":
		c.rangeOf = val
	case "remote-time":
		c.remoteTime = on
	case "request-target":
		c.requestTarget = val
	case "resolve":
		f := strings.SplitN(strings.TrimPrefix(val, "+"), ":", 3)
		if len(f) == 3 {
			if a, err := netip.ParseAddr(strings.Trim(f[2], "[]")); err == nil {
				c.resolve[f[0]+":"+f[1]] = a
			}
		}
	case "retry":
		return whole(&c.retries)
	case "retry-all-errors":
		c.retryAll = on
	case "retry-connrefused":
		c.retryRefused = on
	case "silent":
		c.silent = on
	case "show-error":
		c.showError = on
	case "stderr":
		if val == "-" {
			c.stderr = c.c.Out
		} else if f, err := c.c.CreateFile(val); err == nil {
			c.stderr = f
		}
	case "upload-file":
		c.upload = val
	case "unix-socket":
		c.unixSocket = val
	case "url":
		c.urls = append(c.urls, val)
	case "user":
		c.user = val
	case "verbose":
		c.verbose = on
	case "version":
		c.c.Print(curlVersion)
		return 0, true
	case "write-out":
		if f, ok := strings.CutPrefix(val, "@"); ok {
			b, _ := c.c.ReadFile(f)
			val = string(b)
		}
		c.writeOut = val
	case "request":
		c.method = val
	case "no-progress-meter":
		c.noMeter = on
	case "proxy", "trace-ascii", "netrc", "connect-to", "next":
		c.c.Errorf("curl: option %s: the installed libcurl version doesn't support this\n%s", name, curlTry)
		return 2, true
	}
	return 0, false
}

// addData adds to the body; "@file" is read, without its newlines unless binary.
func (c *curl) addData(s string, binary, at bool) {
	b := []byte(s)
	if name, ok := strings.CutPrefix(s, "@"); ok && at {
		var err error
		if name == "-" {
			b, err = io.ReadAll(io.LimitReader(c.c.In, 16<<20))
		} else {
			b, err = c.c.ReadFile(name)
		}
		if err != nil {
			c.c.Errorf("Warning: Couldn't read data from file \"%s\", this makes an empty POST.\n", name)
		}
		if !binary {
			b = bytes.Map(func(r rune) rune {
				if r == '\n' || r == '\r' {
					return -1
				}
				return r
			}, b)
		}
	}
	if c.hasData && !c.json {
		c.data = append(c.data, '&')
	}
	c.data = append(c.data, b...)
	c.hasData = true
}

func (c *curl) urlencode(s string) string {
	name, val := "", s
	if i := strings.IndexAny(s, "=@"); i >= 0 {
		name, val = s[:i], s[i+1:]
		if s[i] == '@' {
			b, err := c.c.ReadFile(val)
			if err != nil {
				c.c.Errorf("Warning: Couldn't read data from file \"%s\", this makes an empty POST.\n", val)
			}
			val = string(b)
		}
	}
	val = url.QueryEscape(val)
	if name != "" {
		return name + "=" + val
	}
	return val
}

func (c *curl) form(s string, plain bool) (int, bool) {
	name, val, ok := strings.Cut(s, "=")
	if !ok {
		c.c.Errorf("Warning: Illegally formatted input field!\ncurl: option -F: is badly used here\n%s", curlTry)
		return 2, true
	}
	p := formPart{name: name, value: val}
	if !plain {
		for _, opt := range strings.Split(val, ";")[1:] {
			if t, ok := strings.CutPrefix(opt, "type="); ok {
				p.kind = t
			}
		}
		val, _, _ = strings.Cut(val, ";")
		p.value = val
		if f, ok := strings.CutPrefix(val, "@"); ok {
			p.file = f
		} else if f, ok := strings.CutPrefix(val, "<"); ok {
			b, err := c.c.ReadFile(f)
			if err != nil {
				c.report(&curlError{26, "Failed to open/read local data from file/application"})
				return 26, true
			}
			p.value = string(b)
		}
	}
	c.forms = append(c.forms, p)
	return 0, false
}

// report writes an error, unless -s without -S.
func (c *curl) report(e *curlError) {
	if e.text != "" && (!c.silent || c.showError) {
		fmt.Fprintf(c.stderr, "%v\n", e)
	}
}

// glob expands {a,b} and [1-3] in a URL.
func glob(s string) ([]string, *curlError) {
	bad := func(what string, at int) *curlError {
		return &curlError{3, fmt.Sprintf("%s in URL position %d:\n%s\n%s^", what, at, s, strings.Repeat(" ", at-1))}
	}
	urls := []string{""}
	join := func(parts []string) {
		var all []string
		for _, u := range urls {
			for _, p := range parts {
				all = append(all, u+p)
			}
		}
		urls = all
	}
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return nil, bad("unmatched brace", i+1)
			}
			join(strings.Split(s[i+1:i+end], ","))
			i += end
		case '[':
			end := strings.IndexByte(s[i:], ']')
			body := ""
			if end > 0 {
				body = s[i+1 : i+end]
			}
			if strings.Contains(body, ":") && !strings.Contains(body, "-") { // an IPv6 address
				join([]string{s[i : i+end+1]})
				i += end
				break
			}
			body, step, _ := strings.Cut(body, ":")
			by := 1
			if n, err := strconv.Atoi(step); err == nil && n > 0 {
				by = n
			}
			lo, hi, ok := strings.Cut(body, "-")
			if !ok {
				return nil, bad("bad range", i+2)
			}
			var parts []string
			if a, err := strconv.Atoi(lo); err == nil {
				b, err := strconv.Atoi(hi)
				if err != nil || b < a || b-a > 100000 {
					return nil, bad("bad range", i+2)
				}
				width := 0
				if strings.HasPrefix(lo, "0") {
					width = len(lo)
				}
				for n := a; n <= b; n += by {
					parts = append(parts, fmt.Sprintf("%0*d", width, n))
				}
			} else if len(lo) == 1 && len(hi) == 1 && lo <= hi {
				for ch := int(lo[0]); ch <= int(hi[0]); ch += by {
					parts = append(parts, string(rune(ch)))
				}
			} else {
				return nil, bad("bad range", i+2)
			}
			join(parts)
			i += end
		case '}', ']':
			return nil, bad("unmatched close brace/bracket", i+1)
		case '\\':
			if i+1 < len(s) && strings.IndexByte("{}[]", s[i+1]) >= 0 {
				i++
			}
			join([]string{s[i : i+1]})
		default:
			join([]string{s[i : i+1]})
		}
		if len(urls) > 10000 {
			return nil, bad("too many URLs", i+1)
		}
	}
	return urls, nil
}

// result is what -w can tell of a transfer.
type result struct {
	code, redirects, connects   int
	size, headerSize, requested int64
	uploaded                    int64
	effective, contentType      string
	redirect, proto, scheme     string
	local, peer                 netip.AddrPort
	err                         *curlError
	file                        string
	method                      string
	total, connect, name, first time.Duration
	headers                     int
}

// transfer fetches one URL, as often as -L and --retry ask for.
func (c *curl) transfer(raw, out string) int {
	began := c.c.Now()
	var res *result
	for try := 0; ; try++ {
		c.start = c.c.Now()
		res = c.fetch(raw, out)
		temporary := res.err != nil && (res.err.code == 28 || c.retryAll || c.retryRefused && res.err.code == 7) ||
			res.code == 408 || res.code == 429 || res.code >= 500 && res.code <= 504 || c.retryAll && res.err != nil
		if !temporary || try >= c.retries {
			break
		}
		wait := c.retryDelay
		if wait == 0 {
			wait = time.Second << min(try, 9)
		}
		if c.retryMax > 0 && c.c.Now().Sub(began)+wait > c.retryMax {
			break
		}
		why := "HTTP error"
		switch {
		case res.err != nil && res.err.code == 28:
			why = "timeout"
		case res.err != nil && res.err.code == 7 && c.retryRefused:
			why = "connection refused"
		case res.err != nil && c.retryAll:
			why = "(retrying all errors)"
		}
		if !c.silent || c.showError {
			left := c.retries - try
			plural := "ies"
			if left == 1 {
				plural = "y"
			}
			s := ""
			if wait != time.Second {
				s = "s"
			}
			if res.err != nil && why == "(retrying all errors)" {
				c.report(res.err)
			}
			fmt.Fprintf(c.stderr, "Warning: Problem: %s. Will retry in %d second%s. %d retr%s left.\n", why, int(wait/time.Second), s, left, plural)
		}
		c.c.Sleep(wait)
	}
	code := 0
	if res.err != nil {
		code = res.err.code
		c.report(res.err)
	}
	if c.writeOut != "" {
		c.c.Print(c.expand(res))
	}
	return code
}

// fetch follows redirections.
func (c *curl) fetch(raw, out string) *result {
	res := &result{effective: raw, scheme: "http"}
	fail := func(code int, format string, args ...any) *result {
		res.err = &curlError{code, fmt.Sprintf(format, args...)}
		return res
	}
	if scheme, rest, ok := strings.Cut(raw, "://"); ok {
		scheme = strings.ToLower(scheme)
		switch scheme {
		case "http", "https":
		case "file":
			return c.fetchFile(rest, out, res)
		default:
			return fail(1, "Protocol \"%s\" not supported or disabled in libcurl", scheme)
		}
		if rest == "" {
			return fail(3, "URL using bad/illegal format or missing URL")
		}
	}
	t, err := parseURL(raw)
	if err != nil || t.host == "" {
		return fail(3, "URL using bad/illegal format or missing URL")
	}
	res.effective = t.String()
	if t.Path == "" {
		res.effective += "/"
	}
	method, body, kind, e := c.body()
	if e != nil {
		res.err = e
		return res
	}
	name := ""
	if out == "\x00" {
		name = path.Base(t.Path)
		if t.Path == "" || strings.HasSuffix(t.Path, "/") {
			fmt.Fprintf(c.stderr, "curl: Remote file name has no length!\n")
			return fail(23, "Failed writing received data to disk/application")
		}
	} else {
		name = out
	}
	if c.upload != "" && strings.HasSuffix(t.Path, "/") || c.upload != "" && t.Path == "" {
		t.URL.Path = strings.TrimSuffix(t.Path, "/") + "/" + path.Base(c.upload)
	}
	sink := &sink{c: c, name: name}
	defer sink.close()
	meter := c.meter(name)
	defer meter.end(res)
	auth := c.user
	if auth == "" && t.User != nil {
		p, _ := t.User.Password()
		auth = t.User.Username() + ":" + p
	}
	host := t.host
	for {
		if auth != "" && t.host != host && !c.trusted {
			auth = ""
		}
		r, e := c.exchange(t, method, body, kind, auth, res, meter, sink)
		if e != nil {
			res.err = e
			return res
		}
		if !c.follow || r.redirect == "" {
			return res
		}
		if res.redirects >= c.maxRedirs {
			return fail(47, "Maximum (%d) redirects followed", c.maxRedirs)
		}
		next, err := t.Parse(r.redirect)
		if err != nil {
			return fail(3, "URL using bad/illegal format or missing URL")
		}
		if c.verbose {
			c.note("Issue another request to this URL: '%s'", next.String())
		}
		nt, err := parseURL(next.String())
		if err != nil || next.Scheme != "http" && next.Scheme != "https" {
			return fail(1, "Protocol \"%s\" not supported or disabled in libcurl", next.Scheme)
		}
		t = nt
		res.redirects++
		res.effective = next.String()
		keep := r.status == 301 && c.post301 || r.status == 302 && c.post302 || r.status == 303 && c.post303
		if (r.status == 301 || r.status == 302 || r.status == 303) && method == "POST" && !keep && c.method == "" {
			if c.verbose {
				c.note("Switch from POST to GET")
			}
			method, body, kind = "GET", nil, ""
		}
	}
}

// fetchFile is file://.
func (c *curl) fetchFile(rest, out string, res *result) *result {
	i := strings.IndexByte(rest, '/')
	name := "/"
	if i >= 0 {
		name = rest[i:]
	}
	name, _ = url.PathUnescape(name)
	if out == "\x00" {
		out = path.Base(name)
	}
	f, err := c.c.OpenFile(name, linux.O_RDONLY, 0)
	if err != nil {
		res.err = &curlError{37, "Couldn't open file " + name}
		return res
	}
	defer f.Close()
	s := &sink{c: c, name: out}
	defer s.close()
	m := c.meter(out)
	defer m.end(res)
	n, err := io.Copy(s, f)
	res.size = n
	m.done = n
	m.total = n
	if err != nil {
		res.err = &curlError{23, "Failed writing received data to disk/application"}
	}
	return res
}

// body makes the method and the body of the request.
func (c *curl) body() (method string, body []byte, kind string, e *curlError) {
	method = "GET"
	switch {
	case c.head:
		method = "HEAD"
	case c.upload != "":
		method = "PUT"
		var err error
		if c.upload == "-" || c.upload == "." {
			body, err = io.ReadAll(io.LimitReader(c.c.In, 16<<20))
		} else {
			body, err = c.c.ReadFile(c.upload)
		}
		if err != nil {
			c.c.Errorf("curl: Can't open '%s'!\n%s", c.upload, curlTry)
			return "", nil, "", &curlError{26, "Failed to open/read local data from file/application"}
		}
		if body == nil {
			body = []byte{}
		}
	case len(c.forms) > 0:
		method = "POST"
		boundary := "------------------------" + fmt.Sprintf("%016x", c.c.Kernel().Rand().Uint64())
		kind = "multipart/form-data; boundary=" + boundary
		var b bytes.Buffer
		for _, p := range c.forms {
			fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"", boundary, p.name)
			val := []byte(p.value)
			if p.file != "" {
				var err error
				if val, err = c.c.ReadFile(p.file); err != nil {
					return "", nil, "", &curlError{26, "Failed to open/read local data from file/application"}
				}
				fmt.Fprintf(&b, "; filename=\"%s\"", path.Base(p.file))
				if p.kind == "" {
					p.kind = contentType(p.file)
				}
			}
			b.WriteString("\r\n")
			if p.kind != "" {
				fmt.Fprintf(&b, "Content-Type: %s\r\n", p.kind)
			}
			b.WriteString("\r\n")
			b.Write(val)
			b.WriteString("\r\n")
		}
		fmt.Fprintf(&b, "--%s--\r\n", boundary)
		body = b.Bytes()
	case c.hasData:
		method, body, kind = "POST", c.data, "application/x-www-form-urlencoded"
		if body == nil {
			body = []byte{}
		}
		if c.json {
			kind = "application/json"
		}
	}
	if c.method != "" {
		method = c.method
	}
	return method, body, kind, nil
}

func contentType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".gif":
		return "image/gif"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".png":
		return "image/png"
	case ".svg":
		return "image/svg+xml"
	case ".txt":
		return "text/plain"
	case ".htm", ".html":
		return "text/html"
	case ".pdf":
		return "application/pdf"
	case ".xml":
		return "application/xml"
	}
	return "application/octet-stream"
}

// note is a "* " line of -v.
func (c *curl) note(format string, args ...any) {
	if c.verbose {
		fmt.Fprintf(c.stderr, "* "+format+"\n", args...)
	}
}

// exchanged is what one request came to.
type exchanged struct {
	status   int
	redirect string
}

// connect makes or reuses the connection.
func (c *curl) connect(t *target, res *result) *curlError {
	to := t.host + ":" + strconv.Itoa(int(t.port))
	if c.unixSocket != "" {
		to = c.unixSocket
	}
	if c.k != nil {
		if c.kTo == to {
			c.note("Re-using existing connection #%d with host %s", c.count-1, t.host)
			return nil
		}
		c.k.close()
		c.k = nil
	}
	limit := 5 * time.Minute
	if c.connectTimeout > 0 {
		limit = c.connectTimeout
	}
	if c.maxTime > 0 {
		limit = min(limit, c.maxTime-c.c.Now().Sub(c.start))
	}
	began := c.c.Now()
	if c.unixSocket != "" {
		fd, err := c.c.DialUnix(c.unixSocket)
		if err != nil {
			return &curlError{7, fmt.Sprintf("Failed to connect to %s port %d after 0 ms: Couldn't connect to server", t.host, t.port)}
		}
		c.note("  Trying %s:0...", c.unixSocket)
		c.note("Connected to %s (%s) port %d (#%d)", t.host, c.unixSocket, t.port, c.count)
		c.k = newConn(c.c, fd)
		c.kTo = to
		c.count++
		return nil
	}
	addrs, err := addresses(c.c, t.host)
	if a, ok := c.resolve[to]; ok {
		addrs, err = []netip.Addr{a}, nil
	}
	if err != nil || len(addrs) == 0 {
		c.note("Could not resolve host: %s", t.host)
		c.note("Closing connection %d", c.count)
		return &curlError{6, "Could not resolve host: " + t.host}
	}
	var last error
	for _, a := range addrs {
		at := netip.AddrPortFrom(a, t.port)
		c.note("  Trying %s...", at)
		k, err := dial(c.c, []netip.Addr{a}, t.port, limit)
		if err == nil {
			c.note("Connected to %s (%s) port %d (#%d)", t.host, a, t.port, c.count)
			c.k, c.kTo = k, to
			c.count++
			res.connects++
			res.local, res.peer = k.local, k.peer
			res.connect = c.c.Now().Sub(c.start)
			return nil
		}
		last = err
		if err == linux.ETIMEDOUT {
			break
		}
		c.note("connect to %s port %d failed: %s", a, t.port, title(err))
	}
	took := c.c.Now().Sub(began).Milliseconds()
	if last == linux.ETIMEDOUT && limit < 130*time.Second {
		text := fmt.Sprintf("Connection timed out after %d milliseconds", took)
		if c.connectTimeout > 0 {
			text = fmt.Sprintf("Failed to connect to %s port %d after %d ms: Timeout was reached", t.host, t.port, took)
		}
		c.note("Closing connection %d", c.count)
		return &curlError{28, text}
	}
	text := fmt.Sprintf("Failed to connect to %s port %d after %d ms: Couldn't connect to server", t.host, t.port, took)
	c.note("%s", text)
	c.note("Closing connection %d", c.count)
	return &curlError{7, text}
}

func title(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

func newConn(c *prog.Ctx, fd int) *conn {
	k := &conn{c: c, fd: fd}
	k.r = newReader(k)
	return k
}

// request writes the request.
func (c *curl) request(t *target, method string, body []byte, kind, auth string, res *result) []byte {
	custom := func(name string) (string, bool) {
		for _, h := range c.headers {
			k, v, ok := strings.Cut(h, ":")
			if !ok {
				k, v, ok = strings.Cut(h, ";")
			}
			if ok && strings.EqualFold(strings.TrimSpace(k), name) {
				return strings.TrimSpace(v), true
			}
		}
		return "", false
	}
	var b strings.Builder
	proto := "HTTP/1.1"
	if c.http10 {
		proto = "HTTP/1.0"
	}
	p := t.path()
	if c.requestTarget != "" {
		p = c.requestTarget
	}
	fmt.Fprintf(&b, "%s %s %s\r\n", method, p, proto)
	put := func(name, val string) {
		if v, ok := custom(name); ok {
			if v != "" && name == "Host" {
				fmt.Fprintf(&b, "Host: %s\r\n", v)
			}
			return
		}
		if val != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, val)
		}
	}
	put("Host", t.hostHeader())
	if auth != "" {
		user, pass, _ := strings.Cut(auth, ":")
		c.note("Server auth using Basic with user '%s'", user)
		put("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+pass)))
	}
	if r := c.rangeOf; r != "" {
		if !strings.Contains(r, "-") {
			r += "-"
		}
		put("Range", "bytes="+r)
	}
	agent := "curl/7.88.1"
	if c.agentSet {
		agent = c.agent
	}
	put("User-Agent", agent)
	if c.json {
		if _, ok := custom("Content-Type"); !ok {
			b.WriteString("Content-Type: application/json\r\n")
		}
		if _, ok := custom("Accept"); !ok {
			b.WriteString("Accept: application/json\r\n")
		}
	} else {
		put("Accept", "*/*")
	}
	if c.compressed {
		put("Accept-Encoding", "deflate, gzip, br, zstd")
	}
	referer := strings.TrimSuffix(c.referer, ";auto")
	put("Referer", referer)
	if cookies := c.cookieHeader(); cookies != "" {
		put("Cookie", cookies)
	}
	for _, h := range c.headers {
		k, v, ok := strings.Cut(h, ":")
		if !ok {
			if k, ok = strings.CutSuffix(h, ";"); ok {
				fmt.Fprintf(&b, "%s:\r\n", k)
			}
			continue
		}
		if strings.TrimSpace(v) == "" || strings.EqualFold(k, "Host") {
			continue
		}
		fmt.Fprintf(&b, "%s\r\n", h)
	}
	if body != nil {
		if _, ok := custom("Content-Length"); !ok {
			fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
		}
		if kind != "" && !c.json {
			put("Content-Type", kind)
		}
	}
	b.WriteString("\r\n")
	if c.verbose {
		for _, line := range strings.SplitAfter(strings.TrimSuffix(b.String(), "\r\n"), "\n") {
			fmt.Fprintf(c.stderr, "> %s", line)
		}
		fmt.Fprintf(c.stderr, "\r\n")
	}
	res.requested = int64(b.Len())
	return append([]byte(b.String()), body...)
}

func (c *curl) cookieHeader() string {
	var all []string
	for _, k := range sortedKeys(c.jar) {
		all = append(all, k+"="+c.jar[k])
	}
	return strings.Join(append(all, c.cookies...), "; ")
}

func (c *curl) saveCookies() {
	if c.cookieJar == "" {
		return
	}
	var b strings.Builder
	b.WriteString("# Netscape HTTP Cookie File\n# https://curl.se/docs/http-cookies.html\n# This file was generated by libcurl! Edit at your own risk.\n\n")
	host := "localhost"
	if t, err := parseURL(c.urls[0]); err == nil {
		host = t.host
	}
	for _, k := range sortedKeys(c.jar) {
		fmt.Fprintf(&b, "%s\tFALSE\t/\tFALSE\t0\t%s\t%s\n", host, k, c.jar[k])
	}
	if c.cookieJar == "-" {
		c.c.Print(b.String())
		return
	}
	c.c.WriteFile(c.cookieJar, []byte(b.String()), 0o644)
}

// exchange sends one request and reads its answer.
func (c *curl) exchange(t *target, method string, body []byte, kind, auth string, res *result, m *meter, s *sink) (*exchanged, *curlError) {
	fresh := c.k == nil
	if e := c.connect(t, res); e != nil {
		return nil, e
	}
	if c.maxTime > 0 {
		c.k.deadline = c.start.Add(c.maxTime)
	}
	res.method, res.scheme = method, t.Scheme
	req := c.request(t, method, body, kind, auth, res)
	drop := func(code int, format string, args ...any) (*exchanged, *curlError) {
		text := fmt.Sprintf(format, args...)
		if code == 52 {
			c.note("Empty reply from server")
		}
		if c.k != nil {
			c.k.close()
			c.k = nil
			c.note("Closing connection %d", c.count-1)
		}
		return nil, &curlError{code, text}
	}
	c.c.Signal(linux.SIGPIPE, ignore)
	if _, err := c.k.Write(req); err != nil {
		if !fresh {
			c.k.close()
			c.k = nil
			return c.exchange(t, method, body, kind, auth, res, m, s)
		}
		return drop(55, "Send failure: %s", title(err))
	}
	if len(body) > 0 && c.verbose {
		fmt.Fprintf(c.stderr, "} [%d bytes data]\n", len(body))
	}
	res.uploaded = int64(len(body))
	r, err := c.k.readHead(method)
	switch {
	case err == errTimeout:
		return drop(28, "Operation timed out after %d milliseconds with 0 bytes received", c.c.Now().Sub(c.start).Milliseconds())
	case err == errEmpty:
		if !fresh {
			c.k.close()
			c.k = nil
			return c.exchange(t, method, body, kind, auth, res, m, s)
		}
		return drop(52, "Empty reply from server")
	case err == errMalformed:
		return drop(1, "Received HTTP/0.9 when not allowed")
	case err != nil && err != io.EOF:
		return drop(56, "Recv failure: %s", title(err))
	}
	res.first = c.c.Now().Sub(c.start)
	res.code, res.contentType, res.proto = r.status, r.header("Content-Type"), strings.TrimPrefix(r.proto, "HTTP/")
	res.headers = len(r.headers)
	closing := strings.EqualFold(r.header("Connection"), "close") || r.proto == "HTTP/1.0" && !strings.EqualFold(r.header("Connection"), "keep-alive") ||
		r.length < 0 && !r.chunked
	var head strings.Builder
	head.WriteString(r.line + "\r\n")
	for _, h := range r.headers {
		head.WriteString(h + "\r\n")
	}
	head.WriteString("\r\n")
	res.headerSize += int64(head.Len())
	for _, h := range r.headers {
		if k, v, ok := strings.Cut(h, ":"); ok && strings.EqualFold(k, "Set-Cookie") {
			pair, _, _ := strings.Cut(strings.TrimSpace(v), ";")
			if name, val, ok := strings.Cut(pair, "="); ok && (c.cookieJar != "" || len(c.cookies) > 0 || len(c.jar) > 0) {
				c.jar[name] = val
			}
		}
	}
	if c.verbose {
		if r.proto == "HTTP/1.0" {
			c.note("HTTP 1.0, assume close after body")
		}
		for _, line := range strings.SplitAfter(strings.TrimSuffix(head.String(), "\r\n"), "\n") {
			if line != "" {
				fmt.Fprintf(c.stderr, "< %s", line)
			}
		}
		fmt.Fprintf(c.stderr, "< \r\n")
	}
	ex := &exchanged{status: r.status}
	res.redirect = ""
	if loc := r.header("Location"); loc != "" && r.status >= 300 && r.status < 400 {
		ex.redirect = loc
		if u, err := t.Parse(loc); err == nil {
			res.redirect = u.String()
		}
	}
	failing := r.status >= 400 && (c.fail || c.failBody)
	if failing && c.fail {
		m.total = max(r.length, 0)
		c.k.close()
		c.k = nil
		c.note("The requested URL returned error: %d", r.status)
		c.note("Closing connection %d", c.count-1)
		return nil, &curlError{22, fmt.Sprintf("The requested URL returned error: %d", r.status)}
	}
	if c.include || c.head {
		io.WriteString(s, head.String())
	}
	if c.dumpHeader != "" {
		if c.dumpHeader == "-" {
			c.c.Print(head.String())
		} else if c.headerW == nil {
			if f, err := c.c.CreateFile(c.dumpHeader); err == nil {
				c.headerW = f
			}
		}
		if c.headerW != nil {
			io.WriteString(c.headerW, head.String())
		}
	}
	if c.contentDisposition && s.name != "" && s.w == nil {
		if _, v, ok := strings.Cut(r.header("Content-Disposition"), "filename="); ok {
			s.name = path.Base(strings.Trim(v, "\" "))
		}
	}
	follow := c.follow && ex.redirect != ""
	if n, err := strconv.ParseInt(r.header("Content-Length"), 10, 64); err == nil {
		m.total = n
	}
	if c.maxSize > 0 && r.length > c.maxSize {
		return drop(63, "Maximum file size exceeded")
	}
	if follow {
		c.note("Ignoring the response-body")
		if _, err := io.Copy(io.Discard, c.k.body(r)); err != nil {
			closing = true
		}
	} else if method != "HEAD" || r.length != 0 {
		n, e := c.receive(c.k.body(r), r, s, m)
		res.size = n
		if e != nil {
			return drop(e.code, "%s", e.text)
		}
	}
	if closing {
		c.k.close()
		c.k = nil
		c.note("Closing connection %d", c.count-1)
	} else {
		c.note("Connection #%d to host %s left intact", c.count-1, t.host)
	}
	if failing {
		return nil, &curlError{22, fmt.Sprintf("The requested URL returned error: %d", r.status)}
	}
	return ex, nil
}

// receive copies a body to where it goes.
func (c *curl) receive(body io.Reader, r *response, s *sink, m *meter) (int64, *curlError) {
	buf := make([]byte, 16384)
	total := int64(0)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			if c.verbose && !c.c.Isatty(1) {
				fmt.Fprintf(c.stderr, "{ [%d bytes data]\n", n)
			}
			total += int64(n)
			m.done = total
			if _, werr := s.Write(buf[:n]); werr != nil {
				return total, &curlError{23, "Failure writing output to destination"}
			}
			if c.noBuffer {
				c.c.Out.Flush()
			}
		}
		switch {
		case err == io.EOF:
			return total, nil
		case err == errTimeout:
			ms := c.c.Now().Sub(c.start).Milliseconds()
			if r.length >= 0 {
				return total, &curlError{28, fmt.Sprintf("Operation timed out after %d milliseconds with %d out of %d bytes received", ms, total, r.length)}
			}
			return total, &curlError{28, fmt.Sprintf("Operation timed out after %d milliseconds with %d bytes received", ms, total)}
		case err == errShort && r.length >= 0:
			return total, &curlError{18, fmt.Sprintf("transfer closed with %d bytes remaining to read", r.length-total)}
		case err == errShort:
			return total, &curlError{18, "transfer closed with outstanding read data remaining"}
		case err != nil:
			return total, &curlError{56, "Recv failure: " + title(err)}
		}
	}
}

var errBinary = errors.New("binary output to a terminal")

// sink is where a body goes; a file is made when the first byte comes.
type sink struct {
	c    *curl
	name string
	w    io.Writer
	f    *prog.File
	err  error
}

func (s *sink) Write(b []byte) (int, error) {
	if s.w == nil {
		if s.name == "" || s.name == "-" {
			s.w = s.c.c.Out
		} else {
			name := s.name
			if s.c.outputDir != "" {
				name = prog.JoinPath(s.c.outputDir, name)
			}
			if s.c.createDirs {
				makeDirs(s.c.c, path.Dir(name))
			}
			f, err := s.c.c.CreateFile(name)
			if err != nil {
				if !s.c.silent || s.c.showError {
					fmt.Fprintf(s.c.stderr, "Warning: Failed to open the file %s: %v\n", name, err)
				}
				return 0, err
			}
			s.f, s.w = f, f
		}
	}
	if s.name == "" && s.c.c.Isatty(1) && bytes.IndexByte(b[:min(len(b), 2000)], 0) >= 0 {
		fmt.Fprintf(s.c.stderr, "Warning: Binary output can mess up your terminal. Use \"--output -\" to tell \nWarning: curl to output it to your terminal anyway, or consider \"--output \nWarning: <FILE>\" to save to a file.\n")
		return 0, errBinary
	}
	return s.w.Write(b)
}

func (s *sink) close() {
	if s.f != nil {
		s.f.Close()
	} else if s.name != "" && s.name != "-" && s.w == nil && s.c.k != nil {
		// An empty body makes an empty file.
		if f, err := s.c.c.CreateFile(s.name); err == nil {
			f.Close()
		}
	}
}

func makeDirs(c *prog.Ctx, dir string) {
	if dir == "." || dir == "/" {
		return
	}
	if _, err := c.Stat(dir); err == nil {
		return
	}
	makeDirs(c, path.Dir(dir))
	c.Mkdir(dir, 0o750)
}

// meter is the table that curl writes while it works, if its output is no terminal.
type meter struct {
	c           *curl
	shown       bool
	done, total int64
}

const meterHead = "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n" +
	"                                 Dload  Upload   Total   Spent    Left  Speed\n"

func (c *curl) meter(name string) *meter {
	m := &meter{c: c}
	m.shown = !c.silent && !c.noMeter && !(c.c.Isatty(1) && (name == "" || name == "-"))
	if m.shown && !c.bar {
		fmt.Fprint(c.stderr, meterHead)
		fmt.Fprintf(c.stderr, "\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0")
	}
	return m
}

func (m *meter) end(res *result) {
	if !m.shown {
		return
	}
	w := m.c.stderr
	if m.c.bar {
		if res.err == nil {
			fmt.Fprintf(w, "\r%s 100.0%%\n", strings.Repeat("#", 72))
		}
		return
	}
	if res.err != nil && res.err.code == 6 {
		return
	}
	took := m.c.c.Now().Sub(m.c.start)
	speed := int64(0)
	if m.done > 0 {
		if took < time.Millisecond {
			took = time.Millisecond
		}
		speed = int64(float64(m.done) / took.Seconds())
	}
	total := max(m.total, m.done)
	percent := func(n int64) int {
		if n == 0 || total == 0 {
			return 0
		}
		return int(n * 100 / total)
	}
	fmt.Fprintf(w, "\r%3d %5s  %3d %5s    %d     0 %6s      0 %s %s %s %5s\n", percent(m.done), meterSize(total), percent(m.done), meterSize(m.done), 0, meterSize(speed),
		"--:--:--", spent(took), "--:--:--", meterSize(speed))
}

func spent(d time.Duration) string {
	s := int(d.Seconds())
	if s == 0 {
		return "--:--:--"
	}
	return fmt.Sprintf("%2d:%02d:%02d", s/3600, s/60%60, s%60)
}

// meterSize is a number of at most five characters.
func meterSize(n int64) string {
	switch {
	case n < 100000:
		return strconv.FormatInt(n, 10)
	case n < 10000<<10:
		return fmt.Sprintf("%4dk", n>>10)
	case n < 100<<20:
		return fmt.Sprintf("%2d.%dM", n>>20, n%(1<<20)/(1<<20/10))
	case n < 10000<<20:
		return fmt.Sprintf("%4dM", n>>20)
	}
	return fmt.Sprintf("%4dG", n>>30)
}

// expand is -w.
func (c *curl) expand(r *result) string {
	r.total = c.c.Now().Sub(c.start)
	secs := func(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }
	code := 0
	errText := ""
	if r.err != nil {
		code, errText = r.err.code, r.err.text
	}
	speed := int64(0)
	if r.total > 0 {
		speed = int64(float64(r.size) / r.total.Seconds())
	}
	vars := map[string]string{
		"http_code": fmt.Sprintf("%03d", r.code), "response_code": fmt.Sprintf("%03d", r.code), "size_download": strconv.FormatInt(r.size, 10),
		"size_upload": strconv.FormatInt(r.uploaded, 10), "size_header": strconv.FormatInt(r.headerSize, 10), "size_request": strconv.FormatInt(r.requested, 10),
		"url_effective": r.effective, "content_type": r.contentType, "redirect_url": r.redirect, "num_redirects": strconv.Itoa(r.redirects), "num_connects": strconv.Itoa(r.connects),
		"time_total": secs(r.total), "time_connect": secs(r.connect), "time_namelookup": secs(r.name), "time_starttransfer": secs(r.first), "time_pretransfer": secs(r.connect),
		"time_redirect": "0.000000", "time_appconnect": "0.000000", "speed_download": strconv.FormatInt(speed, 10), "speed_upload": "0", "http_version": r.proto, "scheme": strings.ToUpper(r.scheme),
		"local_ip": addrOf(r.local), "local_port": portOf(r.local), "remote_ip": addrOf(r.peer), "remote_port": portOf(r.peer), "exitcode": strconv.Itoa(code), "errormsg": errText,
		"method": r.method, "filename_effective": r.file, "ssl_verify_result": "0", "http_connect": "000", "num_headers": strconv.Itoa(r.headers), "url": r.effective, "urlnum": "0",
	}
	var b strings.Builder
	w := c.writeOut
	for i := 0; i < len(w); i++ {
		switch {
		case strings.HasPrefix(w[i:], "%%"):
			b.WriteByte('%')
			i++
		case strings.HasPrefix(w[i:], "%{"):
			end := strings.IndexByte(w[i:], '}')
			if end < 0 {
				b.WriteString("%{")
				i++
				break
			}
			name := w[i+2 : i+end]
			if v, ok := vars[name]; ok {
				b.WriteString(v)
			} else if name != "stdout" && name != "stderr" && name != "onerror" {
				fmt.Fprintf(c.stderr, "curl: unknown --write-out variable: '%s'\n", name)
			}
			i += end
		case w[i] == '\\' && i+1 < len(w):
			i++
			switch w[i] {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case 'r':
				b.WriteByte('\r')
			default:
				b.WriteString(w[i-1 : i+1])
			}
		default:
			b.WriteByte(w[i])
		}
	}
	return b.String()
}

func addrOf(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.Addr().String()
}

func portOf(a netip.AddrPort) string {
	if !a.IsValid() {
		return "0"
	}
	return strconv.Itoa(int(a.Port()))
}

const curlVersion = `curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1
Release-Date: 2023-02-20
Protocols: file http https
Features: Largefile UnixSockets
`

const curlHelp = `Usage: curl [options...] <url>
 -d, --data <data>          HTTP POST data
 -f, --fail                 Fail fast with no output on HTTP errors
 -h, --help <category>      Get help for commands
 -i, --include              Include protocol response headers in the output
 -o, --output <file>        Write to file instead of stdout
 -O, --remote-name          Write output to a file named as the remote file
 -s, --silent               Silent mode
 -T, --upload-file <file>   Transfer local FILE to destination
 -u, --user <user:password> Server user and password
 -A, --user-agent <name>    Send User-Agent <name> to server
 -v, --verbose              Make the operation more talkative
 -V, --version              Show version number and quit

This is not the full help, this menu is stripped into categories.
Use "--help category" to get an overview of all categories.
For all options use the manual or "--help all".
`
