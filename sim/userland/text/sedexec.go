package text

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// sedOutput is where lines go: standard output, a file of w, or the file edited in place. It
// remembers that its last line had no end, which comes before the next.
type sedOutput struct {
	w       io.Writer
	file    *prog.File
	buf     *bufio.Writer
	busybox bool
	open    bool // the last line lacks its end
	end     byte
}

// complete writes the end that the last line lacked.
func (o *sedOutput) complete() {
	if o.open {
		o.w.Write([]byte{o.end})
		o.open = false
	}
}

func (o *sedOutput) line(b []byte, ended bool) {
	if !o.busybox || len(b) > 0 {
		o.complete()
	}
	o.w.Write(b)
	if ended {
		o.w.Write([]byte{o.end})
	} else {
		o.open = true
	}
	if o.file != nil {
		o.flush()
	}
}

func (o *sedOutput) text(s string) {
	o.complete()
	io.WriteString(o.w, s)
	if o.busybox && s != "" && s[len(s)-1] != '\n' {
		o.open = true
	}
	if o.file != nil {
		o.flush()
	}
}

func (o *sedOutput) flush() {
	if o.buf != nil {
		o.buf.Flush()
	}
}

// output opens a file of w, once for all commands.
func (s *sedder) output(name string) *sedOutput {
	if o := s.outputs[name]; o != nil {
		return o
	}
	o := &sedOutput{busybox: !s.gnu, end: s.end}
	switch {
	case name == "/dev/stdout" && s.gnu:
		o.w = s.c.Out
	case name == "/dev/stderr" && s.gnu:
		o.w = s.c.Err
	default:
		f, err := s.c.CreateFile(name)
		if err != nil {
			if s.gnu {
				s.c.Die(4, "couldn't open file %s: %v", name, err)
			}
			s.c.Die(1, "can't open '%s': %v", name, err)
		}
		o.file, o.buf = f, bufio.NewWriter(f)
		o.w = o.buf
	}
	s.outputs[name] = o
	return o
}

// sedInput reads the lines of all files in turn, one line ahead.
type sedInput struct {
	files   []string
	current *lines
	closer  io.Closer
	name    string
	next    []byte
	have    bool
	temp    string // in place: what is written, to be renamed
	target  string
}

// fill makes sure that a line is at hand, if there is one. Without over it stays in the current
// file.
func (s *sedder) fill(over bool) bool {
	in := &s.in
	for !in.have {
		if in.current == nil {
			if !over || len(in.files) == 0 {
				return false
			}
			s.openNext()
			continue
		}
		line, err := in.current.next()
		if err == nil {
			in.next, in.have = line, true
			break
		}
		if err != io.EOF {
			if s.gnu {
				s.c.Warn("read error on %s: %v", in.name, err)
				s.c.Exit(4)
			}
		}
		if s.separate && !over {
			return false
		}
		s.closeInput()
	}
	return true
}

func (s *sedder) closeInput() {
	in := &s.in
	if in.closer != nil {
		in.closer.Close()
	}
	in.current, in.closer = nil, nil
	if in.temp != "" {
		s.finishInPlace()
	}
}

func (s *sedder) openNext() {
	in, c := &s.in, s.c
	in.name = in.files[0]
	in.files = in.files[1:]
	if s.separate {
		s.line = 0
		if s.gnu {
			for _, cmd := range s.script.commands {
				cmd.active, cmd.opened = false, false
			}
		}
	}
	if in.name == "-" && !s.inPlace {
		in.current = newLines(c, c.In, s.end)
		return
	}
	if s.inPlace {
		s.openInPlace()
		return
	}
	f, err := c.OpenInput(in.name)
	if err != nil {
		s.cannotRead(in.name, err)
		return
	}
	in.current, in.closer = newLines(c, f, s.end), f
}

func (s *sedder) cannotRead(name string, err error) {
	if s.gnu {
		s.c.Warn("can't read %s: %v", name, err)
		s.status = 2
		return
	}
	s.c.Warn("%s: %v", name, err)
	s.status = 1
}

// openInPlace opens a file to be edited and the temporary one that will replace it.
func (s *sedder) openInPlace() {
	in, c := &s.in, s.c
	name := in.name
	if s.follow {
		for range linux.MaxSymlinks {
			to, err := c.Readlink(name)
			if err != nil {
				break
			}
			if !path.IsAbs(to) {
				to = path.Join(path.Dir(name), to)
			}
			name = to
		}
	}
	f, err := c.OpenFile(name, linux.O_RDONLY, 0)
	if err != nil {
		s.cannotRead(in.name, err)
		return
	}
	st, err := f.Stat()
	if err == nil && !st.Mode.IsRegular() && s.gnu {
		f.Close()
		c.Warn("couldn't edit %s: not a regular file", in.name)
		s.status = 4
		return
	}
	dir := path.Dir(name)
	var out *prog.File
	var temp string
	for i := 0; ; i++ {
		const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		r := make([]byte, 6)
		for j := range r {
			r[j] = letters[(c.Pid()*7919+i*104729+j*31+int(c.Now().UnixNano()>>3)>>j)&0x3f%len(letters)]
		}
		temp = path.Join(dir, "sed"+string(r))
		if !s.gnu {
			temp = name + string(r)
		}
		out, err = c.OpenFile(temp, linux.O_RDWR|linux.O_CREAT|linux.O_EXCL, 0o600)
		if err != linux.EEXIST || i > 100 {
			break
		}
	}
	if err != nil {
		f.Close()
		if s.gnu {
			c.Die(4, "couldn't open temporary file %s: %v", temp, err)
		}
		c.Die(1, "can't create temp file '%sXXXXXX': %v", name, err)
	}
	c.Fchown(out.Fd, st.UID, st.GID)
	c.Fchmod(out.Fd, st.Mode.Perm())
	in.current, in.closer = newLines(c, f, s.end), f
	in.temp, in.target = temp, name
	buf := bufio.NewWriterSize(out, 4096)
	s.out = &sedOutput{w: buf, buf: buf, busybox: !s.gnu, end: s.end}
	in.closer = multiCloser{f, out}
}

type multiCloser []io.Closer

func (m multiCloser) Close() error {
	for _, c := range m {
		c.Close()
	}
	return nil
}

// finishInPlace puts the edited file in the place of the old.
func (s *sedder) finishInPlace() {
	in, c := &s.in, s.c
	temp, target := in.temp, in.target
	in.temp = ""
	s.out = s.std
	if s.suffix != "" {
		backup := target + s.suffix
		if s.gnu && strings.Contains(s.suffix, "*") {
			backup = strings.ReplaceAll(s.suffix, "*", path.Base(target))
			if !strings.Contains(s.suffix, "/") {
				backup = path.Join(path.Dir(target), backup)
			}
		} else if s.gnu && strings.Contains(s.suffix, "/") {
			backup = s.suffix
		}
		if err := c.Rename(target, backup); err != nil {
			if s.gnu {
				c.Unlink(temp)
				c.Die(4, "cannot rename %s: %v", target, err)
			}
			c.Die(1, "can't move '%s' to '%s': %v", target, backup, err)
		}
	}
	if err := c.Rename(temp, target); err != nil {
		if s.gnu {
			c.Unlink(temp)
			c.Die(4, "cannot rename %s: %v", temp, err)
		}
		c.Die(1, "can't move '%s' to '%s': %v", temp, target, err)
	}
}

// last tells whether the line in the pattern space is the last.
func (s *sedder) last() bool {
	if s.separate {
		return !s.fill(false)
	}
	return !s.fill(true)
}

// read takes the next line into the pattern space, or adds it behind a newline.
func (s *sedder) read(add bool) bool {
	if add && s.separate && s.gnu {
		if !s.fill(false) {
			return false
		}
	} else if !s.in.have {
		// At the end of a file that is edited, what belongs to it is written before the next opens.
		s.out.flush()
		if !s.fill(true) {
			return false
		}
	}
	line, ended := s.in.next, true
	if n := len(line); line[n-1] == s.end {
		line = line[:n-1]
	} else {
		ended = false
	}
	s.in.have, s.in.next = false, nil
	if add {
		s.space = append(append(s.space, s.end), line...)
	} else {
		s.space = append(s.space[:0], line...)
	}
	if len(s.space) > maxLine {
		s.c.Die(4, "memory exhausted")
	}
	s.ended = ended
	s.replaced = false
	s.line++
	return true
}

func (s *sedder) run(files []string) int {
	s.in.files = files
loop:
	for s.noRead || s.read(false) {
		s.noRead = false
		switch s.cycle() {
		case sedPrint:
			if !s.quiet {
				s.out.line(s.space, s.ended)
			}
		case sedAgain:
			s.noRead = true
		case sedQuit:
			break loop
		}
		s.flushAppends()
	}
	s.out.flush()
	if s.in.current != nil {
		s.rest()
		s.out.flush()
		s.closeInput()
	}
	for _, o := range s.outputs {
		o.flush()
		if o.file != nil {
			o.file.Close()
		}
	}
	if s.exitCode != 0 {
		return s.exitCode
	}
	return s.status
}

// rest copies what was not read of a file edited in place, after q.
func (s *sedder) rest() {
	if s.in.temp == "" || !s.quitting {
		return
	}
	for s.fill(false) {
		line, ended := s.in.current.chomp(s.in.next)
		s.out.line(line, ended)
		s.in.have = false
	}
}

func (s *sedder) flushAppends() {
	for _, a := range s.appends {
		switch {
		case a.line:
			if s.rlines[a.file] == nil {
				if f, err := s.c.OpenInput(a.file); err == nil {
					s.rlines[a.file] = newLines(s.c, f, s.end)
				} else {
					s.rlines[a.file] = newLines(s.c, strings.NewReader(""), s.end)
				}
			}
			if l, err := s.rlines[a.file].next(); err == nil {
				t, ended := s.rlines[a.file].chomp(l)
				if ended {
					t = append(t, s.end)
				}
				s.out.text(string(t))
			}
		case a.file != "":
			var r io.Reader
			if a.file == "/dev/stdin" && s.gnu {
				r = s.c.In
			} else if f, err := s.c.OpenInput(a.file); err == nil {
				defer f.Close()
				r = f
			} else {
				continue
			}
			s.out.complete()
			buf := make([]byte, 8192)
			for {
				n, err := r.Read(buf)
				if n > 0 {
					s.out.w.Write(buf[:n])
					if s.out.busybox {
						s.out.open = buf[n-1] != '\n'
					}
				}
				if err != nil {
					break
				}
			}
			if s.out.busybox {
				s.out.complete()
			}
		default:
			s.out.text(a.text)
		}
	}
	s.appends = nil
	s.out.flush()
}

// matchAddress tells whether one address selects the line.
func (s *sedder) matchAddress(a *sedAddress) bool {
	switch a.kind {
	case addrNone:
		return true
	case addrLine:
		return a.n == s.line
	case addrStep:
		return s.line >= a.n && (s.line-a.n)%a.m == 0
	case addrLast:
		return s.last()
	case addrRegexp:
		return s.matches(a.re)
	}
	return false
}

func (s *sedder) regexp(re *sedRegexp) *sedRegexp {
	if re == nil {
		if s.lastRe == nil {
			if s.gnu {
				s.c.Die(1, "-e expression #1, char 0: no previous regular expression")
			}
			s.c.Die(1, "no previous regexp")
		}
		return s.lastRe
	}
	s.lastRe = re
	return re
}

func (s *sedder) matches(re *sedRegexp) bool {
	if s.gnu {
		re = s.regexp(re)
	}
	return re.re.Match(s.space, 0, 0, 0, stepper(s.c)) != nil
}

// selects tells whether a command applies to the line, before its "!".
func (s *sedder) selects(c *sedCommand) bool {
	if c.a2.kind == addrNone {
		return s.matchAddress(&c.a1)
	}
	if !c.active {
		if c.a1.kind == addrLine {
			if c.a1.n == 0 && s.gnu {
				// 0,/re/: the range is open before the first line
				if s.line != 1 || c.end < 0 {
					return false
				}
				c.active = true
				c.end = -1
				if s.matchAddress(&c.a2) {
					c.active = false
				}
				return true
			}
			// A line number opens the range once: at that line, or, if the command did not see it,
			// at the next that it sees.
			if s.line < c.a1.n || c.opened || c.a1.n == 0 {
				return false
			}
			c.opened = true
			if s.gnu && s.line > c.a1.n && c.a2.kind == addrLine && s.line > c.a2.n {
				return false
			}
		} else if !s.matchAddress(&c.a1) {
			return false
		}
		c.active = true
		switch c.a2.kind {
		case addrLine:
			c.end = c.a2.n
			if s.line >= c.a2.n {
				c.active = false
			}
		case addrPlus:
			c.end = s.line + c.a2.n
			if c.a2.n == 0 {
				c.active = false
			}
		case addrMult:
			c.end = s.line
			if c.a2.n > 0 {
				c.end = (s.line/c.a2.n + 1) * c.a2.n
			}
			if c.end <= s.line {
				c.active = false
			}
		case addrLast:
			if s.last() {
				c.active = false
			}
		}
		return true
	}
	switch c.a2.kind {
	case addrLine, addrPlus, addrMult:
		if s.line >= c.end {
			c.active = false
		}
		return s.line <= c.end
	case addrLast:
		if s.last() {
			c.active = false
		}
	case addrRegexp:
		if s.matches(c.a2.re) {
			c.active = false
		}
	}
	return true
}

// What follows the script's end.
type sedNext int

const (
	sedPrint sedNext = iota // print the pattern space unless -n, and go on
	sedDrop                 // do not print it
	sedAgain                // nor read a line: D left something to work on
	sedQuit
)

// cycle runs the script on the pattern space.
func (s *sedder) cycle() sedNext {
	cmds := s.script.commands
	for i := 0; i < len(cmds); i++ {
		c := cmds[i]
		s.c.Step(1)
		if s.selects(c) == c.not {
			if c.name == '{' {
				if c.target < 0 {
					s.c.Die(1, "unterminated {")
				}
				i = c.target - 1
			}
			continue
		}
		switch c.name {
		case '{', ':', '}':
		case '=':
			s.out.text(strconv.Itoa(s.line) + "\n")
		case 'a':
			s.appends = append(s.appends, sedAppend{text: c.text})
		case 'i':
			s.out.text(c.text)
		case 'c':
			if c.a2.kind == addrNone || !c.active || c.not {
				s.out.text(c.text)
			}
			return sedDrop
		case 'd':
			return sedDrop
		case 'D':
			nl := bytes.IndexByte(s.space, s.end)
			if nl < 0 {
				return sedDrop
			}
			s.space = append(s.space[:0], s.space[nl+1:]...)
			return sedAgain
		case 'e':
			s.command(c)
		case 'F':
			name := s.in.name
			s.out.text(name + "\n")
		case 'g':
			s.space = append(s.space[:0], s.hold...)
			if s.gnu {
				s.ended = !s.holdOpen
			}
		case 'G':
			s.space = append(append(s.space, s.end), s.hold...)
			s.ended = s.ended || !s.gnu || !s.holdOpen
			s.bound(len(s.space), len(s.hold))
		case 'h':
			s.hold = append(s.hold[:0], s.space...)
			s.holdOpen = !s.ended
		case 'H':
			s.hold = append(append(s.hold, s.end), s.space...)
			s.holdOpen = s.holdOpen && !s.ended
			s.bound(len(s.hold), len(s.space))
		case 'x':
			s.space, s.hold = s.hold, s.space
			s.ended, s.holdOpen = !s.gnu || !s.holdOpen, !s.ended
		case 'l':
			if s.gnu {
				s.list(c.n)
			}
		case 'n':
			if s.lastOverall() {
				if s.gnu && s.posix {
					s.quiet = true
				}
				s.lastPrint()
				return sedQuit
			}
			if !s.quiet {
				s.out.line(s.space, s.ended)
			}
			s.flushAppends()
			s.read(false)
		case 'N':
			if s.lastOverall() {
				if s.gnu && s.posix {
					s.quiet = true
				}
				s.lastPrint()
				return sedQuit
			}
			s.flushAppends()
			s.read(true)
		case 'p':
			s.out.line(s.space, s.ended)
		case 'P':
			line := s.space
			ended := s.ended
			if nl := bytes.IndexByte(line, s.end); nl >= 0 {
				line, ended = line[:nl], true
			}
			s.out.line(line, ended || !s.gnu)
		case 'q':
			if c.n > 0 {
				s.exitCode = c.n
			}
			s.ended = s.ended || s.gnu
			s.lastPrint()
			return sedQuit
		case 'Q':
			s.exitCode = max(c.n, 0)
			s.quitting = true
			return sedQuit
		case 'r':
			s.appends = append(s.appends, sedAppend{file: c.text})
		case 'R':
			if s.rlines == nil {
				s.rlines = map[string]*lines{}
			}
			s.appends = append(s.appends, sedAppend{file: c.text, line: true})
		case 's':
			s.substitute(c.subst)
		case 'b':
			i = s.jump(c) - 1
		case 't':
			if s.replaced {
				s.replaced = false
				i = s.jump(c) - 1
			}
		case 'T':
			if !s.replaced {
				i = s.jump(c) - 1
			}
			s.replaced = false
		case 'w':
			c.out.line(s.space, s.ended)
		case 'W':
			line := s.space
			if nl := bytes.IndexByte(line, s.end); nl >= 0 {
				line = line[:nl]
			}
			c.out.line(line, true)
		case 'y':
			for j, ch := range s.space {
				s.space[j] = c.table[ch]
			}
			s.c.Step(len(s.space) / 32)
		case 'z':
			s.space = s.space[:0]
		}
	}
	return sedPrint
}

// bound is charged for bytes that were copied, and ends sed where a space holds more bytes than it may.
func (s *sedder) bound(holds, copied int) {
	s.c.Step(copied / 64)
	if holds > maxLine {
		s.c.Die(4, "memory exhausted")
	}
}

// lastPrint prints the pattern space, and what waits, before sed ends.
func (s *sedder) lastPrint() {
	if !s.quiet {
		s.out.line(s.space, s.ended)
	}
	s.flushAppends()
	s.quitting = true
}

// lastOverall tells whether no line is left to read for n and N.
func (s *sedder) lastOverall() bool {
	if s.separate && s.gnu {
		return !s.fill(false) && len(s.in.files) == 0
	}
	return !s.fill(true)
}

func (s *sedder) jump(c *sedCommand) int {
	if s.gnu {
		return c.target
	}
	if c.target < 0 {
		if c.text == "" {
			c.target = len(s.script.commands)
			return c.target
		}
		for i, l := range s.script.commands {
			if l.name == ':' && l.text == c.text {
				c.target = i
				return i
			}
		}
		s.c.Die(1, "can't find label for jump to '%s'", c.text)
	}
	return c.target
}

func (s *sedder) substitute(sub *sedSubst) {
	re := s.regexp(sub.re).re
	nsub := 0
	for _, p := range sub.parts {
		nsub = max(nsub, p.group)
	}
	var out []byte
	at, count, start := 0, 0, 0
	did := false
	step := stepper(s.c)
	prevEnd := -1
	for start <= len(s.space) {
		loc := re.Match(s.space, start, 0, nsub, step)
		if loc == nil {
			break
		}
		b, e := loc[0], loc[1]
		if b == e && b == prevEnd && (s.gnu || sub.nth == 1 || did) {
			// An empty match just behind the last one is none.
			if b >= len(s.space) {
				break
			}
			start = b + 1
			out = append(out, s.space[at:start]...)
			at = start
			prevEnd = -1
			continue
		}
		count++
		out = append(out, s.space[at:b]...)
		if count < sub.nth {
			out = append(out, s.space[b:e]...)
		} else {
			did = true
			was := len(out)
			out = s.replace(out, sub, loc)
			s.bound(len(out), len(out)-was)
		}
		at = e
		prevEnd = e
		if did && !sub.global {
			break
		}
		start = e
		if b == e {
			if e >= len(s.space) {
				break
			}
			out = append(out, s.space[e])
			at, start = e+1, e+1
			prevEnd = -1
		}
	}
	if !did {
		return
	}
	out = append(out, s.space[at:]...)
	s.bound(len(out), len(out))
	s.space = out
	s.replaced = true
	if sub.eval {
		b, _ := s.shell(string(s.space))
		s.space = append(s.space[:0], bytes.TrimSuffix(b, []byte("\n"))...)
	}
	for range min(sub.print, 2) {
		s.out.line(s.space, s.ended)
	}
	if sub.out != nil {
		sub.out.line(s.space, s.ended)
	}
}

// replace appends the replacement of one match, in the case that \U and the like ask for.
func (s *sedder) replace(out []byte, sub *sedSubst, loc []int) []byte {
	var cased, once byte
	add := func(b []byte) {
		for _, ch := range b {
			up := cased == 'U'
			low := cased == 'L'
			if once != 0 {
				up, low = once == 'u', once == 'l'
				once = 0
			}
			switch {
			case up && ch >= 'a' && ch <= 'z':
				ch -= 32
			case low && ch >= 'A' && ch <= 'Z':
				ch += 32
			}
			out = append(out, ch)
		}
	}
	for i := range sub.parts {
		p := &sub.parts[i]
		if p.cased != 0 {
			cased = p.cased
			once = 0
		}
		if p.once != 0 {
			once = p.once
		}
		add([]byte(p.text))
		if p.group >= 0 && 2*p.group+1 < len(loc) && loc[2*p.group] >= 0 {
			add(s.space[loc[2*p.group]:loc[2*p.group+1]])
		}
	}
	return out
}

// list is the l command.
func (s *sedder) list(n int) {
	width := s.width
	if n >= 0 {
		width = n
	}
	var b strings.Builder
	col := 0
	for _, ch := range s.space {
		var item string
		switch ch {
		case '\\':
			item = `\\`
		case '\a':
			item = `\a`
		case '\b':
			item = `\b`
		case '\f':
			item = `\f`
		case '\n':
			item = `\n`
		case '\r':
			item = `\r`
		case '\t':
			item = `\t`
		case '\v':
			item = `\v`
		default:
			if ch < ' ' || ch > '~' {
				item = fmt.Sprintf(`\%03o`, ch)
			} else {
				item = string(rune(ch))
			}
		}
		if width > 0 && col+len(item) > width-1 {
			b.WriteString("\\\n")
			col = 0
		}
		b.WriteString(item)
		col += len(item)
	}
	s.out.text(b.String() + "$\n")
}

// command is the e command.
func (s *sedder) command(c *sedCommand) {
	if c.text == "" {
		b, _ := s.shell(string(s.space))
		s.space = append(s.space[:0], bytes.TrimSuffix(b, []byte("\n"))...)
		return
	}
	s.out.flush()
	s.c.Out.Flush()
	b, _ := s.shell(c.text)
	s.out.text(string(b))
}

// shell runs a command by sh and gives its output.
func (s *sedder) shell(command string) ([]byte, error) {
	c := s.c
	r, w, err := c.Pipe()
	if err != nil {
		return nil, err
	}
	c.Cloexec(r, true)
	c.Cloexec(w, true)
	pid, err := c.Spawn("/bin/sh", []string{"sh", "-c", command}, c.Env(), &kernel.SpawnOpts{Files: map[int]int{0: 0, 1: w, 2: 2}})
	c.Close(w)
	if err != nil {
		c.Close(r)
		return nil, err
	}
	b, err := readLimited(c.FD(r))
	c.Close(r)
	c.Wait(pid, 0)
	return b, err
}
