package nginx

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/services/web"
)

// request is one request on its way through the configuration.
type request struct {
	w      *worker
	r      *web.Request
	srv    *server
	at     settings
	uri    string // decoded and cleaned
	args   string
	groups []string
	vars   map[string]string
	turns  int // internal redirects
	up     string
	status int
}

// handle answers one request.
func (w *worker) handle(r *web.Request) *web.Response {
	q := &request{w: w, r: r, vars: map[string]string{}}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	q.srv = w.site.pick(r.Local, host)
	if q.srv == nil {
		return nil
	}
	q.at = q.srv.settings
	var resp *web.Response
	switch {
	case r.Bad != 0:
		resp = q.page(r.Bad)
		resp.Close = true
	case !strings.HasPrefix(r.RequestURI, "/") && !strings.HasPrefix(r.RequestURI, "http://"):
		resp = q.page(http.StatusBadRequest)
		resp.Close = true
	default:
		uri, args, ok := cleanURI(r.RequestURI)
		if !ok {
			resp = q.page(http.StatusBadRequest)
			resp.Close = true
			break
		}
		q.args = args
		resp = q.to(uri, true)
	}
	if resp == nil {
		return nil
	}
	q.finish(resp)
	return resp
}

// cleanURI decodes a path, merges slashes and resolves dots, as nginx does before anything else.
func cleanURI(raw string) (uri, args string, ok bool) {
	if strings.HasPrefix(raw, "http://") {
		u, err := url.Parse(raw)
		if err != nil {
			return "", "", false
		}
		raw = u.RequestURI()
	}
	raw, args, _ = strings.Cut(raw, "?")
	dec, err := url.PathUnescape(raw)
	if err != nil || strings.ContainsRune(dec, 0) {
		return "", "", false
	}
	depth := 0
	for _, part := range strings.Split(dec, "/") {
		switch part {
		case "", ".":
		case "..":
			if depth--; depth < 0 {
				return "", "", false
			}
		default:
			depth++
		}
	}
	clean := path.Clean("/" + dec)
	if clean != "/" && (strings.HasSuffix(dec, "/") || strings.HasSuffix(dec, "/.") || strings.HasSuffix(dec, "/..")) {
		clean += "/"
	}
	return clean, args, true
}

// to serves a URI; fresh says that the server's own rewrites apply.
func (q *request) to(uri string, fresh bool) *web.Response {
	if q.turns++; q.turns > 10 {
		q.log("error", "rewrite or internal redirection cycle while internally redirecting to %q", uri)
		return q.page(http.StatusInternalServerError)
	}
	q.uri = uri
	if fresh {
		if resp, done := q.act(q.srv.actions); done {
			return resp
		}
	}
	loc, groups := locate(q.srv.locations, q.uri)
	return q.in(loc, groups)
}

func (q *request) in(loc *location, groups []string) *web.Response {
	if groups != nil {
		q.groups = groups
	}
	prefix := ""
	if loc != nil {
		if loc.internal && q.turns == 1 {
			return q.page(http.StatusNotFound)
		}
		q.at = loc.settings
		prefix = loc.path
		if loc.re != nil {
			prefix = ""
		}
		before := q.uri
		if resp, done := q.act(loc.actions); done {
			return resp
		}
		if q.uri != before {
			return q.to(q.uri, false)
		}
	}
	for _, rule := range q.at.rules {
		if rule.all || rule.net.Contains(q.r.Remote.Addr()) {
			if !rule.allow {
				q.log("error", "access forbidden by rule")
				return q.page(http.StatusForbidden)
			}
			break
		}
	}
	if q.at.tryFiles != nil {
		return q.tryFiles(prefix)
	}
	switch {
	case q.at.proxyPass != "":
		return q.proxy(prefix)
	case q.at.status:
		resp := q.ok("text/plain")
		resp.Text([]byte(fmt.Sprintf("Active connections: 1 \nserver accepts handled requests\n %d %d %d \nReading: 0 Writing: 1 Waiting: 0 \n", q.r.Conn, q.r.Conn, q.r.Conn)))
		return resp
	}
	return q.static(prefix)
}

// act carries out return, rewrite, set and if. done says that there is an answer (nil closes).
func (q *request) act(ds []*directive) (resp *web.Response, done bool) {
	for _, d := range ds {
		switch d.name {
		case "set":
			q.vars[strings.TrimPrefix(d.args[0], "$")] = q.expand(d.args[1])
		case "return":
			return q.returned(d), true
		case "rewrite":
			re, err := regexp.Compile(d.args[0])
			if err != nil {
				return q.page(http.StatusInternalServerError), true
			}
			m := re.FindStringSubmatch(q.uri)
			if m == nil {
				continue
			}
			q.groups = m
			flag := ""
			if len(d.args) == 3 {
				flag = d.args[2]
			}
			to := q.expand(d.args[1])
			if flag == "redirect" || flag == "permanent" || strings.HasPrefix(to, "http://") || strings.HasPrefix(to, "https://") {
				status := http.StatusFound
				if flag == "permanent" {
					status = http.StatusMovedPermanently
				}
				return q.redirect(status, to), true
			}
			uri, args, ok := strings.Cut(to, "?")
			if ok {
				q.args = args
			}
			q.uri = uri
			if flag == "last" || flag == "break" {
				return nil, false
			}
		case "if":
			if q.holds(d.args) {
				if resp, done := q.act(d.block); done {
					return resp, true
				}
			}
		}
	}
	return nil, false
}

// holds judges the condition of an if: its words have the parentheses still on them.
func (q *request) holds(words []string) bool {
	ws := slices.Clone(words)
	ws[0] = strings.TrimPrefix(ws[0], "(")
	last := len(ws) - 1
	ws[last] = strings.TrimSuffix(ws[last], ")")
	ws = slices.DeleteFunc(ws, func(s string) bool { return s == "" })
	switch {
	case len(ws) == 1:
		v := q.expand(ws[0])
		return v != "" && v != "0"
	case len(ws) == 2:
		neg := strings.HasPrefix(ws[0], "!")
		st, err := q.w.p.Stat(q.expand(ws[1]))
		yes := false
		switch strings.TrimPrefix(ws[0], "!") {
		case "-f":
			yes = err == nil && st.Mode.IsRegular()
		case "-d":
			yes = err == nil && st.Mode.IsDir()
		case "-e":
			yes = err == nil
		case "-x":
			yes = err == nil && st.Mode&0o111 != 0
		}
		return yes != neg
	case len(ws) == 3:
		v := q.expand(ws[0])
		switch ws[1] {
		case "=":
			return v == q.expand(ws[2])
		case "!=":
			return v != q.expand(ws[2])
		case "~", "!~", "~*", "!~*":
			expr := ws[2]
			if strings.HasSuffix(ws[1], "*") {
				expr = "(?i)" + expr
			}
			re, err := regexp.Compile(expr)
			if err != nil {
				return false
			}
			m := re.FindStringSubmatch(v)
			if m != nil {
				q.groups = m
			}
			return (m != nil) != strings.HasPrefix(ws[1], "!")
		}
	}
	return false
}

func (q *request) returned(d *directive) *web.Response {
	code, err := strconv.Atoi(d.args[0])
	if err != nil {
		return q.redirect(http.StatusFound, q.expand(d.args[0]))
	}
	switch {
	case code == 444:
		return nil
	case len(d.args) == 1:
		return q.fail(code)
	case code == 301 || code == 302 || code == 303 || code == 307 || code == 308:
		return q.redirect(code, q.expand(d.args[1]))
	}
	resp := q.ok(q.mime(q.uri))
	resp.Status = code
	resp.Text([]byte(q.expand(d.args[1])))
	return resp
}

func (q *request) redirect(status int, to string) *web.Response {
	if strings.HasPrefix(to, "/") {
		to = "http://" + q.r.Host + to
	}
	resp := q.page(status)
	resp.Header = slices.Insert(resp.Header, len(resp.Header)-1, [2]string{"Location", to})
	return resp
}

// file is the path on disk of a URI.
func (q *request) file(prefix, uri string) string {
	if q.at.alias != "" {
		return q.expand(q.at.alias) + strings.TrimPrefix(uri, prefix)
	}
	root := q.expand(q.at.root)
	if !path.IsAbs(root) {
		root = path.Join(q.w.prefix, root)
	}
	return strings.TrimSuffix(root, "/") + uri
}

func (q *request) tryFiles(prefix string) *web.Response {
	for _, t := range q.at.tryFiles[:len(q.at.tryFiles)-1] {
		uri := q.expand(t)
		name := q.file(prefix, uri)
		st, err := q.w.p.Stat(strings.TrimSuffix(name, "/"))
		if err == nil && st.Mode.IsDir() == strings.HasSuffix(uri, "/") {
			q.uri = uri
			if q.at.proxyPass != "" {
				return q.proxy(prefix)
			}
			return q.static(prefix)
		}
	}
	last := q.at.tryFiles[len(q.at.tryFiles)-1]
	switch {
	case strings.HasPrefix(last, "="):
		code, _ := strconv.Atoi(last[1:])
		return q.fail(code)
	case strings.HasPrefix(last, "@"):
		return q.named(last)
	}
	uri, args, ok := strings.Cut(q.expand(last), "?")
	if ok {
		q.args = args
	}
	return q.to(uri, false)
}

func (q *request) named(name string) *web.Response {
	for _, l := range q.srv.locations {
		if l.kind == '@' && l.path == name {
			if q.turns++; q.turns > 10 {
				return q.page(http.StatusInternalServerError)
			}
			return q.in(l, nil)
		}
	}
	q.log("error", "could not find named location %q", name)
	return q.page(http.StatusInternalServerError)
}

// static serves a file or directory.
func (q *request) static(prefix string) *web.Response {
	if m := q.r.Method; m != http.MethodGet && m != http.MethodHead {
		return q.fail(http.StatusMethodNotAllowed)
	}
	p := q.w.p
	name := q.file(prefix, q.uri)
	if strings.HasSuffix(q.uri, "/") {
		for _, i := range q.at.index {
			i = q.expand(i)
			if strings.HasPrefix(i, "/") {
				return q.to(i, false)
			}
			if st, err := p.Stat(name + i); err == nil && !st.Mode.IsDir() {
				return q.to(q.uri+i, false)
			} else if err == linux.ENOTDIR {
				q.log("error", "%q is not found (20: Not a directory)", name+i)
				return q.fail(http.StatusNotFound)
			} else if err == linux.EACCES {
				q.log("error", "%q is forbidden (13: Permission denied)", name+i)
				return q.fail(http.StatusForbidden)
			}
		}
		st, err := p.Stat(name)
		switch {
		case err != nil:
			if q.at.notFound {
				index := "index.html"
				if len(q.at.index) > 0 {
					index = q.at.index[0]
				}
				q.log("error", "%q is not found (%s)", name+index, errno(err))
			}
			return q.fail(http.StatusNotFound)
		case st.Mode.IsDir() && q.at.autoindex:
			return q.list(name)
		}
		q.log("error", "directory index of %q is forbidden", name)
		return q.fail(http.StatusForbidden)
	}
	fd, err := p.Open(name, linux.O_RDONLY|linux.O_NONBLOCK, 0)
	if err != nil {
		if errors.Is(err, linux.EACCES) {
			q.log("error", "open() %q failed (%s)", name, errno(err))
			return q.fail(http.StatusForbidden)
		}
		if q.at.notFound {
			q.log("error", "open() %q failed (%s)", name, errno(err))
		}
		return q.fail(http.StatusNotFound)
	}
	st, err := p.Fstat(fd)
	if err != nil || st.Mode.IsDir() {
		p.Close(fd)
		if err == nil {
			to := q.uri + "/"
			if q.args != "" {
				to += "?" + q.args
			}
			return q.redirect(http.StatusMovedPermanently, to)
		}
		return q.fail(http.StatusNotFound)
	}
	if !st.Mode.IsRegular() {
		p.Close(fd)
		q.log("crit", "%q is not a regular file", name)
		return q.fail(http.StatusNotFound)
	}
	etag := fmt.Sprintf(`"%x-%x"`, st.Mtime.Unix(), st.Size)
	resp := q.ok(q.mime(name))
	resp.Size = st.Size
	off, n := int64(0), st.Size
	if m := q.r.Header.Get("If-None-Match"); m != "" && (m == etag || m == "*") || m == "" && q.r.Header.Get("If-Modified-Since") == web.Date(st.Mtime) {
		p.Close(fd)
		resp = &web.Response{Status: http.StatusNotModified}
		q.begin(resp)
		resp.Set("Last-Modified", web.Date(st.Mtime))
		resp.Set("Connection", "")
		resp.Set("ETag", etag)
		return resp
	}
	var partial, bad bool
	if rng := q.r.Header.Get("Range"); rng != "" {
		if off, n, partial, bad = web.Range(rng, st.Size); bad {
			p.Close(fd)
			r := q.page(http.StatusRequestedRangeNotSatisfiable)
			r.Set("Content-Range", fmt.Sprintf("bytes */%d", st.Size))
			return r
		}
		if !partial {
			off, n = 0, st.Size
		}
	}
	resp.Header = resp.Header[:3] // Server, Date, Content-Type
	resp.Set("Content-Length", strconv.FormatInt(n, 10))
	resp.Set("Last-Modified", web.Date(st.Mtime))
	resp.Set("Connection", "")
	if q.at.etag {
		resp.Set("ETag", etag)
	}
	if partial {
		resp.Status = http.StatusPartialContent
		resp.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, st.Size))
	} else {
		resp.Set("Accept-Ranges", "bytes")
	}
	send := web.File(p, fd, off, n)
	resp.Size = n
	resp.Send = send
	resp.Done = func(*web.Response) { p.Close(fd) }
	return resp
}

// list is autoindex.
func (q *request) list(dir string) *web.Response {
	p := q.w.p
	es, err := p.ReadDir(dir)
	if err != nil {
		q.log("error", "opendir() %q failed (%s)", dir, errno(err))
		return q.fail(http.StatusForbidden)
	}
	type row struct {
		name string
		dir  bool
		text string
	}
	var rows []row
	for _, e := range es {
		if strings.HasPrefix(e.Name, ".") {
			continue
		}
		st, err := p.Stat(dir + e.Name)
		if err != nil {
			continue
		}
		r := row{name: e.Name, dir: st.Mode.IsDir()}
		shown, size := e.Name, strconv.FormatInt(st.Size, 10)
		if r.dir {
			shown, size = shown+"/", "-"
		}
		pad := 50 - len([]rune(shown))
		text := shown
		if pad < 0 {
			text, pad = string([]rune(shown)[:47])+"..>", 0
		}
		href := (&url.URL{Path: shown}).EscapedPath()
		r.text = fmt.Sprintf("<a href=%q>%s</a>%s %s %19s\r\n", href, html.EscapeString(text), strings.Repeat(" ", pad), st.Mtime.UTC().Format("02-Jan-2006 15:04"), size)
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int {
		if a.dir != b.dir {
			if a.dir {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	var b bytes.Buffer
	esc := html.EscapeString(q.uri)
	fmt.Fprintf(&b, "<html>\r\n<head><title>Index of %s</title></head>\r\n<body%s>\r\n<h1>Index of %s</h1><hr><pre><a href=\"../\">../</a>\r\n", esc, q.w.version.body, esc)
	for _, r := range rows {
		b.WriteString(r.text)
	}
	b.WriteString("</pre><hr></body>\r\n</html>\r\n")
	resp := q.ok("text/html")
	resp.Text(b.Bytes())
	return resp
}

// proxy passes the request on.
func (q *request) proxy(prefix string) *web.Response {
	target := strings.TrimPrefix(q.expand(q.at.proxyPass), "http://")
	hostport, rest, hasPath := strings.Cut(target, "/")
	uri := q.r.RequestURI
	if hasPath {
		uri = "/" + rest + strings.TrimPrefix(q.uri, prefix)
		if q.args != "" {
			uri += "?" + q.args
		}
	}
	to := hostport
	if ups := q.w.site.upstreams[hostport]; len(ups) > 0 {
		n := q.w.site.next[hostport]
		q.w.site.next[hostport] = n + 1
		to = ups[n%len(ups)]
	}
	host, port, err := net.SplitHostPort(to)
	if err != nil {
		host, port = to, "80"
	}
	q.up = "http://" + net.JoinHostPort(host, port) + uri
	addrs, err := q.w.p.Resolve(host)
	if err != nil {
		q.log("error", "%s could not be resolved (3: Host not found)", host)
		return q.fail(http.StatusBadGateway)
	}
	n, _ := strconv.ParseUint(port, 10, 16)
	q.up = "http://" + netip.AddrPortFrom(addrs[0], uint16(n)).String() + uri
	fd, err := q.w.p.Dial("tcp", netip.AddrPortFrom(addrs[0], uint16(n)))
	if err != nil {
		q.log("error", "connect() failed (%s) while connecting to upstream", errno(err))
		if err == linux.ETIMEDOUT {
			return q.fail(http.StatusGatewayTimeout)
		}
		return q.fail(http.StatusBadGateway)
	}
	defer q.w.p.Close(fd)
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.0\r\n", q.r.Method, uri)
	set := map[string]string{"Host": hostport, "Connection": "close"}
	order := []string{"Host", "Connection"}
	for _, h := range q.at.proxySet {
		if _, ok := set[h[0]]; !ok {
			order = append(order, h[0])
		}
		set[h[0]] = q.expand(h[1])
	}
	for _, name := range order {
		if set[name] != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, set[name])
		}
	}
	for name, vs := range q.r.Header {
		if _, ok := set[name]; ok || name == "Keep-Alive" || name == "Proxy-Connection" {
			continue
		}
		for _, v := range vs {
			fmt.Fprintf(&b, "%s: %s\r\n", name, v)
		}
	}
	b.WriteString("\r\n")
	b.Write(q.r.Body)
	if _, err := q.w.p.Write(fd, b.Bytes()); err != nil {
		q.log("error", "writev() failed (%s) while sending request to upstream", errno(err))
		return q.fail(http.StatusBadGateway)
	}
	in, err := http.ReadResponse(bufio.NewReader(q.w.p.Reader(fd)), q.r.Request)
	if err != nil {
		q.log("error", "upstream prematurely closed connection while reading response header from upstream")
		return q.fail(http.StatusBadGateway)
	}
	body, err := io.ReadAll(io.LimitReader(in.Body, 16<<20))
	if err != nil {
		q.log("error", "upstream prematurely closed connection while reading upstream")
	}
	resp := &web.Response{Status: in.StatusCode}
	q.begin(resp)
	if t := in.Header.Get("Content-Type"); t != "" {
		resp.Set("Content-Type", t)
	}
	resp.Set("Content-Length", strconv.Itoa(len(body)))
	resp.Set("Connection", "")
	for name, vs := range in.Header {
		switch name {
		case "Server", "Date", "Content-Type", "Content-Length", "Connection", "Transfer-Encoding", "Keep-Alive":
			continue
		}
		for _, v := range vs {
			resp.Header = append(resp.Header, [2]string{name, v})
		}
	}
	resp.Text(body)
	return resp
}

func (q *request) mime(name string) string {
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	t := q.at.defaultType
	if m, ok := q.at.types[ext]; ok {
		t = m
	}
	if q.at.charset != "" && strings.HasPrefix(t, "text/") {
		t += "; charset=" + q.at.charset
	}
	return t
}

func (q *request) begin(resp *web.Response) {
	name := "nginx"
	if q.at.tokens {
		name += "/" + q.w.version.number
	}
	resp.Set("Server", name)
	resp.Set("Date", web.Date(q.w.p.Now()))
}

func (q *request) ok(mime string) *web.Response {
	resp := &web.Response{Status: http.StatusOK}
	q.begin(resp)
	resp.Set("Content-Type", mime)
	return resp
}

// fail answers with an error, by its error_page if there is one.
func (q *request) fail(status int) *web.Response {
	if page, ok := q.at.errorPages[status]; ok && status >= 300 {
		uri := q.expand(page.uri)
		code := status
		if page.status > 0 {
			code = page.status
		}
		if strings.HasPrefix(uri, "http://") || strings.HasPrefix(uri, "https://") {
			return q.redirect(http.StatusFound, uri)
		}
		q.at.errorPages = nil
		q.r.Method = http.MethodGet
		var resp *web.Response
		if strings.HasPrefix(uri, "@") {
			resp = q.named(uri)
		} else {
			resp = q.to(uri, false)
		}
		if resp != nil && page.status != -1 && (resp.Status == http.StatusOK || page.status > 0) {
			resp.Status = code
		}
		return resp
	}
	return q.page(status)
}

// page is nginx's own page for a status.
func (q *request) page(status int) *web.Response {
	name := "nginx"
	if q.at.tokens {
		name += "/" + q.w.version.number
	}
	resp := q.ok("text/html")
	resp.Status = status
	title := strconv.Itoa(status) + " " + web.Reason(status)
	resp.Text([]byte("<html>\r\n<head><title>" + title + "</title></head>\r\n<body" + q.w.version.body + ">\r\n<center><h1>" + title + "</h1></center>\r\n<hr><center>" + name + "</center>\r\n</body>\r\n</html>\r\n"))
	resp.Set("Content-Length", strconv.FormatInt(resp.Size, 10))
	resp.Set("Connection", "")
	if status == http.StatusMethodNotAllowed || status >= 500 || status == http.StatusBadRequest {
		resp.Close = status == http.StatusBadRequest
	}
	return resp
}

// finish adds what every answer has, and sees to the access log.
func (q *request) finish(resp *web.Response) {
	has := func(name string) bool {
		return slices.ContainsFunc(resp.Header, func(h [2]string) bool { return h[0] == name })
	}
	if !has("Content-Length") && resp.Status != http.StatusNotModified {
		resp.Set("Content-Length", strconv.FormatInt(resp.Size, 10))
	}
	if !has("Connection") {
		resp.Set("Connection", "")
	}
	plain := map[int]bool{200: true, 201: true, 204: true, 206: true, 301: true, 302: true, 303: true, 304: true, 307: true, 308: true}[resp.Status]
	for _, h := range q.at.headers {
		if plain || h.always {
			if v := q.expand(h.value); v != "" {
				resp.Header = append(resp.Header, [2]string{h.name, v})
			}
		}
	}
	done := resp.Done
	resp.Done = func(r *web.Response) {
		if done != nil {
			done(r)
		}
		q.status = r.Status
		q.vars["body_bytes_sent"] = strconv.FormatInt(r.Sent, 10)
		for _, l := range q.at.access {
			q.w.access(l, strings.Join(q.w.site.formats[l.format], ""), q)
		}
	}
}

// log writes to the error log, with what nginx adds about the request.
func (q *request) log(level, format string, args ...any) {
	m := fmt.Sprintf("*%d ", q.r.Conn) + fmt.Sprintf(format, args...)
	m += fmt.Sprintf(", client: %s, server: %s, request: %q", q.r.Remote.Addr(), q.srv.first, q.r.Line)
	if q.up != "" {
		m += fmt.Sprintf(", upstream: %q", q.up)
	}
	if q.r.Host != "" {
		m += fmt.Sprintf(", host: %q", q.r.Host)
	}
	q.w.errorLog(level, m)
}

func errno(err error) string {
	var e linux.Errno
	if errors.As(err, &e) {
		return fmt.Sprintf("%d: %s", int(e), e.Error())
	}
	return err.Error()
}

var variable = regexp.MustCompile(`\$(?:\{(\w+)\}|(\w+))`)

// expand puts in the values of variables.
func (q *request) expand(s string) string {
	if !strings.Contains(s, "$") {
		return s
	}
	return variable.ReplaceAllStringFunc(s, func(m string) string { return q.value(strings.Trim(m, "${}")) })
}

func (q *request) value(name string) string {
	if v, ok := q.vars[name]; ok {
		return v
	}
	if n, err := strconv.Atoi(name); err == nil {
		if n < len(q.groups) {
			return q.groups[n]
		}
		return ""
	}
	now := q.w.p.Now()
	switch name {
	case "uri", "document_uri":
		return q.uri
	case "request_uri":
		return q.r.RequestURI
	case "args", "query_string":
		return q.args
	case "is_args":
		if q.args != "" {
			return "?"
		}
		return ""
	case "host":
		h := q.r.Host
		if host, _, err := net.SplitHostPort(h); err == nil {
			h = host
		}
		if h == "" {
			h = q.srv.first
		}
		return strings.ToLower(h)
	case "http_host":
		return q.r.Host
	case "hostname":
		return q.w.p.Uname().Nodename
	case "request_method":
		return q.r.Method
	case "request":
		return q.r.Line
	case "request_filename":
		return q.file("", q.uri)
	case "document_root":
		return q.at.root
	case "scheme":
		return "http"
	case "server_protocol":
		return q.r.Proto
	case "server_name":
		return q.srv.first
	case "server_port":
		return strconv.Itoa(int(q.r.Local.Port()))
	case "server_addr":
		return q.r.Local.Addr().String()
	case "remote_addr":
		return q.r.Remote.Addr().String()
	case "remote_port":
		return strconv.Itoa(int(q.r.Remote.Port()))
	case "remote_user":
		if u, _, ok := q.r.BasicAuth(); ok {
			return u
		}
		return ""
	case "proxy_add_x_forwarded_for":
		if f := q.r.Header.Get("X-Forwarded-For"); f != "" {
			return f + ", " + q.r.Remote.Addr().String()
		}
		return q.r.Remote.Addr().String()
	case "proxy_host":
		return strings.TrimPrefix(q.at.proxyPass, "http://")
	case "status":
		return fmt.Sprintf("%03d", q.status)
	case "time_local":
		return now.Format("02/Jan/2006:15:04:05 -0700")
	case "time_iso8601":
		return now.Format("2006-01-02T15:04:05-07:00")
	case "msec":
		return fmt.Sprintf("%d.%03d", now.Unix(), now.Nanosecond()/1e6)
	case "request_time":
		return "0.000"
	case "connection":
		return strconv.Itoa(q.r.Conn)
	case "pid":
		return strconv.Itoa(q.w.p.Pid())
	case "nginx_version":
		return q.w.version.number
	case "content_type":
		return q.r.Header.Get("Content-Type")
	case "content_length":
		return q.r.Header.Get("Content-Length")
	case "request_body":
		return string(q.r.Body)
	}
	if h, ok := strings.CutPrefix(name, "http_"); ok {
		return q.r.Header.Get(strings.ReplaceAll(h, "_", "-"))
	}
	if a, ok := strings.CutPrefix(name, "arg_"); ok {
		v, _ := url.ParseQuery(q.args)
		return v.Get(a)
	}
	if c, ok := strings.CutPrefix(name, "cookie_"); ok {
		if k, err := q.r.Cookie(c); err == nil {
			return k.Value
		}
	}
	return ""
}
