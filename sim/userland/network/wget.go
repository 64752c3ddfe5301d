package network

import (
	"fmt"
	"io"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

func wgetProgram(c *prog.Ctx) int {
	if c.GNU() {
		return (&wgetGNU{c: c, tries: 20, maxRedirect: 20}).main()
	}
	return (&wgetBusybox{c: c, timeout: 900 * time.Second}).main()
}

// wgetBusybox is Busybox's wget.
type wgetBusybox struct {
	c               *prog.Ctx
	quiet           bool
	spider, cont    bool
	headers         bool // -S
	out, prefix     string
	agent, post     string
	hasPost         bool
	extra           []string
	timeout         time.Duration
	sleepless, docs string
}

const (
	wgetHeader = prog.LongOnly + iota
	wgetPost
	wgetSpider
	wgetNoCheck
	wgetPostFile
	wgetRecursive
	wgetProgress
	wgetMaxRedirect
	wgetPassword
	wgetUser
	wgetRetryRefused
	wgetContentOnError
	wgetNoVerbose
	wgetWaitRetry
	wgetHTTPS
	wgetContentDisposition
	wgetMethod
	wgetBodyData
)

func (w *wgetBusybox) main() int {
	c := w.c
	for o := range c.Getopt("cqO:o:P:Y:U:T:t:nS", []prog.Long{{Name: "continue", Val: 'c'}, {Name: "quiet", Val: 'q'}, {Name: "server-response", Val: 'S'},
		{Name: "output-document", Arg: prog.ReqArg, Val: 'O'}, {Name: "output-file", Arg: prog.ReqArg, Val: 'o'}, {Name: "directory-prefix", Arg: prog.ReqArg, Val: 'P'},
		{Name: "proxy", Arg: prog.ReqArg, Val: 'Y'}, {Name: "user-agent", Arg: prog.ReqArg, Val: 'U'}, {Name: "timeout", Arg: prog.ReqArg, Val: 'T'}, {Name: "tries", Arg: prog.ReqArg, Val: 't'},
		{Name: "header", Arg: prog.ReqArg, Val: wgetHeader}, {Name: "post-data", Arg: prog.ReqArg, Val: wgetPost}, {Name: "spider", Val: wgetSpider},
		{Name: "no-check-certificate", Val: wgetNoCheck}, {Name: "post-file", Arg: prog.ReqArg, Val: wgetPostFile}, {Name: "passive-ftp", Val: wgetNoCheck}, {Name: "no-cache", Val: wgetNoCheck}, {Name: "no-verbose", Val: wgetNoCheck}, {Name: "no-clobber", Val: wgetNoCheck}, {Name: "no-host-directories", Val: wgetNoCheck}, {Name: "no-parent", Val: wgetNoCheck}}) {
		switch o.Val {
		case 'c':
			w.cont = true
		case 'q':
			w.quiet = true
		case 'S':
			w.headers = true
		case 'O':
			w.out = o.Arg
		case 'o':
			f, err := c.CreateFile(o.Arg)
			if err != nil {
				c.Die(1, "can't open '%s': %v", o.Arg, err)
			}
			c.Err = f
		case 'P':
			w.prefix = o.Arg
		case 'U':
			w.agent = o.Arg
		case 'T':
			n, err := strconv.Atoi(o.Arg)
			if err != nil || n < 0 {
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			w.timeout = time.Duration(n) * time.Second
		case wgetHeader:
			w.extra = append(w.extra, o.Arg)
		case wgetPost:
			w.post, w.hasPost = o.Arg, true
		case wgetPostFile:
			b, err := c.ReadFile(o.Arg)
			if err != nil {
				c.Die(1, "can't open '%s': %v", o.Arg, err)
			}
			w.post, w.hasPost = string(b), true
		case wgetSpider:
			w.spider = true
		}
	}
	if len(c.Args) == 0 {
		c.Usage()
	}
	for _, u := range c.Args {
		w.get(u)
	}
	return c.Status
}

func (w *wgetBusybox) say(format string, args ...any) {
	if !w.quiet {
		w.c.Out.Flush()
		fmt.Fprintf(w.c.Err, format+"\n", args...)
	}
}

func (w *wgetBusybox) get(raw string) {
	c := w.c
	if scheme, _, ok := strings.Cut(raw, "://"); ok && scheme != "http" && scheme != "https" && scheme != "ftp" {
		c.Die(1, "not an http or ftp url: %s", raw)
	}
	t, err := parseURL(raw)
	if err != nil {
		c.Die(1, "bad address '%s'", raw)
	}
	name := w.out
	if name == "" {
		name = path.Base(t.Path)
		if t.Path == "" || strings.HasSuffix(t.Path, "/") {
			name = "index.html"
		}
		if w.prefix != "" {
			name = prog.JoinPath(w.prefix, name)
		}
	}
	toStdout := name == "-"
	user := t.User
	for redirects := 5; ; redirects-- {
		if redirects < 0 {
			c.Die(1, "too many redirections")
		}
		addrs, err := addresses(c, t.host)
		if err != nil || len(addrs) == 0 {
			c.Die(1, "bad address '%s'", t.hostWithPort())
		}
		w.say("Connecting to %s (%s)", t.hostWithPort(), netip.AddrPortFrom(addrs[0], t.port))
		k, err := dial(c, addrs, t.port, w.timeout)
		if err == linux.ETIMEDOUT && w.timeout < 130*time.Second {
			c.Die(1, "download timed out")
		}
		if err != nil {
			c.Die(1, "can't connect to remote host (%s): %v", addrs[0], err)
		}
		method := "GET"
		if w.hasPost {
			method = "POST"
		}
		if w.spider {
			method = "HEAD"
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", method, t.path())
		custom := func(n string) bool {
			for _, h := range w.extra {
				if k, _, ok := strings.Cut(h, ":"); ok && strings.EqualFold(k, n) {
					return true
				}
			}
			return false
		}
		if !custom("Host") {
			fmt.Fprintf(&b, "Host: %s\r\n", t.hostHeader())
		}
		if !custom("User-Agent") {
			agent := "Wget"
			if w.agent != "" {
				agent = w.agent
			}
			fmt.Fprintf(&b, "User-Agent: %s\r\n", agent)
		}
		b.WriteString("Connection: close\r\n")
		have := int64(0)
		if w.cont && !toStdout {
			if st, err := c.Stat(name); err == nil && st.Size > 0 {
				have = st.Size
				fmt.Fprintf(&b, "Range: bytes=%d-\r\n", have)
			}
		}
		if user != nil {
			p, _ := user.Password()
			fmt.Fprintf(&b, "Authorization: Basic %s\r\n", basic(user.Username(), p))
		}
		for _, h := range w.extra {
			b.WriteString(h + "\r\n")
		}
		if w.hasPost {
			if !custom("Content-Type") {
				b.WriteString("Content-Type: application/x-www-form-urlencoded\r\n")
			}
			fmt.Fprintf(&b, "Content-Length: %d\r\n", len(w.post))
		}
		b.WriteString("\r\n" + w.post)
		k.deadline = c.Now().Add(w.timeout)
		io.WriteString(k, b.String())
		r, err := k.readHead(method)
		switch {
		case err == errTimeout:
			c.Die(1, "download timed out")
		case err == errEmpty:
			c.Die(1, "error getting response")
		case err != nil:
			c.Die(1, "bad response from server")
		}
		if w.headers {
			c.Errorf("  %s\n", r.line)
			for _, h := range r.headers {
				c.Errorf("  %s\n", h)
			}
			c.Errorf("  \n")
		}
		if r.status >= 300 && r.status < 400 && r.header("Location") != "" {
			u, err := t.Parse(r.header("Location"))
			if err == nil {
				if nt, err := parseURL(u.String()); err == nil {
					t = nt
				}
			}
			k.close()
			continue
		}
		if r.status < 200 || r.status >= 300 {
			c.Die(1, "server returned error: %s", r.line)
		}
		if w.spider {
			w.say("remote file exists")
			k.close()
			return
		}
		var out io.Writer = c.Out
		if !toStdout {
			flags := linux.O_WRONLY | linux.O_CREAT | linux.O_TRUNC
			if w.out == "" && !w.cont {
				flags |= linux.O_EXCL
			}
			if have > 0 {
				if r.status == 206 {
					flags = linux.O_WRONLY | linux.O_APPEND
				} else {
					c.Warn("restart failed")
				}
			}
			f, err := c.OpenFile(name, flags, 0o666)
			if err != nil {
				c.Die(1, "can't open '%s': %v", name, err)
			}
			defer f.Close()
			out = f
			w.say("saving to '%s'", name)
		} else {
			w.say("writing to stdout")
		}
		n, err := io.Copy(out, &alive{k, k.body(r), w.timeout})
		k.close()
		switch {
		case err == errTimeout:
			c.Die(1, "download timed out")
		case err == errShort:
			c.Die(1, "connection closed prematurely")
		case err != nil:
			c.Die(1, "%v", err)
		}
		c.Out.Flush()
		if !w.quiet {
			label := name
			if toStdout {
				label = "-"
			}
			c.Errorf("%s\n", busyboxProgress(path.Base(label), n))
			if toStdout {
				w.say("written to stdout")
			} else {
				w.say("'%s' saved", name)
			}
		}
		return
	}
}

func (t *target) hostWithPort() string {
	if t.Port() != "" {
		return t.host + ":" + t.Port()
	}
	return t.host
}

// alive moves the deadline on with each read.
type alive struct {
	k     *conn
	r     io.Reader
	limit time.Duration
}

func (a *alive) Read(b []byte) (int, error) {
	a.k.deadline = a.k.c.Now().Add(a.limit)
	return a.r.Read(b)
}

// busyboxProgress is the line that Busybox's progress bar ends with, 80 columns wide.
func busyboxProgress(name string, n int64) string {
	if len(name) > 20 {
		name = name[:20]
	}
	const stars = 32 // what is left of 80 columns
	size := fmt.Sprintf("%5d", n)
	if n >= 100000 {
		size = fmt.Sprintf("%4dk", n>>10)
	}
	return fmt.Sprintf("%-20s 100%% |%s| %s  0:00:00 ETA", name, strings.Repeat("*", stars), size)
}

// wgetGNU is GNU's wget 1.21.
type wgetGNU struct {
	c                              *prog.Ctx
	quiet, noVerbose, serverHead   bool
	spider, cont, noClobber        bool
	contentOnError, retryRefused   bool
	forceDirs, noProgress, stamps  bool
	out, prefix, agent, post, user string
	password, method               string
	hasPost                        bool
	extra                          []string
	tries, maxRedirect             int
	timeout                        time.Duration
	wait                           time.Duration // between files
	log                            io.Writer
}

func (w *wgetGNU) main() int {
	c := w.c
	w.log = c.Err
	c.UsageStatus = 2
	c.OnUsage = func() {
		c.Errorf("Usage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n")
		c.Exit(2)
	}
	input := ""
	for o := range c.Getopt("a:ce:hi:n:o:O:P:qSt:T:U:vVw:x46", wgetLong) {
		switch o.Val {
		case 'a', 'o':
			flags := linux.O_WRONLY | linux.O_CREAT | linux.O_TRUNC
			if o.Val == 'a' {
				flags = linux.O_WRONLY | linux.O_CREAT | linux.O_APPEND
			}
			f, err := c.OpenFile(o.Arg, flags, 0o666)
			if err != nil {
				c.Errorf("%s: %v\n", o.Arg, err)
				return 1
			}
			w.log = f
		case 'c':
			w.cont = true
		case 'i':
			input = o.Arg
		case 'n':
			for _, ch := range o.Arg {
				switch ch {
				case 'v':
					w.noVerbose = true
				case 'c':
					w.noClobber = true
				case 'd', 'H', 'p':
				default:
					c.Errorf("wget: invalid option -- 'n%c'\n", ch)
					c.OnUsage()
				}
			}
		case 'O':
			w.out = o.Arg
		case 'P':
			w.prefix = o.Arg
		case 'q':
			w.quiet = true
		case 'S':
			w.serverHead = true
		case 't':
			n, err := strconv.Atoi(o.Arg)
			if err != nil || n < 0 {
				c.Errorf("wget: --tries: Invalid number ‘%s’.\n", o.Arg)
				return 2
			}
			w.tries = n
		case 'T':
			v, err := strconv.ParseFloat(o.Arg, 64)
			if err != nil {
				c.Errorf("wget: --timeout: Invalid time period ‘%s’\n", o.Arg)
				return 2
			}
			w.timeout = time.Duration(v * float64(time.Second))
		case 'U':
			w.agent = o.Arg
		case 'v', '4', '6', 'h', wgetNoCheck, wgetProgress, wgetWaitRetry, wgetHTTPS, wgetContentDisposition, 'e':
		case 'w':
			v, err := strconv.ParseFloat(strings.TrimSuffix(o.Arg, "s"), 64)
			if err != nil || v < 0 || v > 1e6 {
				c.Errorf("wget: --wait: Invalid time period ‘%s’\n", o.Arg)
				return 2
			}
			w.wait = time.Duration(v * float64(time.Second))
		case 'V':
			c.Print("GNU Wget 1.21.3 built on linux-gnu.\n")
			return 0
		case 'x':
			w.forceDirs = true
		case wgetHeader:
			w.extra = append(w.extra, o.Arg)
		case wgetPost, wgetBodyData:
			w.post, w.hasPost = o.Arg, true
		case wgetPostFile:
			b, err := c.ReadFile(o.Arg)
			if err != nil {
				c.Errorf("%s: %v\n", o.Arg, err)
				return 3
			}
			w.post, w.hasPost = string(b), true
		case wgetMethod:
			w.method = o.Arg
		case wgetSpider:
			w.spider = true
		case wgetMaxRedirect:
			w.maxRedirect, _ = strconv.Atoi(o.Arg)
		case wgetUser:
			w.user = o.Arg
		case wgetPassword:
			w.password = o.Arg
		case wgetRetryRefused:
			w.retryRefused = true
		case wgetContentOnError:
			w.contentOnError = true
		case wgetNoVerbose:
			w.noVerbose = true
		default:
			c.Errorf("wget: invalid option -- '%c'\n", o.Val)
			c.OnUsage()
		}
	}
	urls := c.Args
	if input != "" {
		b, err := c.ReadFile(input)
		if input == "-" {
			b, err = io.ReadAll(io.LimitReader(c.In, 1<<20))
		}
		if err != nil {
			w.say("%s: %v\n", input, err)
			return 1
		}
		urls = append(urls, strings.Fields(string(b))...)
	}
	if len(urls) == 0 {
		c.Errorf("wget: missing URL\n")
		c.OnUsage()
	}
	status := 0
	for i, u := range urls {
		if i > 0 && w.wait > 0 {
			c.Sleep(w.wait)
		}
		if s := w.get(u); s != 0 && (status == 0 || s < status) {
			status = s
		}
	}
	return status
}

var wgetLong = []prog.Long{{Name: "append-output", Arg: prog.ReqArg, Val: 'a'}, {Name: "continue", Val: 'c'}, {Name: "execute", Arg: prog.ReqArg, Val: 'e'}, {Name: "input-file", Arg: prog.ReqArg, Val: 'i'},
	{Name: "output-file", Arg: prog.ReqArg, Val: 'o'}, {Name: "output-document", Arg: prog.ReqArg, Val: 'O'}, {Name: "directory-prefix", Arg: prog.ReqArg, Val: 'P'},
	{Name: "quiet", Val: 'q'}, {Name: "server-response", Val: 'S'}, {Name: "tries", Arg: prog.ReqArg, Val: 't'}, {Name: "timeout", Arg: prog.ReqArg, Val: 'T'},
	{Name: "user-agent", Arg: prog.ReqArg, Val: 'U'}, {Name: "verbose", Val: 'v'}, {Name: "version", Val: 'V'}, {Name: "wait", Arg: prog.ReqArg, Val: 'w'}, {Name: "force-directories", Val: 'x'},
	{Name: "header", Arg: prog.ReqArg, Val: wgetHeader}, {Name: "post-data", Arg: prog.ReqArg, Val: wgetPost}, {Name: "post-file", Arg: prog.ReqArg, Val: wgetPostFile},
	{Name: "body-data", Arg: prog.ReqArg, Val: wgetBodyData}, {Name: "method", Arg: prog.ReqArg, Val: wgetMethod},
	{Name: "spider", Val: wgetSpider}, {Name: "no-check-certificate", Val: wgetNoCheck}, {Name: "max-redirect", Arg: prog.ReqArg, Val: wgetMaxRedirect},
	{Name: "user", Arg: prog.ReqArg, Val: wgetUser}, {Name: "http-user", Arg: prog.ReqArg, Val: wgetUser}, {Name: "password", Arg: prog.ReqArg, Val: wgetPassword},
	{Name: "http-password", Arg: prog.ReqArg, Val: wgetPassword}, {Name: "retry-connrefused", Val: wgetRetryRefused}, {Name: "content-on-error", Val: wgetContentOnError},
	{Name: "no-verbose", Val: wgetNoVerbose}, {Name: "progress", Arg: prog.ReqArg, Val: wgetProgress}, {Name: "show-progress", Val: wgetNoCheck}, {Name: "waitretry", Arg: prog.ReqArg, Val: wgetWaitRetry},
	{Name: "no-cache", Val: wgetNoCheck}, {Name: "no-proxy", Val: wgetNoCheck}, {Name: "https-only", Val: wgetHTTPS}, {Name: "content-disposition", Val: wgetContentDisposition}, {Name: "connect-timeout", Arg: prog.ReqArg, Val: 'T'}, {Name: "read-timeout", Arg: prog.ReqArg, Val: 'T'}, {Name: "inet4-only", Val: '4'}, {Name: "inet6-only", Val: '6'}}

// say writes to the log unless -q.
func (w *wgetGNU) say(format string, args ...any) {
	if !w.quiet {
		w.c.Out.Flush()
		fmt.Fprintf(w.log, format, args...)
	}
}

// chat is say that -nv silences.
func (w *wgetGNU) chat(format string, args ...any) {
	if !w.noVerbose {
		w.say(format, args...)
	}
}

func (w *wgetGNU) now() string { return w.c.Now().UTC().Format("2006-01-02 15:04:05") }

func (w *wgetGNU) quote(s string) string { return "'" + s + "'" }

// get fetches one URL and gives wget's exit code: 1 generic, 3 files, 4 network, 8 the server.
func (w *wgetGNU) get(raw string) int {
	c := w.c
	full := raw
	if scheme, _, ok := strings.Cut(raw, "://"); !ok {
		full = "http://" + raw
	} else if s := strings.ToLower(scheme); s != "http" && s != "https" && s != "ftp" {
		w.say("%s: Unsupported scheme %s.\n", raw, w.quote(scheme))
		return 1
	}
	t, err := parseURL(full)
	if err != nil || t.host == "" {
		w.say("%s: Invalid host name.\n", raw)
		return 1
	}
	if t.Path == "" {
		t.URL.Path = "/"
	}
	name := w.out
	if name == "" {
		name = path.Base(t.Path)
		if strings.HasSuffix(t.Path, "/") {
			name = "index.html"
		}
		if t.RawQuery != "" {
			name += "?" + t.RawQuery
		}
		if w.forceDirs {
			name = prog.JoinPath(prog.JoinPath(t.host, path.Dir(t.Path)), name)
		}
		if w.prefix != "" {
			name = prog.JoinPath(w.prefix, name)
		}
	}
	if w.out == "" && w.noClobber {
		if _, err := c.Lstat(name); err == nil {
			w.chat("File %s already there; not retrieving.\n\n", w.quote(name))
			return 0
		}
	}
	tries := 0
	redirects := 0
	if w.spider {
		w.chat("Spider mode enabled. Check if remote file exists.\n")
	}
	for {
		w.chat("--%s--  %s\n", w.now(), t.String())
		var addrs []netip.Addr
		if a, err := netip.ParseAddr(t.host); err == nil {
			addrs = []netip.Addr{a}
		} else {
			w.chat("Resolving %s (%s)... ", t.host, t.host)
			addrs, err = addresses(c, t.host)
			if err != nil || len(addrs) == 0 {
				if w.noVerbose {
					w.say("wget: unable to resolve host address %s\n", w.quote(t.host))
				} else {
					w.chat("failed: Name or service not known.\nwget: unable to resolve host address %s\n", w.quote(t.host))
				}
				return 4
			}
			list := make([]string, len(addrs))
			for i, a := range addrs {
				list[i] = a.String()
			}
			w.chat("%s\n", strings.Join(list, ", "))
		}
		limit := 15 * time.Minute
		if w.timeout > 0 {
			limit = w.timeout
		}
		var k *conn
		var last error
		for _, a := range addrs {
			shown := a.String()
			if t.host != shown {
				shown = fmt.Sprintf("%s (%s)|%s|", t.host, t.host, a)
			}
			w.chat("Connecting to %s:%d... ", shown, t.port)
			if k, last = dial(c, []netip.Addr{a}, t.port, limit); last == nil {
				w.chat("connected.\n")
				break
			}
			w.chat("failed: %v.\n", last)
		}
		if last != nil {
			if w.noVerbose {
				w.say("failed: %v.\n", last)
			}
			if last == linux.ECONNREFUSED && !w.retryRefused {
				return 4
			}
			tries++
			if w.tries != 0 && tries >= w.tries {
				w.chat("Giving up.\n\n")
				return 4
			}
			w.chat("Retrying.\n\n")
			c.Sleep(time.Duration(min(tries, 10)) * time.Second)
			continue
		}
		method := "GET"
		if w.hasPost {
			method = "POST"
		}
		if w.method != "" {
			method = w.method
		}
		if w.spider {
			method = "HEAD"
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, t.path(), t.hostHeader())
		agent := w.agent
		if agent == "" {
			agent = "Wget/1.21.3"
		}
		fmt.Fprintf(&b, "User-Agent: %s\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: Keep-Alive\r\n", agent)
		if w.user != "" {
			fmt.Fprintf(&b, "Authorization: Basic %s\r\n", basic(w.user, w.password))
		}
		for _, h := range w.extra {
			b.WriteString(h + "\r\n")
		}
		if w.hasPost {
			fmt.Fprintf(&b, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", len(w.post))
		}
		b.WriteString("\r\n" + w.post)
		if w.timeout > 0 {
			k.deadline = c.Now().Add(w.timeout)
		}
		w.chat("HTTP request sent, awaiting response... ")
		io.WriteString(k, b.String())
		r, err := k.readHead(method)
		if err != nil {
			k.close()
			switch {
			case err == errTimeout:
				w.chat("Read error (Connection timed out) in headers.\n")
			case err == errEmpty:
				w.chat("No data received.\n")
			default:
				w.chat("Read error (%v) in headers.\n", err)
			}
			tries++
			if w.tries != 0 && tries >= w.tries {
				w.chat("Giving up.\n\n")
				return 4
			}
			w.chat("Retrying.\n\n")
			c.Sleep(time.Duration(min(tries, 10)) * time.Second)
			continue
		}
		if w.serverHead {
			w.chat("\n  %s\n", r.line)
			for _, h := range r.headers {
				w.chat("  %s\n", h)
			}
		} else {
			w.chat("%d %s\n", r.status, r.reason)
		}
		if loc := r.header("Location"); loc != "" && r.status >= 300 && r.status < 400 {
			k.close()
			w.chat("Location: %s [following]\n", loc)
			if redirects++; redirects > w.maxRedirect {
				w.say("%d redirections exceeded.\n", w.maxRedirect)
				return 8
			}
			u, err := t.Parse(loc)
			if err != nil {
				return 1
			}
			if t, err = parseURL(u.String()); err != nil {
				return 1
			}
			continue
		}
		if r.status >= 400 && !w.contentOnError {
			k.close()
			if w.spider && r.status == 404 {
				w.chat("Remote file does not exist -- broken link!!!\n\n")
				return 8
			}
			if w.noVerbose {
				w.say("%s:\n", t.String())
			}
			w.say("%s ERROR %d: %s.\n", w.now(), r.status, r.reason)
			w.chat("\n")
			if w.out != "" && w.out != "-" {
				if f, err := c.CreateFile(w.out); err == nil {
					f.Close()
				}
			}
			return 8
		}
		kind, _, _ := strings.Cut(r.header("Content-Type"), ";")
		length := "unspecified"
		if n, err := strconv.ParseInt(r.header("Content-Length"), 10, 64); err == nil {
			length = strconv.FormatInt(n, 10)
			if h := human(n); h != "" {
				length += " (" + h + ")"
			}
		}
		if kind != "" {
			length += " [" + kind + "]"
		}
		if w.spider {
			w.chat("Length: %s\nRemote file exists", length)
			if kind == "text/html" {
				w.chat(" and could contain further links,\nbut recursion is disabled -- not retrieving")
			}
			w.chat(".\n\n")
			k.close()
			return 0
		}
		w.chat("Length: %s\n", length)
		var out io.Writer = c.Out
		shown := name
		if w.out == "-" {
			shown = "STDOUT"
		} else {
			if w.out == "" {
				if _, err := c.Lstat(name); err == nil {
					for i := 1; ; i++ {
						n := fmt.Sprintf("%s.%d", name, i)
						if _, err := c.Lstat(n); err != nil {
							name, shown = n, n
							break
						}
					}
				}
				if dir := path.Dir(name); dir != "." {
					makeDirs(c, dir)
				}
			}
			f, err := c.CreateFile(name)
			if err != nil {
				w.say("%s: %v\n", name, err)
				w.say("\nCannot write to %s (%v).\n", w.quote(name), linux.Errno(0))
				k.close()
				return 3
			}
			defer f.Close()
			out = f
		}
		w.chat("Saving to: %s\n", w.quote(shown))
		body := k.body(r)
		if w.timeout > 0 {
			body = &alive{k, body, w.timeout}
		}
		n, err := io.Copy(out, body)
		k.close()
		c.Out.Flush()
		if !w.noVerbose {
			w.dots(n, r.length)
		}
		if err != nil {
			w.chat("%s (0.00 B/s) - Connection closed at byte %d. ", w.now(), n)
			w.chat("Giving up.\n\n")
			return 4
		}
		total := ""
		if r.length >= 0 {
			total = fmt.Sprintf("/%d", r.length)
		}
		verb := "saved"
		if w.out == "-" {
			verb = "written to stdout"
		}
		switch {
		case w.noVerbose:
			w.say("%s URL:%s [%d%s] -> \"%s\" [1]\n", w.now(), t.String(), n, total, map[bool]string{true: "-", false: name}[w.out == "-"])
		case w.out == "-":
			w.say("%s (%s) - %s [%d%s]\n\n", w.now(), rate(n), verb, n, total)
		default:
			w.say("%s (%s) - %s saved [%d%s]\n\n", w.now(), rate(n), w.quote(name), n, total)
		}
		return 0
	}
}

// rate is a speed: what took no time took a millisecond.
func rate(n int64) string {
	v := float64(n) * 1000
	for _, unit := range []string{"B/s", "KB/s", "MB/s"} {
		if v < 1024 {
			switch {
			case v < 10:
				return fmt.Sprintf("%.2f %s", v, unit)
			case v < 100:
				return fmt.Sprintf("%.1f %s", v, unit)
			}
			return fmt.Sprintf("%.0f %s", v, unit)
		}
		v /= 1024
	}
	return fmt.Sprintf("%.2f GB/s", v)
}

// dots is wget's progress where its log is no terminal: a dot for each kilobyte, 50 a line.
func (w *wgetGNU) dots(n, total int64) {
	const row, dot = 50, 1024
	w.say("\n")
	at := int64(0)
	for line := int64(0); ; line++ {
		w.say("%6dK", line*row)
		for d := int64(0); d < row; d++ {
			if d%10 == 0 {
				w.say(" ")
			}
			switch {
			case at+dot <= n:
				w.say(".")
				at += dot
			default:
				at = max(at, n-n%dot)
				w.say(" ")
			}
		}
		if total > 0 {
			pos := at
			if at+dot > n {
				pos = n
			}
			w.say("%3d%%", pos*100/total)
		}
		speed := strings.ReplaceAll(strings.TrimSuffix(rate(min(n, row*dot)), "B/s"), " ", "")
		if at+dot > n {
			w.say(" %s=0s\n\n", speed)
			return
		}
		w.say(" %s 0s\n", speed)
		w.c.Step(50)
	}
}

// human is a size with a letter, for sizes of a kilobyte and more.
func human(n int64) string {
	if n < 1024 {
		return ""
	}
	v := float64(n)
	for _, u := range []string{"K", "M", "G", "T"} {
		v /= 1024
		if v < 1024 {
			if v < 10 {
				return fmt.Sprintf("%.1f%s", v, u)
			}
			return fmt.Sprintf("%.0f%s", v, u)
		}
	}
	return fmt.Sprintf("%.0fP", v/1024)
}
