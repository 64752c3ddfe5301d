// Package apache is the web server Apache httpd 2.4 as the lab's httpd image has it: it reads
// httpd.conf, and its parent and child processes serve over the lab's network.
package apache

import (
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/services/web"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
)

// Programs is httpd, under the names that the image and Debian have for it.
var Programs = []prog.Program{{Name: "httpd", Families: prog.GNU, Run: run}, {Name: "apache2", Families: prog.GNU, Run: run}}

// Version and what it was built as.
const (
	version = "2.4.58"
	built   = "Apache/" + version + " (Unix)"
	prefix  = "/usr/local/apache2"
)

type httpd struct {
	c     *prog.Ctx
	conf  *conf
	errFd int
	logs  map[string]int
	kids  []int
	fds   []int
}

const usage = `Usage: %s [-D name] [-d directory] [-f file]
             [-C "directive"] [-c "directive"]
             [-k start|restart|graceful|graceful-stop|stop]
             [-v] [-V] [-h] [-l] [-L] [-t] [-T] [-S] [-X]
`

func run(c *prog.Ctx) int {
	h := &httpd{c: c, errFd: 2}
	file, foreground, test, action := "conf/httpd.conf", false, false, "start"
	root := prefix
	name := path.Base(c.Name)
	c.OnUsage = func() { fmt.Fprintf(c.Err, usage, name) }
	var line []string
	for o := range c.GetoptOnly("D:C:c:d:f:k:vVlLtTSMhX", nil) {
		switch o.Val {
		case 'D':
			line = append(line, "-D "+o.Arg)
			foreground = foreground || o.Arg == "FOREGROUND"
		case 'X':
			foreground = true
		case 'd':
			root = o.Arg
		case 'f':
			file = o.Arg
			line = append(line, "-f "+o.Arg)
		case 'k':
			if !slices.Contains([]string{"start", "restart", "graceful", "graceful-stop", "stop"}, o.Arg) {
				c.Usage()
			}
			action = o.Arg
		case 'v', 'V':
			c.Printf("Server version: %s\nServer built:   Oct 19 2023 06:30:36\n", built)
			if o.Val == 'V' {
				c.Printf("Architecture:   64-bit\nServer MPM:     event\nServer compiled with....\n -D HTTPD_ROOT=%q\n -D SERVER_CONFIG_FILE=\"conf/httpd.conf\"\n", prefix)
			}
			return 0
		case 'l':
			c.Print("Compiled in modules:\n  core.c\n  mod_so.c\n  http_core.c\n")
			return 0
		case 't':
			test = true
		case 'h':
			fmt.Fprintf(c.Err, usage, name)
			return 1
		default:
			c.Errorf("%s: -%c is not simulated", name, o.Val)
			return 1
		}
	}
	if !path.IsAbs(file) {
		file = path.Join(root, file)
	}
	if err := h.load(root, file); err != nil {
		var open *openError
		if errors.As(err, &open) && open.file == file {
			fmt.Fprintf(c.Err, "%s: Could not open configuration file %s: %v\n", name, file, open.err)
		} else {
			fmt.Fprintf(c.Err, "%v\n", err)
		}
		return 1
	}
	if action != "start" {
		return h.signal(name, action)
	}
	warned := h.conf.name == ""
	own := "127.0.0.1"
	for _, i := range c.Sandbox().Net().Ifaces() {
		own = i.Addr.Addr().String()
	}
	warn := func() {
		if warned {
			fmt.Fprintf(c.Err, "AH00558: %s: Could not reliably determine the server's fully qualified domain name, using %s. Set the 'ServerName' directive globally to suppress this message\n", name, own)
		}
	}
	warn()
	if test {
		fmt.Fprintln(c.Err, "Syntax OK")
		return 0
	}
	if len(h.conf.listens) == 0 {
		fmt.Fprintln(c.Err, "no listening sockets available, shutting down\nAH00015: Unable to open logs")
		return 1
	}
	for _, at := range h.conf.listens {
		fd, err := c.Listen("tcp", at)
		if err != nil {
			var e linux.Errno
			errors.As(err, &e)
			fmt.Fprintf(c.Err, "(%d)%v: AH00072: make_sock: could not bind to address %s\nno listening sockets available, shutting down\nAH00015: Unable to open logs\n", int(e), e, at)
			return 1
		}
		h.fds = append(h.fds, fd)
	}
	if err := h.openLogs(); err != nil {
		fmt.Fprintf(c.Err, "%v\nAH00015: Unable to open logs\n", err)
		return 1
	}
	warn()
	if name == "httpd" {
		line = append([]string{name}, line...)
	} else {
		line = append([]string{c.Name}, line...)
	}
	if foreground {
		return h.parent(strings.Join(line, " "))
	}
	if _, err := c.Fork(func(p *kernel.Proc) int {
		p.Setsid()
		d := *c
		d.Proc = p
		h.c = &d
		return h.parent(strings.Join(line, " "))
	}); err != nil {
		return 1
	}
	return 0
}

type openError struct {
	file string
	err  error
}

func (e *openError) Error() string { return fmt.Sprintf("could not open %s: %v", e.file, e.err) }

func (h *httpd) load(root, file string) error {
	c := &conf{root: root, user: "www-data", group: "www-data", pid: path.Join(root, "logs/httpd.pid"), docRoot: path.Join(root, "htdocs"), index: []string{"index.html"},
		types: map[string]string{}, typesFile: path.Join(root, "conf/mime.types"), errorLog: path.Join(root, "logs/error_log"), modules: map[string]bool{"core": true, "so": true, "http": true},
		formats: map[string]string{"common": `%h %l %u %t "%r" %>s %b`}, errorDocs: map[int]string{}}
	r := &reader{
		read: func(name string) ([]byte, error) {
			b, err := h.c.ReadFile(name)
			if err != nil {
				return nil, &openError{name, err}
			}
			return b, nil
		},
		glob: func(pattern string) []string {
			dir, last := path.Split(pattern)
			es, _ := h.c.ReadDir(dir)
			var out []string
			for _, e := range es {
				if fnmatch.Match(last, e.Name, 0) {
					out = append(out, path.Join(dir, e.Name))
				}
			}
			return out
		},
	}
	if err := r.load(c, file); err != nil {
		return err
	}
	if st, err := h.c.Stat(c.docRoot); err != nil || !st.Mode.IsDir() {
		fmt.Fprintf(h.c.Err, "AH00112: Warning: DocumentRoot [%s] does not exist\n", c.docRoot)
	}
	if b, err := h.c.ReadFile(c.typesFile); err == nil {
		for l := range strings.Lines(string(b)) {
			f := strings.Fields(l)
			if len(f) < 2 || strings.HasPrefix(f[0], "#") {
				continue
			}
			for _, ext := range f[1:] {
				if _, ok := c.types[ext]; !ok {
					c.types[ext] = f[0]
				}
			}
		}
	}
	h.conf = c
	return nil
}

func (h *httpd) openLogs() error {
	open := func(file string) (int, error) {
		fd, err := h.c.Open(file, linux.O_WRONLY|linux.O_APPEND|linux.O_CREAT, 0o644)
		if err != nil {
			var e linux.Errno
			errors.As(err, &e)
			return -1, fmt.Errorf("(%d)%v: AH00091: %s: could not open error log file %s.", int(e), e, path.Base(h.c.Name), file)
		}
		return fd, nil
	}
	var err error
	if h.errFd, err = open(h.conf.errorLog); err != nil {
		return err
	}
	h.logs = map[string]int{}
	for _, c := range append([]*conf{h.conf}, h.conf.hosts...) {
		for _, l := range c.logs {
			if _, ok := h.logs[l.file]; !ok {
				if h.logs[l.file], err = open(l.file); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// log writes to the error log.
func (h *httpd) log(p *kernel.Proc, module, level, m string) {
	fmt.Fprintf(p.Writer(h.errFd), "[%s] [%s:%s] [pid %d:tid %d] %s\n", p.Now().Format("Mon Jan 02 15:04:05.000000 2006"), module, level, p.Pid(), p.Pid(), m)
}

func (h *httpd) signal(name, action string) int {
	b, err := h.c.ReadFile(h.conf.pid)
	pid, err2 := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || err2 != nil || h.c.Kill(pid, 0) != nil {
		fmt.Fprintf(h.c.Err, "%s (no pid file) not running\n", name)
		return 1
	}
	sig := map[string]linux.Signal{"stop": linux.SIGTERM, "graceful-stop": linux.SIGWINCH, "restart": linux.SIGHUP, "graceful": linux.SIGUSR1}[action]
	h.c.Kill(pid, sig)
	return 0
}

// parent starts the child and heeds signals.
func (h *httpd) parent(line string) int {
	p := h.c.Proc
	if err := h.c.WriteFile(h.conf.pid, []byte(strconv.Itoa(p.Pid())+"\n"), 0o644); err != nil {
		h.log(p, "core", "error", fmt.Sprintf("AH00100: %s: could not log pid to file %s", path.Base(h.c.Name), h.conf.pid))
		return 1
	}
	for _, s := range []linux.Signal{linux.SIGTERM, linux.SIGINT, linux.SIGWINCH, linux.SIGHUP, linux.SIGUSR1, linux.SIGCHLD} {
		p.Signal(s, kernel.Catch)
	}
	p.Signal(linux.SIGPIPE, kernel.Ignore)
	h.log(p, "mpm_event", "notice", "AH00489: "+built+" configured -- resuming normal operations")
	h.log(p, "core", "notice", "AH00094: Command line: '"+line+"'")
	h.spawn()
	for {
		switch p.Sigwait() {
		case linux.SIGTERM, linux.SIGINT:
			h.end(linux.SIGTERM)
			h.log(p, "mpm_event", "notice", "AH00491: caught SIGTERM, shutting down")
			p.Unlink(h.conf.pid)
			return 0
		case linux.SIGWINCH:
			h.log(p, "mpm_event", "notice", "AH00492: caught SIGWINCH, shutting down gracefully")
			h.end(linux.SIGTERM)
			p.Unlink(h.conf.pid)
			return 0
		case linux.SIGHUP, linux.SIGUSR1:
			h.end(linux.SIGTERM)
			old := h.conf
			if err := h.load(old.root, path.Join(old.root, "conf/httpd.conf")); err != nil {
				h.log(p, "core", "error", err.Error())
				return 1
			}
			h.log(p, "mpm_event", "notice", "AH00489: "+built+" configured -- resuming normal operations")
			h.log(p, "core", "notice", "AH00094: Command line: '"+line+"'")
			h.spawn()
		case linux.SIGCHLD:
			for {
				pid, _, err := p.Wait(-1, kernel.WNOHANG)
				if err != nil || pid == 0 {
					break
				}
				if i := slices.Index(h.kids, pid); i >= 0 {
					h.kids = slices.Delete(h.kids, i, i+1)
					h.spawn()
				}
			}
		}
	}
}

// end ends the children and waits for them.
func (h *httpd) end(s linux.Signal) {
	kids := h.kids
	h.kids = nil
	for _, k := range kids {
		h.c.Kill(k, s)
		for {
			if _, _, err := h.c.Wait(k, 0); err != linux.EINTR {
				break
			}
			h.c.TakeSignal()
		}
	}
}

// spawn starts the child that serves.
func (h *httpd) spawn() {
	db := userdb.Load(h.c)
	u, known := db.User(h.conf.user)
	g, gknown := db.Group(h.conf.group)
	pid, err := h.c.Fork(func(p *kernel.Proc) int {
		if p.Cred().UID == 0 && known {
			if gknown {
				p.Setgid(g.GID)
				p.Setgroups([]uint32{g.GID})
			}
			p.Setuid(u.UID)
		}
		s := &web.Server{P: p, Listeners: h.fds, Keep: 5 * time.Second}
		s.Handle = func(r *web.Request) *web.Response { return (&exchange{h: h, p: p, r: r}).handle() }
		s.Signal = func(sig linux.Signal) bool { return sig == linux.SIGTERM || sig == linux.SIGINT }
		s.Run()
		return 0
	})
	if err != nil {
		h.log(h.c.Proc, "mpm_event", "alert", fmt.Sprintf("AH00481: fork: Unable to fork new process: %v", err))
		return
	}
	h.kids = append(h.kids, pid)
}

// exchange is one request and its answer.
type exchange struct {
	h *httpd
	p *kernel.Proc
	r *web.Request
	c *conf
}

func (x *exchange) handle() *web.Response {
	x.c = x.h.conf.host(x.r.Local, x.r.Host)
	resp := x.answer()
	for _, l := range x.c.headers {
		resp.Set(l[0], l[1])
	}
	done := resp.Done
	resp.Done = func(r *web.Response) {
		if done != nil {
			done(r)
		}
		for _, l := range x.c.logs {
			format, ok := x.c.formats[l.format]
			if !ok {
				format = l.format
			}
			x.p.Write(x.h.logs[l.file], []byte(x.line(format, r)+"\n"))
		}
	}
	return resp
}

// host finds the VirtualHost for a name, or the main server.
func (c *conf) host(at netip.AddrPort, host string) *conf {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	var first *conf
	for _, v := range c.hosts {
		if v.at.IsValid() && v.at.Port() != at.Port() {
			continue
		}
		if first == nil {
			first = v
		}
		if slices.ContainsFunc(v.names, func(n string) bool { return fnmatch.Match(n, strings.ToLower(host), 0) }) {
			return v
		}
	}
	if first != nil {
		return first
	}
	return c
}

func (x *exchange) answer() *web.Response {
	r := x.r
	if r.Bad != 0 {
		resp := x.page(r.Bad, "Your browser sent a request that this server could not understand.<br />\n", "")
		resp.Close = true
		return resp
	}
	raw, query, hasQuery := strings.Cut(r.RequestURI, "?")
	dec, err := url.PathUnescape(raw)
	if err != nil || !strings.HasPrefix(dec, "/") || strings.ContainsRune(dec, 0) {
		resp := x.page(http.StatusBadRequest, "Your browser sent a request that this server could not understand.<br />\n", "")
		resp.Close = true
		return resp
	}
	switch r.Method {
	case "GET", "HEAD", "POST":
	case "OPTIONS":
		resp := x.begin(http.StatusOK)
		resp.Set("Allow", "GET,POST,OPTIONS,HEAD,TRACE")
		resp.Set("Content-Length", "0")
		return resp
	case "PUT", "DELETE", "PATCH":
		resp := x.page(http.StatusMethodNotAllowed, fmt.Sprintf("The requested method %s is not allowed for this URL.", r.Method), "")
		resp.Header = slices.Insert(resp.Header, 2, [2]string{"Allow", "GET,POST,OPTIONS,HEAD,TRACE"})
		return resp
	default:
		x.error("core", "AH00135: Invalid method in request "+r.Line)
		resp := x.page(http.StatusNotImplemented, fmt.Sprintf("%s not supported for current URL.<br />\n", html.EscapeString(r.Method)), "")
		resp.Header = slices.Insert(resp.Header, 2, [2]string{"Allow", "GET,POST,OPTIONS,HEAD,TRACE"})
		resp.Close = true
		return resp
	}
	uri := path.Clean(dec)
	slash := strings.HasSuffix(dec, "/") && uri != "/"
	for _, d := range x.c.redirects {
		if rest, ok := strings.CutPrefix(uri, strings.TrimSuffix(d.from, "/")); ok && (rest == "" || rest[0] == '/') {
			to := d.to + rest
			if strings.HasPrefix(to, "/") {
				to = "http://" + r.Host + to
			}
			return x.redirect(d.status, to)
		}
	}
	file := x.c.docRoot + uri
	for _, a := range x.c.aliases {
		if rest, ok := strings.CutPrefix(uri, strings.TrimSuffix(a.from, "/")); ok && (rest == "" || rest[0] == '/') {
			file = strings.TrimSuffix(a.to, "/") + rest
		}
	}
	file = strings.TrimSuffix(file, "/")
	ok, indexes, index := x.c.may(file)
	if !ok {
		x.error("authz_core", "AH01630: client denied by server configuration: "+file)
		return x.page(http.StatusForbidden, "You don't have permission to access this resource.", "")
	}
	st, err := x.p.Stat(file)
	switch {
	case err == linux.EACCES:
		x.error("core", fmt.Sprintf("(13)Permission denied: AH00132: file permissions deny server access: %s", file))
		return x.page(http.StatusForbidden, "You don't have permission to access this resource.", "")
	case err != nil || st.Mode.IsRegular() && slash:
		return x.page(http.StatusNotFound, "The requested URL was not found on this server.", "")
	case st.Mode.IsDir():
		if !slash && uri != "/" {
			to := "http://" + r.Host + uri + "/"
			if hasQuery {
				to += "?" + query
			}
			return x.redirect(http.StatusMovedPermanently, to)
		}
		for _, i := range index {
			if ist, err := x.p.Stat(file + "/" + i); err == nil && ist.Mode.IsRegular() {
				return x.file(file + "/" + i)
			}
		}
		if indexes && x.c.modules["autoindex"] {
			return x.list(uri, file)
		}
		x.error("autoindex", fmt.Sprintf("AH01276: Cannot serve directory %s/: No matching DirectoryIndex (%s) found, and server-generated directory index forbidden by Options directive", file, strings.Join(index, ",")))
		return x.page(http.StatusForbidden, "You don't have permission to access this resource.", "")
	}
	return x.file(file)
}

func (x *exchange) file(name string) *web.Response {
	fd, err := x.p.Open(name, linux.O_RDONLY, 0)
	if err != nil {
		x.error("core", fmt.Sprintf("(13)Permission denied: AH00132: file permissions deny server access: %s", name))
		return x.page(http.StatusForbidden, "You don't have permission to access this resource.", "")
	}
	st, err := x.p.Fstat(fd)
	if err != nil {
		x.p.Close(fd)
		return x.page(http.StatusNotFound, "The requested URL was not found on this server.", "")
	}
	etag := fmt.Sprintf(`"%x-%x"`, st.Size, st.Mtime.UnixMicro())
	status, off, n := http.StatusOK, int64(0), st.Size
	partial := false
	if rng := x.r.Header.Get("Range"); rng != "" {
		var bad bool
		if off, n, partial, bad = web.Range(rng, st.Size); bad {
			x.p.Close(fd)
			return x.page(http.StatusRequestedRangeNotSatisfiable, "None of the range-specifier values in the Range\nrequest-header field overlap the current extent\nof the selected resource.", "")
		}
		if partial {
			status = http.StatusPartialContent
		} else {
			off, n = 0, st.Size
		}
	}
	if m := x.r.Header.Get("If-None-Match"); m == etag || m == "*" || m == "" && x.r.Header.Get("If-Modified-Since") == web.Date(st.Mtime) {
		x.p.Close(fd)
		resp := x.begin(http.StatusNotModified)
		resp.Set("Last-Modified", web.Date(st.Mtime))
		resp.Set("ETag", etag)
		resp.Set("Accept-Ranges", "bytes")
		return resp
	}
	resp := x.begin(status)
	resp.Set("Last-Modified", web.Date(st.Mtime))
	resp.Set("ETag", etag)
	resp.Set("Accept-Ranges", "bytes")
	resp.Set("Content-Length", strconv.FormatInt(n, 10))
	if partial {
		resp.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, st.Size))
	}
	if t := x.c.types[strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))]; t != "" {
		resp.Set("Content-Type", t)
	}
	resp.Size, resp.Send = n, web.File(x.p, fd, off, n)
	resp.Done = func(*web.Response) { x.p.Close(fd) }
	return resp
}

const doctype = "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n"

// list is mod_autoindex's plain list.
func (x *exchange) list(uri, dir string) *web.Response {
	es, err := x.p.ReadDir(dir)
	if err != nil {
		return x.page(http.StatusForbidden, "You don't have permission to access this resource.", "")
	}
	var b strings.Builder
	shown := html.EscapeString(uri)
	fmt.Fprintf(&b, "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<html>\n <head>\n  <title>Index of %s</title>\n </head>\n <body>\n<h1>Index of %s</h1>\n<ul>", shown, shown)
	if uri != "/" {
		up := path.Dir(uri)
		if up != "/" {
			up += "/"
		}
		fmt.Fprintf(&b, "<li><a href=%q> Parent Directory</a></li>\n", up)
	}
	for _, e := range es {
		if strings.HasPrefix(e.Name, ".") {
			continue
		}
		name := e.Name
		if st, err := x.p.Stat(dir + "/" + name); err == nil && st.Mode.IsDir() {
			name += "/"
		}
		fmt.Fprintf(&b, "<li><a href=%q> %s</a></li>\n", (&url.URL{Path: name}).EscapedPath(), html.EscapeString(name))
	}
	b.WriteString("</ul>\n</body></html>\n")
	resp := x.begin(http.StatusOK)
	resp.Text([]byte(b.String()))
	resp.Set("Content-Length", strconv.Itoa(b.Len()))
	resp.Set("Content-Type", "text/html;charset=ISO-8859-1")
	return resp
}

func (x *exchange) redirect(status int, to string) *web.Response {
	return x.page(status, fmt.Sprintf("The document has moved <a href=%q>here</a>.", html.EscapeString(to)), to)
}

func (x *exchange) begin(status int) *web.Response {
	resp := &web.Response{Status: status, Phrase: phrase(status)}
	resp.Set("Date", web.Date(x.p.Now()))
	resp.Set("Server", built)
	return resp
}

// phrase is what Apache says of a status.
func phrase(status int) string { return http.StatusText(status) }

// page is httpd's own page for a status, or the ErrorDocument.
func (x *exchange) page(status int, text, location string) *web.Response {
	resp := x.begin(status)
	if location != "" {
		resp.Set("Location", location)
	}
	reason := phrase(status)
	body := doctype + "<html><head>\n<title>" + strconv.Itoa(status) + " " + reason + "</title>\n</head><body>\n<h1>" + reason + "</h1>\n<p>" + text + "</p>\n</body></html>\n"
	if doc := x.c.errorDocs[status]; doc != "" {
		if !strings.HasPrefix(doc, "/") {
			body = doc
		} else if b, err := (&prog.Ctx{Proc: x.p}).ReadFile(x.c.docRoot + doc); err == nil {
			body = string(b)
		}
	}
	resp.Text([]byte(body))
	resp.Set("Content-Length", strconv.Itoa(len(body)))
	if status == http.StatusBadRequest || status == http.StatusNotImplemented {
		resp.Set("Connection", "close")
	}
	resp.Set("Content-Type", "text/html; charset=iso-8859-1")
	return resp
}

func (x *exchange) error(module, m string) {
	x.h.log(x.p, module, "error", fmt.Sprintf("[client %s] %s", x.r.Remote, m))
}

// line is a line of an access log by its format.
func (x *exchange) line(format string, resp *web.Response) string {
	var b strings.Builder
	dash := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		if format[i] == '>' || format[i] == '<' {
			i++
		}
		arg := ""
		if i < len(format) && format[i] == '{' {
			if j := strings.IndexByte(format[i:], '}'); j > 0 {
				arg = format[i+1 : i+j]
				i += j + 1
			}
		}
		if i >= len(format) {
			break
		}
		switch format[i] {
		case 'h', 'a':
			b.WriteString(x.r.Remote.Addr().String())
		case 'l':
			b.WriteByte('-')
		case 'u':
			u, _, _ := x.r.BasicAuth()
			b.WriteString(dash(u))
		case 't':
			b.WriteString(x.p.Now().Format("[02/Jan/2006:15:04:05 -0700]"))
		case 'r':
			b.WriteString(x.r.Line)
		case 's':
			b.WriteString(strconv.Itoa(resp.Status))
		case 'b':
			if resp.Sent == 0 {
				b.WriteByte('-')
			} else {
				b.WriteString(strconv.FormatInt(resp.Sent, 10))
			}
		case 'B', 'O':
			b.WriteString(strconv.FormatInt(resp.Sent, 10))
		case 'i':
			b.WriteString(dash(x.r.Header.Get(arg)))
		case 'm':
			b.WriteString(x.r.Method)
		case 'U':
			u, _, _ := strings.Cut(x.r.RequestURI, "?")
			b.WriteString(u)
		case 'v', 'V':
			b.WriteString(dash(x.c.name))
		case 'p':
			b.WriteString(strconv.Itoa(int(x.r.Local.Port())))
		case 'H':
			b.WriteString(x.r.Proto)
		case 'D', 'T':
			b.WriteByte('0')
		case '%':
			b.WriteByte('%')
		default:
			b.WriteByte('-')
		}
	}
	return b.String()
}
