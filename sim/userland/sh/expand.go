package sh

import (
	"io"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// field is a word in the making: its text, and the pattern that it is for pathname expansion,
// in which quoted characters are escaped.
type field struct {
	text    []byte
	pat     []byte
	started bool
	glob    bool // an unquoted * ? or [ is in it
}

// builder collects what words expand to.
type builder struct {
	s       *shell
	fields  []field
	cur     field
	afterWS bool // white space ended the last field
	nosplit bool
	ifs     string
	size    int
}

func (s *shell) newBuilder(split bool) *builder {
	b := &builder{s: s, nosplit: !split, ifs: " \t\n"}
	if v := s.vars["IFS"]; v != nil {
		if v.set {
			b.ifs = v.value
		}
	}
	return b
}

func (b *builder) grow(n int) {
	b.size += n
	b.s.p.Step(1 + n/64)
	if b.size > maxText {
		b.s.outOfMemory()
	}
}

func (b *builder) end() {
	if b.cur.started {
		b.fields = append(b.fields, b.cur)
	}
	b.cur = field{}
}

// quoted adds text that is neither split nor a pattern.
func (b *builder) quoted(text string) {
	b.grow(len(text))
	b.cur.started, b.afterWS = true, false
	b.cur.text = append(b.cur.text, text...)
	b.cur.pat = append(b.cur.pat, escapePattern(text)...)
}

// literal adds text of the script that stands outside of quotes.
func (b *builder) literal(text string) {
	if text == "" {
		return
	}
	b.grow(len(text))
	b.cur.started, b.afterWS = true, false
	b.raw(text)
}

func (b *builder) raw(text string) {
	b.cur.text = append(b.cur.text, text...)
	b.cur.pat = append(b.cur.pat, text...)
	if strings.ContainsAny(text, "*?[(") {
		b.cur.glob = true
	}
}

// split adds what an unquoted expansion gave: IFS divides it.
func (b *builder) split(text string) {
	if b.nosplit {
		if text != "" {
			b.grow(len(text))
			b.cur.started = true
			b.cur.text = append(b.cur.text, text...)
			b.cur.pat = append(b.cur.pat, text...)
			if strings.ContainsAny(text, "*?[(") {
				b.cur.glob = true
			}
		}
		return
	}
	b.grow(len(text))
	from := -1
	flush := func(i int) {
		if from >= 0 {
			b.cur.started, b.afterWS = true, false
			piece := text[from:i]
			b.cur.text = append(b.cur.text, piece...)
			b.cur.pat = append(b.cur.pat, piece...)
			if strings.ContainsAny(piece, "*?[(\\") {
				b.cur.glob = true
			}
			from = -1
		}
	}
	for i := range len(text) {
		c := text[i]
		if strings.IndexByte(b.ifs, c) < 0 {
			if from < 0 {
				from = i
			}
			continue
		}
		flush(i)
		if c == ' ' || c == '\t' || c == '\n' {
			if b.cur.started {
				b.end()
				b.afterWS = true
			}
			continue
		}
		switch {
		case b.cur.started:
			b.end()
			b.afterWS = false
		case b.afterWS:
			b.afterWS = false
		default:
			b.cur.started = true
			b.end()
		}
	}
	flush(len(text))
}

// fieldBreak ends a field between two positional parameters.
func (b *builder) fieldBreak() {
	b.grow(64) // what a field costs
	b.end()
	b.afterWS = false
}

// mode says what surrounds the parts that are expanded.
type mode struct {
	quoted bool // in double quotes
	param  bool // in ${x-HERE}: literal text is split as well
	assign bool // an assignment's value: ~ after each colon
	noTild bool
}

// fields expands words to the arguments of a command.
func (s *shell) fields(words []*grammar.Word) []string {
	var out []string
	for _, w := range words {
		if len(w.Parts) == 1 {
			if l, ok := w.Parts[0].(*grammar.Lit); ok && !strings.ContainsAny(l.Text, "*?[{~(") {
				s.p.Step(1)
				out = append(out, l.Text)
				continue
			}
		}
		for _, w := range s.braces(w) {
			b := s.newBuilder(true)
			s.parts(b, w.Parts, mode{})
			b.end()
			for _, f := range b.fields {
				out = s.globField(out, f)
			}
		}
		s.p.Step(len(out) / 4)
	}
	return out
}

// text expands a word to one string: no splitting, no pathnames.
func (s *shell) text(w *grammar.Word) string {
	if w == nil {
		return ""
	}
	if t, ok := w.Literal(); ok && t[0] != '~' {
		return t
	}
	b := s.newBuilder(false)
	s.parts(b, w.Parts, mode{})
	return string(b.cur.text)
}

// assignText is text with the tildes of an assignment.
func (s *shell) assignText(w *grammar.Word) string {
	if w == nil {
		return ""
	}
	if t, ok := w.Literal(); ok && !strings.Contains(t, "~") {
		return t
	}
	b := s.newBuilder(false)
	s.parts(b, w.Parts, mode{assign: true})
	return string(b.cur.text)
}

// hereText expands a here-document or another text as if in double quotes.
func (s *shell) hereText(w *grammar.Word) string {
	b := s.newBuilder(false)
	s.parts(b, w.Parts, mode{quoted: true})
	return string(b.cur.text)
}

// arithWord expands the text of an arithmetic expression.
func (s *shell) arithWord(w *grammar.Word) string {
	if w == nil {
		return ""
	}
	if t, ok := w.Literal(); ok {
		return t
	}
	return s.hereText(w)
}

// pattern expands a word to a pattern.
func (s *shell) pattern(w *grammar.Word) string {
	if w == nil {
		return ""
	}
	b := s.newBuilder(false)
	s.parts(b, w.Parts, mode{})
	return string(b.cur.pat)
}

func (s *shell) parts(b *builder, parts []grammar.Part, m mode) {
	for i, part := range parts {
		switch part := part.(type) {
		case *grammar.Lit:
			text := part.Text
			if !m.quoted && !m.noTild {
				text = s.tildes(b, text, i == 0, i == len(parts)-1, m)
			}
			switch {
			case m.quoted:
				b.quoted(text)
			case m.param:
				b.split(text)
			default:
				b.literal(text)
			}
		case *grammar.Quoted:
			b.quoted(part.Text)
		case *grammar.Double:
			s.double(b, part.Parts)
		case *grammar.Param:
			s.param(b, part, m)
		case *grammar.CmdSubst:
			s.emit(b, s.commandSubst(part), m)
		case *grammar.ArithExp:
			text := s.arithWord(part.Expr)
			s.emit(b, strconv.FormatInt(s.arith(text, true), 10), m)
		case *grammar.ProcSubst:
			b.literal(s.procSubst(part))
		case *grammar.DeclArray:
			b.quoted(part.Src)
		}
	}
}

func (s *shell) double(b *builder, parts []grammar.Part) {
	// "$@" alone with no parameters is no word at all
	if len(parts) == 1 {
		if p, ok := parts[0].(*grammar.Param); ok {
			s.param(b, p, mode{quoted: true})
			return
		}
	}
	if len(parts) == 0 {
		b.quoted("")
		return
	}
	onlyAt := true
	for _, p := range parts {
		if q, ok := p.(*grammar.Param); !ok || q.Name != "@" && q.IndexAs != "@" {
			onlyAt = false
		}
	}
	if !onlyAt {
		b.quoted("")
	}
	s.parts(b, parts, mode{quoted: true})
}

func (s *shell) emit(b *builder, text string, m mode) {
	if m.quoted {
		b.quoted(text)
	} else {
		b.split(text)
	}
}

// tildes expands "~" and "~user" at the start of a word, and in an assignment after each colon.
// What it expands to is added as if quoted; the rest is returned.
func (s *shell) tildes(b *builder, text string, first, last bool, m mode) string {
	if strings.IndexByte(text, '~') < 0 {
		return text
	}
	out := ""
	at := first
	if i := strings.IndexByte(text, '='); first && !m.assign && !m.param && s.d == Bash && !b.nosplit && i > 0 && grammar.IsName(text[:i]) {
		// bash takes any word that looks like an assignment for one here
		out, text, m.assign = text[:i+1], text[i+1:], true
	}
	for {
		if at && strings.HasPrefix(text, "~") {
			end := strings.IndexAny(text, "/")
			if m.assign {
				end = strings.IndexAny(text, "/:")
			}
			if end < 0 {
				end = len(text)
				if !last {
					return out + text // ~"user" is none
				}
			}
			if dir, ok := s.home(text[1:end]); ok {
				if out != "" {
					b.literal(out)
					out = ""
				}
				b.quoted(dir)
				text = text[end:]
			}
		}
		if !m.assign {
			return out + text
		}
		i := strings.IndexByte(text, ':')
		if i < 0 {
			return out + text
		}
		out += text[:i+1]
		text = text[i+1:]
		at = true
	}
}

// home is the home directory of a user, or of "" for one's own; bash has ~+ and ~- too.
func (s *shell) home(user string) (string, bool) {
	if user == "" {
		if v, ok := s.get("HOME"); ok {
			return v, true
		}
		if s.d == Bash {
			return s.passwdField(func(f []string) bool { return f[2] == strconv.Itoa(int(s.p.Cred().RUID)) }, 5)
		}
		return "", false
	}
	if s.d == Bash {
		switch user {
		case "+":
			return s.get("PWD")
		case "-":
			return s.get("OLDPWD")
		}
	}
	return s.passwdField(func(f []string) bool { return f[0] == user }, 5)
}

// passwdField looks a user up in /etc/passwd.
func (s *shell) passwdField(match func(fields []string) bool, n int) (string, bool) {
	data, err := s.readFile("/etc/passwd")
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(data) {
		f := strings.Split(strings.TrimRight(line, "\n"), ":")
		if len(f) >= 7 && match(f) {
			return f[n], true
		}
	}
	return "", false
}

// readFile reads a small file whole.
func (s *shell) readFile(path string) (string, error) {
	fd, err := s.p.Open(path, linux.O_RDONLY|linux.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer s.p.Close(fd)
	data, err := io.ReadAll(io.LimitReader(s.p.Reader(fd), 1<<20))
	return string(data), err
}

// commandSubst runs a command substitution and gives its output without the last newlines.
func (s *shell) commandSubst(cs *grammar.CmdSubst) string {
	body := cs.Body
	if s.d == Bash {
		if r, ok := body.(*grammar.Simple); ok && len(r.Words) == 0 && len(r.Assigns) == 0 && len(r.Redirs) == 1 && r.Redirs[0].Op == "<" {
			return s.fileSubst(r.Redirs[0])
		}
	}
	s.substRan = true
	r, w, err := s.p.Pipe()
	if err != nil {
		s.errorf("cannot make pipe for command substitution: %s", errnoText(err))
		s.status = 1
		return ""
	}
	line := s.line
	pid, err := s.spawn(func(c *shell) int {
		c.p.Close(r)
		c.p.Dup2(w, 1)
		if w != 1 {
			c.p.Close(w)
		}
		c.loops = 0
		c.lateLine++
		if c.d == Ash || c.d == Bash && !c.opt.shopt["inherit_errexit"] && !c.opt.named["posix"] {
			c.opt.letters['e'] = false
		}
		if cs.Late != "" {
			return c.lateSubst(cs.Late, line)
		}
		if body == nil {
			return 0
		}
		return c.runBody(body)
	})
	s.p.Close(w)
	if err != nil {
		s.p.Close(r)
		s.forkError(err)
		return ""
	}
	out := s.readAll(r)
	s.p.Close(r)
	s.substStatus = s.waitFor(pid)
	if s.d == Bash {
		s.status = s.substStatus
	}
	return out
}

// lateSubst parses and runs the text of bash's backquotes.
func (s *shell) lateSubst(text string, line int) int {
	p := s.textParser(text)
	p.Line = line
	s.command = ""
	s.depth++
	for {
		cmd, err := p.Next()
		if err == io.EOF {
			return s.status
		}
		if err != nil {
			s.command = "command substitution"
			s.syntaxError(p, err)
			return s.status
		}
		if cmd != nil {
			s.run(cmd, false)
		}
	}
}

// runBody runs what a child process is for.
func (s *shell) runBody(n grammar.Node) int {
	s.quiet = max(s.quiet, 0)
	s.run(n, true)
	return s.status
}

func (s *shell) readAll(fd int) string {
	var out []byte
	buf := make([]byte, 4096)
	zero := false
	for {
		n, err := s.p.Read(fd, buf)
		if err == linux.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			break
		}
		out = append(out, buf[:n]...)
		s.charge(n)
		if len(out) > maxText {
			s.outOfMemory()
		}
	}
	s.charge(-len(out))
	text := string(out)
	if strings.IndexByte(text, 0) >= 0 {
		zero = true
		text = strings.ReplaceAll(text, "\x00", "")
	}
	if zero && s.d == Bash {
		s.warn(s.line, "command substitution: ignored null byte in input")
	}
	return strings.TrimRight(text, "\n")
}

// fileSubst is bash's $(<file).
func (s *shell) fileSubst(r *grammar.Redir) string {
	name := s.text(r.Word)
	fd, err := s.p.Open(name, linux.O_RDONLY|linux.O_CLOEXEC, 0)
	if err != nil {
		s.plainf("%s: %s", name, errnoText(err))
		s.substRan = true
		s.status = 1
		return ""
	}
	s.substRan = true
	s.status = 0
	defer s.p.Close(fd)
	return s.readAll(fd)
}

// procSubst starts a process substitution and gives the name of its pipe.
func (s *shell) procSubst(ps *grammar.ProcSubst) string {
	r, w, err := s.p.Pipe()
	if err != nil {
		s.fatal("cannot make pipe for process substitution: %s", errnoText(err))
	}
	mine, theirs, as := r, w, 1
	if ps.Op == '>' {
		mine, theirs, as = w, r, 0
	}
	// bash takes descriptors from 63 downwards, and so do its scripts' messages
	at := s.freeFd(63)
	s.p.Dup2(mine, at)
	s.p.Close(mine)
	status := s.status
	pid, err := s.spawn(func(c *shell) int {
		c.p.Close(at)
		c.p.Dup2(theirs, as)
		if theirs != as {
			c.p.Close(theirs)
		}
		c.loops = 0
		if ps.Body == nil {
			return 0
		}
		return c.runBody(ps.Body)
	})
	s.p.Close(theirs)
	s.status = status
	if err != nil {
		s.p.Close(at)
		s.forkError(err)
		return "/dev/fd/" + strconv.Itoa(at)
	}
	if s.d == Bash {
		s.lastBg = pid
	}
	s.jobs.unnamed = append(s.jobs.unnamed, pid)
	s.jobs.procFds = append(s.jobs.procFds, at)
	return "/dev/fd/" + strconv.Itoa(at)
}

// freeFd is the highest free descriptor not above top.
func (s *shell) freeFd(top int) int {
	used := map[int]bool{}
	for _, fd := range s.p.Fds() {
		used[fd] = true
	}
	for used[top] && top > 10 {
		top--
	}
	return top
}

func (s *shell) forkError(err error) {
	if s.d == Bash {
		s.plainf("fork: %s", errnoText(err))
	} else {
		s.plainf("%s", s.choose("can't fork: "+errnoText(err), "Cannot fork", ""))
	}
	s.status = 254
	if s.d != Bash {
		panic(discard{2})
	}
	panic(discard{254})
}

var _ kernel.Program
