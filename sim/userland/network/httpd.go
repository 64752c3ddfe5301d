package network

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
)

// httpd is Busybox's web server: files below a directory, one connection at a time.
type httpd struct {
	c       *prog.Ctx
	root    string
	verbose int
	index   string
	types   map[string]string
	errors  map[string]string
	auth    [][2]string // path, user:password
	realm   string
	port    int
}

var httpdTypes = map[string]string{".txt": "text/plain", ".h": "text/plain", ".c": "text/plain", ".cc": "text/plain", ".cpp": "text/plain", ".htm": "text/html", ".html": "text/html",
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".png": "image/png", ".svg": "image/svg+xml", ".css": "text/css", ".js": "application/javascript", ".wav": "audio/wav",
	".avi": "video/x-msvideo", ".qt": "video/quicktime", ".mov": "video/quicktime", ".mpe": "video/mpeg", ".mpeg": "video/mpeg", ".mid": "audio/midi", ".midi": "audio/midi", ".mp3": "audio/mpeg"}

func httpdProgram(c *prog.Ctx) int {
	h := &httpd{c: c, index: "index.html", types: map[string]string{}, errors: map[string]string{}, realm: "Web Server Authentication", port: 80}
	foreground, inetd, home, conf, user := false, false, "", "", ""
	addr := netip.IPv6Unspecified() // which takes IPv4 too
	for o := range c.Getopt("c:d:h:e:r:u:p:ifv", nil) {
		switch o.Val {
		case 'c':
			conf = o.Arg
		case 'd':
			s, err := url.QueryUnescape(o.Arg)
			if err != nil {
				s = o.Arg
			}
			c.Print(s)
			return 0
		case 'e':
			for i := 0; i < len(o.Arg); i++ {
				ch := o.Arg[i]
				if ch|0x20 >= 'a' && ch|0x20 <= 'z' || ch >= '0' && ch <= '9' {
					c.Print(string(rune(ch)))
				} else {
					c.Printf("&#%d;", ch)
				}
			}
			return 0
		case 'h':
			home = o.Arg
		case 'r':
			h.realm = o.Arg
		case 'u':
			user = o.Arg
		case 'p':
			p := o.Arg
			if i := strings.LastIndexByte(p, ':'); i >= 0 {
				if a, err := netip.ParseAddr(strings.Trim(p[:i], "[]")); err == nil {
					addr = a
				} else if as, err := c.Resolve(p[:i]); err == nil && len(as) > 0 {
					addr = as[0]
				}
				p = p[i+1:]
			}
			n, err := strconv.ParseUint(p, 10, 16)
			if err != nil {
				c.Die(1, "bad port '%s'", p)
			}
			h.port = int(n)
		case 'i':
			inetd = true
		case 'f':
			foreground = true
		case 'v':
			h.verbose++
		}
	}
	if home != "" {
		if err := c.Chdir(home); err != nil {
			c.Die(1, "can't change directory to '%s': %v", home, err)
		}
	}
	h.root, _ = c.Getwd()
	if conf == "" {
		if _, err := c.Stat("/etc/httpd.conf"); err == nil {
			conf = "/etc/httpd.conf"
		}
	}
	if conf != "" {
		h.configure(conf)
	}
	if inetd {
		h.serve(&conn{c: c, fd: 0, r: bufio.NewReader(c.Reader(0))}, c.Writer(1))
		return 0
	}
	fd, err := c.Listen("tcp", netip.AddrPortFrom(addr, uint16(h.port)))
	if err != nil {
		c.Die(1, "bind: %v", err)
	}
	if user != "" {
		uid, gid, err := userdb.Load(c).ParseOwner(user)
		if err != nil || uid == nil {
			c.Die(1, "unknown user/group %s", user)
		}
		if gid != nil {
			c.Setgroups([]uint32{*gid})
			c.Setgid(*gid)
		}
		c.Setuid(*uid)
	}
	if foreground {
		h.loop(c.Proc, fd)
		return 0
	}
	_, err = c.Fork(func(p *kernel.Proc) int {
		p.Setsid()
		for fd := range 3 {
			if null, err := p.Open("/dev/null", linux.O_RDWR, 0); err == nil {
				p.Dup2(null, fd)
				if null > 2 {
					p.Close(null)
				}
			}
		}
		h.loop(p, fd)
		return 0
	})
	if err != nil {
		c.Die(1, "vfork: %v", err)
	}
	return 0
}

func (h *httpd) configure(name string) {
	b, err := h.c.ReadFile(name)
	if err != nil {
		h.c.Die(1, "%s: %v", name, err)
	}
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		if line == "" {
			continue
		}
		key, val, ok := strings.Cut(line, ":")
		switch {
		case !ok:
		case key == "H" || key == "h":
			h.root = val
		case key == "I" || key == "i":
			h.index = val
		case key == "E" || key == "e":
			if code, file, ok := strings.Cut(val, ":"); ok {
				h.errors[code] = file
			}
		case strings.HasPrefix(key, "/"):
			h.auth = append(h.auth, [2]string{key, val})
		case strings.HasPrefix(key, "."):
			h.types[key] = val
		}
	}
}

func (h *httpd) loop(p *kernel.Proc, fd int) {
	p.Signal(linux.SIGPIPE, kernel.Ignore)
	self := *h.c
	self.Proc = p
	h.c = &self
	for {
		cfd, peer, err := p.Accept(fd)
		if err == linux.EINTR {
			continue
		}
		if err != nil {
			return
		}
		k := &conn{c: h.c, fd: cfd, peer: peer}
		k.deadline = p.Now().Add(60 * time.Second)
		k.r = bufio.NewReader(k)
		if h.verbose > 1 {
			fmt.Fprintf(p.Writer(2), "%s: connected\n", peer)
		}
		h.serve(k, k)
		p.Shutdown(cfd, 1)
		p.Close(cfd)
	}
}

// serve answers one request.
func (h *httpd) serve(k *conn, w io.Writer) {
	p := h.c.Proc
	size := 0
	line := func() (string, bool) {
		b, err := k.r.ReadSlice('\n')
		size += len(b)
		return strings.TrimRight(string(b), "\r\n"), err == nil && size < 64<<10
	}
	first, ok := line()
	if !ok && first == "" {
		return
	}
	f := strings.Fields(first)
	headers := map[string]string{}
	if len(f) > 2 {
		for {
			l, ok := line()
			if !ok || l == "" {
				break
			}
			if name, v, ok := strings.Cut(l, ":"); ok {
				headers[strings.ToLower(name)] = strings.TrimSpace(v)
			}
		}
	}
	status := 200
	fail := func(code int, title, text, extra string) {
		status = code
		body := fmt.Sprintf("<HTML><HEAD><TITLE>%d %s</TITLE></HEAD>\n<BODY><H1>%d %s</H1>\n%s\n</BODY></HTML>\n", code, title, code, title, text)
		if text == "" {
			body = ""
		}
		if name := h.errors[strconv.Itoa(code)]; name != "" {
			if b, err := h.c.ReadFile(prog.JoinPath(h.root, name)); err == nil {
				body = string(b)
			}
		}
		fmt.Fprintf(w, "HTTP/1.1 %d %s\r\nDate: %s\r\nConnection: close\r\nContent-type: text/html\r\n%s\r\n%s", code, title, h.date(p.Now()), extra, body)
	}
	target := ""
	defer func() {
		if h.verbose > 0 {
			if h.verbose > 1 {
				fmt.Fprintf(p.Writer(2), "%s: url:%s\n", k.peer, target)
			}
			fmt.Fprintf(p.Writer(2), "%s: response:%d\n", k.peer, status)
		}
	}()
	if len(f) < 2 || !strings.HasPrefix(f[1], "/") {
		fail(400, "Bad Request", "Unsupported method", "")
		return
	}
	method := f[0]
	target, _, _ = strings.Cut(f[1], "?")
	name, err := url.PathUnescape(target)
	if err != nil || strings.Contains(name, "\x00") {
		fail(400, "Bad Request", "Unsupported method", "")
		return
	}
	depth := 0
	for _, part := range strings.Split(name, "/") {
		switch part {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			fail(400, "Bad Request", "Unsupported method", "")
			return
		}
	}
	slash := strings.HasSuffix(name, "/")
	name = path.Clean(name)
	for _, a := range h.auth {
		if name == a[0] || strings.HasPrefix(name, strings.TrimSuffix(a[0], "/")+"/") || a[0] == "/" {
			given, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(headers["authorization"], "Basic "))
			if string(given) != a[1] {
				fail(401, "Unauthorized", "", fmt.Sprintf("WWW-Authenticate: Basic realm=\"%s\"\r\n", h.realm))
				return
			}
		}
	}
	file := prog.JoinPath(h.root, name)
	st, err := p.Stat(file)
	if err == nil && st.Mode.IsDir() {
		if !slash {
			status = 302
			fmt.Fprintf(w, "HTTP/1.1 302 Found\r\nDate: %s\r\nConnection: close\r\nContent-type: text/html\r\nLocation: %s/\r\n\r\n", h.date(p.Now()), name)
			return
		}
		file = prog.JoinPath(file, h.index)
		st, err = p.Stat(file)
	}
	if strings.HasPrefix(name, "/cgi-bin/") && err == nil && st.Mode.IsRegular() {
		h.cgi(k, w, method, f[1], file, headers)
		return
	}
	if method != "GET" && method != "HEAD" {
		fail(501, "Not Implemented", "The requested method is not recognized", "")
		return
	}
	if err != nil || !st.Mode.IsRegular() {
		fail(404, "Not Found", "The requested URL was not found", "")
		return
	}
	fd, err := p.Open(file, linux.O_RDONLY|linux.O_CLOEXEC, 0)
	if err != nil {
		fail(404, "Not Found", "The requested URL was not found", "")
		return
	}
	defer p.Close(fd)
	kind := "application/octet-stream"
	if t, ok := httpdTypes[path.Ext(file)]; ok {
		kind = t
	}
	if t, ok := h.types[path.Ext(file)]; ok {
		kind = t
	}
	etag := fmt.Sprintf("\"%x-%x\"", st.Mtime.Unix(), st.Size)
	if headers["if-none-match"] == etag {
		status = 304
		fmt.Fprintf(w, "HTTP/1.1 304 Not Modified\r\nDate: %s\r\nConnection: close\r\n\r\n", h.date(p.Now()))
		return
	}
	start, length := int64(0), st.Size
	head := "200 OK"
	extra := ""
	if r, ok := strings.CutPrefix(headers["range"], "bytes="); ok {
		lo, hi, _ := strings.Cut(r, "-")
		a, e1 := strconv.ParseInt(lo, 10, 64)
		b, e2 := strconv.ParseInt(hi, 10, 64)
		if e2 != nil {
			b = st.Size - 1
		}
		if e1 == nil && a <= b && a < st.Size {
			start, length = a, min(b, st.Size-1)-a+1
			head, status = "206 Partial Content", 206
			extra = fmt.Sprintf("Content-Range: bytes %d-%d/%d\r\n", a, a+length-1, st.Size)
		}
	}
	fmt.Fprintf(w, "HTTP/1.1 %s\r\nDate: %s\r\nConnection: close\r\nContent-type: %s\r\n%sAccept-Ranges: bytes\r\nLast-Modified: %s\r\nETag: %s\r\nContent-Length: %d\r\n\r\n",
		head, h.date(p.Now()), kind, extra, h.date(st.Mtime), etag, length)
	if method == "HEAD" {
		return
	}
	p.Lseek(fd, start, linux.SEEK_SET)
	io.CopyN(w, p.Reader(fd), length)
}

func (h *httpd) date(t time.Time) string { return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") }

// cgi runs a program below /cgi-bin.
func (h *httpd) cgi(k *conn, w io.Writer, method, target, file string, headers map[string]string) {
	p := h.c.Proc
	script, query, _ := strings.Cut(target, "?")
	r, cw, err := p.Pipe()
	if err != nil {
		return
	}
	p.Cloexec(r, true)
	p.Cloexec(cw, true)
	in, iw, err := p.Pipe()
	if err != nil {
		return
	}
	p.Cloexec(in, true)
	p.Cloexec(iw, true)
	env := append(p.Env(), "REQUEST_METHOD="+method, "QUERY_STRING="+query, "SCRIPT_NAME="+script, "SCRIPT_FILENAME="+file, "PATH_INFO=", "REQUEST_URI="+target,
		"SERVER_PROTOCOL=HTTP/1.1", "GATEWAY_INTERFACE=CGI/1.1", "SERVER_SOFTWARE=busybox httpd/1.35.0", "REMOTE_ADDR="+k.peer.Addr().String(), "REMOTE_PORT="+strconv.Itoa(int(k.peer.Port())),
		"CONTENT_LENGTH="+headers["content-length"], "CONTENT_TYPE="+headers["content-type"], "HTTP_HOST="+headers["host"], "SERVER_PORT="+strconv.Itoa(h.port))
	pid, err := p.Spawn(file, []string{file}, env, &kernel.SpawnOpts{Files: map[int]int{0: in, 1: cw, 2: 2}, Dir: path.Dir(file)})
	p.Close(cw)
	p.Close(in)
	if err != nil {
		p.Close(r)
		p.Close(iw)
		fmt.Fprintf(w, "HTTP/1.1 404 Not Found\r\nDate: %s\r\nConnection: close\r\nContent-type: text/html\r\n\r\n", h.date(p.Now()))
		return
	}
	if n, err := strconv.ParseInt(headers["content-length"], 10, 64); err == nil && n > 0 {
		io.CopyN(p.Writer(iw), k.r, min(n, 1<<20))
	}
	p.Close(iw)
	out := bufio.NewReader(p.Reader(r))
	first, _ := out.Peek(5)
	if string(first) != "HTTP/" {
		fmt.Fprintf(w, "HTTP/1.1 200 OK\r\n")
	}
	io.Copy(w, out)
	p.Close(r)
	p.Wait(pid, 0)
}
