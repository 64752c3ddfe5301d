package nginx

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
)

// directive is one statement of a configuration file.
type directive struct {
	name  string
	args  []string
	block []*directive
	file  string
	line  int
}

// confError is a fault of the configuration; its text is nginx's, after "[emerg] ".
type confError struct{ text string }

func (e *confError) Error() string { return e.text }

func fault(d *directive, format string, args ...any) error {
	return &confError{fmt.Sprintf(format, args...) + fmt.Sprintf(" in %s:%d", d.file, d.line)}
}

// context is a set of places where a directive may stand.
type context int

const (
	inMain context = 1 << iota
	inEvents
	inHTTP
	inServer
	inLocation
	inUpstream
	inTypes
	inIf
)

// rule says where a directive may stand, how many arguments it takes (max < 0: any number), and
// whether it has a block.
type rule struct {
	where    context
	min, max int
	block    context
}

const web3 = inHTTP | inServer | inLocation

// rules are the directives that are known. Those that change only how fast or how much are taken
// and have no effect, since the lab has none of what they tune.
var rules = map[string]rule{
	"user": {inMain, 1, 2, 0}, "worker_processes": {inMain, 1, 1, 0}, "error_log": {inMain | web3, 1, 2, 0}, "pid": {inMain, 1, 1, 0},
	"daemon": {inMain, 1, 1, 0}, "master_process": {inMain, 1, 1, 0}, "worker_rlimit_nofile": {inMain, 1, 1, 0}, "worker_priority": {inMain, 1, 1, 0},
	"worker_cpu_affinity": {inMain, 1, -1, 0}, "pcre_jit": {inMain, 1, 1, 0}, "env": {inMain, 1, 1, 0}, "load_module": {inMain, 1, 1, 0},
	"include": {inMain | inEvents | web3 | inUpstream | inTypes | inIf, 1, 1, 0},
	"events":  {inMain, 0, 0, inEvents}, "worker_connections": {inEvents, 1, 1, 0}, "multi_accept": {inEvents, 1, 1, 0}, "use": {inEvents, 1, 1, 0}, "accept_mutex": {inEvents, 1, 1, 0},
	"http": {inMain, 0, 0, inHTTP}, "server": {inHTTP | inUpstream, 0, -1, inServer}, "location": {inServer | inLocation, 1, 2, inLocation}, "upstream": {inHTTP, 1, 1, inUpstream},
	"types": {web3, 0, 0, inTypes}, "if": {inServer | inLocation, 1, -1, inIf},
	"listen": {inServer, 1, -1, 0}, "server_name": {inServer, 1, -1, 0}, "root": {web3 | inIf, 1, 1, 0}, "alias": {inLocation, 1, 1, 0}, "index": {web3, 1, -1, 0},
	"autoindex": {web3, 1, 1, 0}, "try_files": {inServer | inLocation, 2, -1, 0}, "return": {inServer | inLocation | inIf, 1, 2, 0}, "rewrite": {inServer | inLocation | inIf, 2, 3, 0},
	"error_page": {web3 | inIf, 2, -1, 0}, "add_header": {web3 | inIf, 2, 3, 0}, "default_type": {web3, 1, 1, 0}, "access_log": {web3 | inIf, 1, -1, 0}, "log_format": {inHTTP, 2, -1, 0},
	"proxy_pass": {inLocation | inIf, 1, 1, 0}, "proxy_set_header": {web3, 2, 2, 0}, "internal": {inLocation, 0, 0, 0}, "deny": {web3, 1, 1, 0}, "allow": {web3, 1, 1, 0},
	"set": {inServer | inLocation | inIf, 2, 2, 0}, "server_tokens": {web3, 1, 1, 0}, "limit_except": {inLocation, 1, -1, inLocation}, "etag": {web3, 1, 1, 0},
	"sendfile": {web3, 1, 1, 0}, "tcp_nopush": {web3, 1, 1, 0}, "tcp_nodelay": {web3, 1, 1, 0}, "keepalive_timeout": {web3, 1, 2, 0}, "keepalive_requests": {web3, 1, 1, 0}, "keepalive": {inUpstream, 1, 1, 0},
	"gzip": {web3, 1, 1, 0}, "gzip_types": {web3, 1, -1, 0}, "gzip_disable": {web3, 1, -1, 0}, "gzip_vary": {web3, 1, 1, 0}, "gzip_proxied": {web3, 1, -1, 0}, "gzip_comp_level": {web3, 1, 1, 0},
	"gzip_min_length": {web3, 1, 1, 0}, "gzip_buffers": {web3, 2, 2, 0}, "gzip_http_version": {web3, 1, 1, 0}, "types_hash_max_size": {web3, 1, 1, 0}, "types_hash_bucket_size": {web3, 1, 1, 0},
	"server_names_hash_bucket_size": {inHTTP, 1, 1, 0}, "client_max_body_size": {web3, 1, 1, 0}, "client_body_buffer_size": {web3, 1, 1, 0}, "client_body_timeout": {web3, 1, 1, 0},
	"client_header_timeout": {inHTTP | inServer, 1, 1, 0}, "client_header_buffer_size": {inHTTP | inServer, 1, 1, 0}, "large_client_header_buffers": {inHTTP | inServer, 2, 2, 0}, "send_timeout": {web3, 1, 1, 0},
	"proxy_connect_timeout": {web3, 1, 1, 0}, "proxy_read_timeout": {web3, 1, 1, 0}, "proxy_send_timeout": {web3, 1, 1, 0}, "proxy_http_version": {web3, 1, 1, 0}, "proxy_buffering": {web3, 1, 1, 0},
	"proxy_redirect": {web3, 1, 2, 0}, "charset": {web3 | inIf, 1, 1, 0}, "expires": {web3 | inIf, 1, 2, 0}, "log_not_found": {web3, 1, 1, 0}, "absolute_redirect": {web3, 1, 1, 0},
	"port_in_redirect": {web3, 1, 1, 0}, "server_name_in_redirect": {web3, 1, 1, 0}, "open_file_cache": {web3, 1, -1, 0}, "resolver": {web3, 1, -1, 0}, "stub_status": {inServer | inLocation, 0, 1, 0},
	"ssl_protocols": {inHTTP | inServer, 1, -1, 0}, "ssl_prefer_server_ciphers": {inHTTP | inServer, 1, 1, 0},
}

// parser reads configuration files.
type parser struct {
	read  func(name string) ([]byte, error)
	glob  func(pattern string) []string
	dir   string // of the main file, which relative names begin at
	depth int
	count int
}

const maxDirectives = 100_000

// parse reads a file in a context.
func (p *parser) parse(file string, where context) ([]*directive, error) {
	if p.depth++; p.depth > 20 {
		return nil, &confError{"too many nested includes of " + file}
	}
	defer func() { p.depth-- }()
	src, err := p.read(file)
	if err != nil {
		return nil, err
	}
	l := &lexer{src: string(src), file: file, line: 1}
	ds, err := p.block(l, where, false)
	return ds, err
}

func (p *parser) block(l *lexer, where context, nested bool) ([]*directive, error) {
	var out []*directive
	for {
		words, end, line, err := l.statement()
		if err != nil {
			return nil, err
		}
		d := &directive{file: l.file, line: line}
		switch end {
		case 0:
			if len(words) > 0 {
				return nil, &confError{fmt.Sprintf(`unexpected end of file, expecting ";" or "}" in %s:%d`, l.file, l.line)}
			}
			if nested {
				return nil, &confError{fmt.Sprintf(`unexpected end of file, expecting "}" in %s:%d`, l.file, l.line)}
			}
			return out, nil
		case '}':
			if len(words) > 0 || !nested {
				return nil, &confError{fmt.Sprintf(`unexpected "}" in %s:%d`, l.file, line)}
			}
			return out, nil
		}
		if len(words) == 0 {
			return nil, &confError{fmt.Sprintf("unexpected %q in %s:%d", string(end), l.file, line)}
		}
		if p.count++; p.count > maxDirectives {
			return nil, &confError{"too many directives in " + l.file}
		}
		d.name, d.args = words[0], words[1:]
		if where == inTypes && d.name != "include" {
			if end != ';' {
				return nil, fault(d, `unexpected "{"`)
			}
			out = append(out, d)
			continue
		}
		r, ok := rules[d.name]
		switch {
		case !ok:
			return nil, fault(d, "unknown directive %q", d.name)
		case r.where&where == 0:
			return nil, fault(d, "%q directive is not allowed here", d.name)
		}
		inner := r.block
		if d.name == "server" && where == inUpstream {
			inner = 0
		}
		switch {
		case inner != 0 && end != '{':
			return nil, fault(d, `directive %q has no opening "{"`, d.name)
		case inner == 0 && end != ';':
			return nil, fault(d, `directive %q is not terminated by ";"`, d.name)
		case len(d.args) < r.min || r.max >= 0 && len(d.args) > r.max || inner == inServer && len(d.args) > 0:
			return nil, fault(d, "invalid number of arguments in %q directive", d.name)
		}
		if d.name == "include" {
			ds, err := p.include(d, where)
			if err != nil {
				return nil, err
			}
			out = append(out, ds...)
			continue
		}
		if inner != 0 {
			if d.block, err = p.block(l, inner, true); err != nil {
				return nil, err
			}
		}
		out = append(out, d)
	}
}

func (p *parser) include(d *directive, where context) ([]*directive, error) {
	name := d.args[0]
	if !path.IsAbs(name) {
		name = path.Join(p.dir, name)
	}
	if !strings.ContainsAny(name, "*?[") {
		ds, err := p.parse(name, where)
		if e, ok := err.(*openError); ok {
			return nil, fault(d, "%s", e.Error())
		}
		return ds, err
	}
	var out []*directive
	for _, f := range p.glob(name) {
		ds, err := p.parse(f, where)
		if err != nil {
			return nil, err
		}
		out = append(out, ds...)
	}
	return out, nil
}

// lexer cuts a file into words.
type lexer struct {
	src  string
	file string
	line int
}

// statement reads words up to ";", "{", "}" or the end (0).
func (l *lexer) statement() (words []string, end byte, line int, err error) {
	line = l.line
	for {
		l.blanks()
		if l.src == "" {
			return words, 0, line, nil
		}
		if len(words) == 0 {
			line = l.line
		}
		switch c := l.src[0]; c {
		case ';', '{', '}':
			l.src = l.src[1:]
			return words, c, line, nil
		case '"', '\'':
			w, err := l.quoted(c)
			if err != nil {
				return nil, 0, line, err
			}
			words = append(words, w)
		default:
			words = append(words, l.bare())
		}
		if len(words) > 10000 {
			return nil, 0, line, &confError{fmt.Sprintf("too many parameters in %s:%d", l.file, l.line)}
		}
	}
}

func (l *lexer) blanks() {
	for l.src != "" {
		switch l.src[0] {
		case '\n':
			l.line++
			fallthrough
		case ' ', '\t', '\r':
			l.src = l.src[1:]
		case '#':
			i := strings.IndexByte(l.src, '\n')
			if i < 0 {
				i = len(l.src)
			}
			l.src = l.src[i:]
		default:
			return
		}
	}
}

func (l *lexer) quoted(q byte) (string, error) {
	var b strings.Builder
	for i := 1; i < len(l.src); i++ {
		switch c := l.src[i]; c {
		case q:
			rest := l.src[i+1:]
			if rest != "" && !strings.ContainsRune(" \t\r\n;{)", rune(rest[0])) {
				return "", &confError{fmt.Sprintf("unexpected %q in %s:%d", rest[:1], l.file, l.line)}
			}
			l.src = rest
			return b.String(), nil
		case '\\':
			if i+1 < len(l.src) {
				i++
				switch e := l.src[i]; e {
				case 't':
					b.WriteByte('\t')
				case 'r':
					b.WriteByte('\r')
				case 'n':
					b.WriteByte('\n')
				case '"', '\'', '\\':
					b.WriteByte(e)
				default:
					b.WriteByte('\\')
					b.WriteByte(e)
				}
			}
		default:
			if c == '\n' {
				l.line++
			}
			b.WriteByte(c)
		}
	}
	l.src = ""
	return "", &confError{fmt.Sprintf(`unexpected end of file, expecting ";" or "}" in %s:%d`, l.file, l.line)}
}

func (l *lexer) bare() string {
	var b strings.Builder
	for i := 0; i < len(l.src); i++ {
		c := l.src[i]
		if c == '\\' && i+1 < len(l.src) {
			b.WriteByte(c)
			i++
			b.WriteByte(l.src[i])
			continue
		}
		if c == '$' && i+1 < len(l.src) && l.src[i+1] == '{' {
			if j := strings.IndexByte(l.src[i:], '}'); j > 0 {
				b.WriteString(l.src[i : i+j+1])
				i += j
				continue
			}
		}
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';' || c == '{' {
			l.src = l.src[i:]
			return b.String()
		}
		b.WriteByte(c)
	}
	l.src = ""
	return b.String()
}

// globMatch lists the names of a directory that match the last element of pattern, sorted.
func globMatch(pattern string, list func(dir string) []string) []string {
	dir, last := path.Split(pattern)
	var out []string
	for _, n := range list(dir) {
		if strings.HasPrefix(n, ".") && !strings.HasPrefix(last, ".") {
			continue
		}
		if fnmatch.Match(last, n, 0) {
			out = append(out, path.Join(dir, n))
		}
	}
	slices.Sort(out)
	return out
}

// find is the last directive of a name, or nil.
func find(ds []*directive, name string) *directive {
	for i := len(ds) - 1; i >= 0; i-- {
		if ds[i].name == name {
			return ds[i]
		}
	}
	return nil
}

func all(ds []*directive, name string) []*directive {
	var out []*directive
	for _, d := range ds {
		if d.name == name {
			out = append(out, d)
		}
	}
	return out
}

// openError is a file that cannot be opened, in nginx's words.
type openError struct {
	call, file string
	no         int
	text       string
}

func (e *openError) Error() string {
	return e.call + `() "` + e.file + `" failed (` + strconv.Itoa(e.no) + ": " + e.text + ")"
}
