package services_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/services"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// box is a sandbox in which the file /bin/NAME is the service NAME.
type box struct {
	t   *testing.T
	k   *kernel.Kernel
	s   *kernel.Sandbox
	out bytes.Buffer // what its processes print
}

func boot(t *testing.T, files map[string]string) *box {
	t.Helper()
	b := &box{t: t}
	b.k = kernel.New(kernel.Options{Clock: kernel.Virtual, Start: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC),
		Loader: func(p *kernel.Proc, f *kernel.Executable) (kernel.Program, error) {
			for _, pr := range services.Programs {
				if pr.Name == string(f.Head) {
					return pr.Main(prog.GNU), nil
				}
			}
			return nil, linux.ENOEXEC
		},
		OnPanic: func(name string, v any, stack []byte) { t.Errorf("%s: %v\n%s", name, v, stack) },
	})
	t.Cleanup(b.k.Busy()) // time stands still: nothing here is to expire
	fs := unionfs.New(nil, unionfs.Options{Now: b.k.Now})
	ns := vfs.NewNamespace(fs, "overlay", "")
	v := ns.View(vfs.Root(vfs.CapsAll))
	for _, pr := range services.Programs {
		files["/bin/"+pr.Name] = pr.Name
	}
	for name, text := range files {
		for i := 1; i < len(name); i++ {
			if name[i] == '/' {
				v.Mkdir(name[:i], 0o755)
			}
		}
		if strings.HasSuffix(name, "/") {
			continue
		}
		if err := v.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(name, err)
		}
	}
	b.s = b.k.NewSandbox(kernel.SandboxConfig{ID: "box", Hostname: "box", NS: ns})
	return b
}

// run starts a service, and gives it the time to listen.
func (b *box) run(argv ...string) *kernel.Task {
	b.t.Helper()
	var task *kernel.Task
	var err error
	b.k.Do(func() {
		out := func(p []byte) { b.out.Write(p) }
		task, err = b.s.Start(kernel.Spec{Path: "/bin/" + argv[0], Argv: argv, Env: []string{"PATH=/bin"}, Cred: vfs.Root(vfs.CapsAll), Umask: 0o022,
			Files: []*kernel.File{b.k.NullFile(), b.k.SinkFile(out), b.k.SinkFile(out)}})
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.k.Settle(1_000_000)
	return task
}

// ask sends bytes to a port and gives what comes back until the end.
func (b *box) ask(port uint16, text string) string {
	b.t.Helper()
	c, err := b.s.Net().Dial(b.k, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
	if err != nil {
		b.t.Fatalf("%v\n%s", err, b.out.String())
	}
	defer c.Close()
	io.WriteString(c, text)
	c.CloseWrite()
	got, _ := io.ReadAll(c)
	return string(got)
}

func (b *box) get(port uint16, line string, headers ...string) *http.Response {
	b.t.Helper()
	raw := b.ask(port, line+" HTTP/1.1\r\nHost: 127.0.0.1:18080\r\n"+strings.Join(append(headers, "Connection: close\r\n\r\n"), "\r\n"))
	method, _, _ := strings.Cut(line, " ")
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(raw)), &http.Request{Method: method})
	if err != nil {
		b.t.Fatalf("%s: %v in %q", line, err, raw)
	}
	return r
}

const nginxConf = `
error_log stderr warn; pid /run/nginx.pid;
events {}
http {
    types { text/html html; text/css css; }
    access_log /var/log/access.log;
    server {
        listen 18080; server_name localhost;
        location / { root /html; index index.html; }
        location /list/ { root /html; autoindex on; }
        location /r { return 301 /new; }
        location /t { return 200 "text $uri $args\n"; }
        location /no { return 403; }
        location = /exact { return 204; }
        location ~ ^/re/(\d+)$ { return 200 "number $1"; }
        location /spa/ { root /html; try_files $uri /index.html; }
        error_page 500 502 /50x.html;
    }
}
`

// What nginx answers, as the real one did for the same configuration
// (nginx -c FILE, and curl -i for each line).
func TestNginxAnswers(t *testing.T) {
	b := boot(t, map[string]string{"/etc/nginx/nginx.conf": nginxConf, "/html/index.html": "<h1>hi</h1>\n", "/html/list/b.txt": "x\n", "/html/list/sub/": "", "/html/dir/": "",
		"/run/": "", "/var/lib/nginx/": "", "/var/log/": "", "/etc/passwd": "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n", "/etc/group": "root:x:0:\nnogroup:x:65534:\n"})
	task := b.run("nginx", "-g", "daemon off;")
	for _, c := range []struct {
		line   string
		header string
		status string
		body   string
	}{
		{"GET /", "", "200 OK", "<h1>hi</h1>\n"},
		{"HEAD /", "", "200 OK", ""},
		{"GET /", "Range: bytes=2-4", "206 Partial Content", "1>h"},
		{"GET /", "Range: bytes=99-", "416 Requested Range Not Satisfiable", "416"},
		{"POST /", "", "405 Not Allowed", "<h1>405 Not Allowed</h1>"},
		{"GET /dir", "", "301 Moved Permanently", "301 Moved Permanently"},
		{"GET /dir/", "", "403 Forbidden", "<center>nginx/1.22.1</center>"},
		{"GET /missing", "", "404 Not Found", "404 Not Found"},
		{"GET /list/", "", "200 OK", "<a href=\"sub/\">sub/</a>                                               02-Jan-2024 03:04                   -"},
		{"GET /r", "", "301 Moved Permanently", "301"},
		{"GET /t?a=1", "", "200 OK", "text /t a=1\n"},
		{"GET /no", "", "403 Forbidden", "403"},
		{"GET /exact", "", "204 No Content", ""},
		{"GET /re/42", "", "200 OK", "number 42"},
		{"GET /spa/anything", "", "200 OK", "<h1>hi</h1>"},
		{"GET /../etc", "", "400 Bad Request", "400"},
		{"GET /dir/../index.html", "", "200 OK", "<h1>hi</h1>"},
	} {
		r := b.get(18080, c.line, c.header)
		body, _ := io.ReadAll(r.Body)
		if r.Status != c.status || !strings.Contains(string(body), c.body) {
			t.Errorf("%s %s: %s\n%s", c.line, c.header, r.Status, body)
		}
	}
	r := b.get(18080, "GET /")
	for name, want := range map[string]string{"Server": "nginx/1.22.1", "Content-Type": "text/html", "Content-Length": "12", "Accept-Ranges": "bytes", "ETag": `"65937d25-c"`} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := b.get(18080, "GET /dir").Header.Get("Location"); got != "http://127.0.0.1:18080/dir/" {
		t.Errorf("Location %q", got)
	}
	if got := b.ask(18080, "GARBAGE\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 400 Bad Request\r\n") {
		t.Errorf("garbage: %q", got)
	}
	if want := `open() "/html/missing" failed (2: No such file or directory), client: 127.0.0.1, server: localhost, request: "GET /missing HTTP/1.1"`; !strings.Contains(b.out.String(), want) {
		t.Errorf("the error log lacks %s:\n%s", want, b.out.String())
	}
	b.k.Do(func() {
		v := b.s.NS().View(vfs.Root(vfs.CapsAll))
		log, _ := v.ReadFile("/var/log/access.log", 1<<20)
		if want := `127.0.0.1 - - [02/Jan/2024:03:04:`; !strings.HasPrefix(string(log), want) {
			t.Errorf("access log: %.80q", log)
		}
		if pid, err := v.ReadFile("/run/nginx.pid", 100); err != nil || string(pid) != "1\n" {
			t.Errorf("pid file: %q %v", pid, err)
		}
	})
	task.Signal(linux.SIGQUIT)
	<-task.Done()
	if st := task.Status(); st.ExitCode() != 0 {
		t.Errorf("after SIGQUIT: %+v", st)
	}
}

func TestNginxRefusesWrongConfigurations(t *testing.T) {
	for conf, want := range map[string]string{
		"events {} foo;":                "[emerg] 1#1: unknown directive \"foo\" in /etc/nginx/nginx.conf:1\n",
		"events {":                      "unexpected end of file, expecting \"}\" in /etc/nginx/nginx.conf:1",
		"}":                             "unexpected \"}\" in /etc/nginx/nginx.conf:1",
		"http {}":                       "no \"events\" section in configuration",
		"events {}\nhttp { root a b; }": "invalid number of arguments in \"root\" directive in /etc/nginx/nginx.conf:2",
		"events {}\nlisten 80;":         "\"listen\" directive is not allowed here in /etc/nginx/nginx.conf:2",
		"events {} http { server { listen x:y; } }":      "invalid port in \"x:y\" of the \"listen\" directive",
		"events {} http { server { root /a } }":          "unexpected \"}\" in /etc/nginx/nginx.conf:1",
		"events {} http { include /nosuch; }":            "open() \"/nosuch\" failed (2: No such file or directory) in /etc/nginx/nginx.conf:1",
		"user nosuch; events {}":                         "getpwnam(\"nosuch\") failed in /etc/nginx/nginx.conf:1",
		"events {} http { server { location ~ ( { } } }": "pcre_compile() failed",
	} {
		b := boot(t, map[string]string{"/etc/nginx/nginx.conf": conf})
		task := b.run("nginx", "-t")
		<-task.Done()
		if task.Status().Code != 1 || !strings.Contains(b.out.String(), want) || !strings.Contains(b.out.String(), "test failed\n") {
			t.Errorf("%q: exit %d\n%s\nwant %s", conf, task.Status().Code, b.out.String(), want)
		}
	}
}

func TestHttpdAnswers(t *testing.T) {
	b := boot(t, map[string]string{
		"/usr/local/apache2/conf/httpd.conf": `
ServerRoot "/usr/local/apache2"
Listen 18081
LoadModule autoindex_module modules/mod_autoindex.so
<IfModule unixd_module>
nonsense
</IfModule>
DocumentRoot "/usr/local/apache2/htdocs"
<Directory />
    Require all denied
</Directory>
<Directory "/usr/local/apache2/htdocs">
    Options Indexes FollowSymLinks
    Require all granted
</Directory>
<Files ".ht*">
    Require all denied
</Files>
ErrorLog /proc.err
LogFormat "%h %l %u %t \"%r\" %>s %b" common
CustomLog /access common
Redirect /r /new
`,
		"/usr/local/apache2/htdocs/index.html": "<html><body><h1>It works!</h1></body></html>\n", "/usr/local/apache2/htdocs/list/b.txt": "x", "/usr/local/apache2/htdocs/.htpasswd": "x",
		"/usr/local/apache2/logs/": "", "/etc/passwd": "root:x:0:0::/root:/bin/sh\n", "/etc/group": "root:x:0:\n",
	})
	task := b.run("httpd", "-DFOREGROUND")
	for _, c := range []struct{ line, status, body string }{
		{"GET /", "200 OK", "It works!"},
		{"GET /missing", "404 Not Found", "<p>The requested URL was not found on this server.</p>"},
		{"GET /list", "301 Moved Permanently", `<p>The document has moved <a href="http://127.0.0.1:18080/list/">here</a>.</p>`},
		{"GET /list/", "200 OK", `<li><a href="b.txt"> b.txt</a></li>`},
		{"GET /.htpasswd", "403 Forbidden", "You don't have permission to access this resource."},
		{"GET /r", "302 Found", "http://127.0.0.1:18080/new"},
		{"FOO /", "501 Not Implemented", "FOO not supported for current URL."},
	} {
		r := b.get(18081, c.line)
		body, _ := io.ReadAll(r.Body)
		if r.Status != c.status || !strings.Contains(string(body), c.body) {
			t.Errorf("%s: %s\n%s", c.line, r.Status, body)
		}
	}
	task.Signal(linux.SIGWINCH)
	<-task.Done()
	if task.Status().ExitCode() != 0 {
		t.Errorf("after SIGWINCH: %+v", task.Status())
	}
}

func TestRedis(t *testing.T) {
	files := map[string]string{"/data/": ""}
	b := boot(t, files)
	task := b.run("redis-server", "--port", "16379", "--dir", "/data")
	for _, c := range []struct{ cmd, want string }{
		{"PING", "+PONG\r\n"},
		{"SET a 1", "+OK\r\n"},
		{"INCR a", ":2\r\n"},
		{"GET nosuch", "$-1\r\n"},
		{"LPUSH l x y z", ":3\r\n"},
		{"LRANGE l 0 -1", "*3\r\n$1\r\nz\r\n$1\r\ny\r\n$1\r\nx\r\n"},
		{"HSET h f v", ":1\r\n"},
		{"INCR h", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
		{"GET", "-ERR wrong number of arguments for 'get' command\r\n"},
		{"FOO bar", "-ERR unknown command 'FOO', with args beginning with: 'bar' \r\n"},
		{"SADD s b a", ":2\r\n"},
		{"ZADD z 2 b 1 a", ":2\r\n"},
		{"ZRANGE z 0 -1 WITHSCORES", "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n"},
		{"SET k v EX 10", "+OK\r\n"},
		{"TTL k", ":10\r\n"},
		{"DBSIZE", ":6\r\n"},
		{"SET 'two words' \"a\\nb\"", "+OK\r\n"},
		{"GET \"two words\"", "$3\r\na\nb\r\n"},
		{"SET x 'unbalanced", "-ERR Protocol error: unbalanced quotes in request\r\n"},
	} {
		if got := b.ask(16379, c.cmd+"\r\n"); got != c.want {
			t.Errorf("%s: %q, want %q", c.cmd, got, c.want)
		}
	}
	task.Signal(linux.SIGTERM)
	<-task.Done()
	if !strings.Contains(b.out.String(), "# Redis is now ready to exit, bye bye...") {
		t.Errorf("the log:\n%s", b.out.String())
	}
	// the next one finds what was saved
	b.s = b.k.NewSandbox(kernel.SandboxConfig{ID: "again", NS: b.s.NS()})
	b.run("redis-server", "--port", "16379", "--dir", "/data")
	for cmd, want := range map[string]string{"GET a": "$1\r\n2\r\n", "LLEN l": ":3\r\n", "HGET h f": "$1\r\nv\r\n", "ZSCORE z b": "$1\r\n2\r\n", "SCARD s": ":2\r\n"} {
		if got := b.ask(16379, cmd+"\r\n"); got != want {
			t.Errorf("after a restart, %s: %q, want %q", cmd, got, want)
		}
	}
}
