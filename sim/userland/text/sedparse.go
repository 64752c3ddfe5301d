package text

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/posixre"
)

// sedParser reads a script as GNU sed does; its positions are what GNU's messages count.
type sedParser struct {
	s      *sedder
	chunk  sedChunk
	text   string
	pos    int
	line   int
	eof    bool // a read past the end happened
	blocks []sedBlock
	labels map[string]int
	// pending is the a, i or c command whose text goes on in the next -e.
	pending *sedCommand
	first   bool
}

type sedBlock struct {
	index int
	chunk sedChunk
	line  int
}

const sedEOF = -1

func (p *sedParser) next() int {
	if p.pos >= len(p.text) {
		p.eof = true
		return sedEOF
	}
	ch := p.text[p.pos]
	p.pos++
	if ch == '\n' {
		p.line++
	}
	return int(ch)
}

func (p *sedParser) back(ch int) {
	if ch == sedEOF {
		return
	}
	p.pos--
	if ch == '\n' {
		p.line--
	}
}

func (p *sedParser) peek() int {
	if p.pos >= len(p.text) {
		return sedEOF
	}
	return int(p.text[p.pos])
}

func isBlank(ch int) bool { return ch == ' ' || ch == '\t' }
func isSpace(ch int) bool { return ch == ' ' || ch >= '\t' && ch <= '\r' }
func isDigit(ch int) bool { return ch >= '0' && ch <= '9' }

// nonblank skips blanks and gives the next character.
func (p *sedParser) nonblank() int {
	for {
		if ch := p.next(); !isBlank(ch) {
			return ch
		}
	}
}

// bad ends the program with GNU's words on where the script is wrong.
func (p *sedParser) bad(format string, args ...any) {
	p.badAt(p.chunk, p.pos, p.line, format, args...)
}

func (p *sedParser) badAt(chunk sedChunk, pos, line int, format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	if chunk.file != "" {
		p.s.c.Die(1, "file %s line %d: %s", chunk.file, line, msg)
	}
	p.s.c.Die(1, "-e expression #%d, char %d: %s", chunk.number, pos, msg)
}

func (s *sedder) parse(chunks []sedChunk) {
	p := &sedParser{s: s, labels: map[string]int{}, first: true}
	for _, ch := range chunks {
		p.chunk, p.text, p.pos, p.line = ch, ch.text, 0, 1
		if p.pending != nil {
			p.finishText(p.pending)
		}
		p.commands()
		p.first = false
	}
	if p.pending != nil {
		if p.pending.text == "" {
			p.chunk = chunks[len(chunks)-1]
			if p.chunk.file == "" && !strings.HasSuffix(p.chunk.text, "\\") {
				p.bad("expected \\ after `a', `c' or `i'")
			}
		}
	}
	if len(p.blocks) > 0 {
		b := p.blocks[0]
		p.badAt(b.chunk, 0, b.line, "unmatched `{'")
	}
	for _, c := range s.script.commands {
		if strings.IndexByte("btT", c.name) < 0 {
			continue
		}
		c.target = len(s.script.commands)
		if c.text != "" {
			t, ok := p.labels[c.text]
			if !ok {
				s.c.Die(4, "can't find label for jump to `%s'", c.text)
			}
			c.target = t
		}
	}
}

func (p *sedParser) commands() {
	for {
		c := &sedCommand{n: -1, target: -1}
		ch := p.next()
		for ch == ';' || isSpace(ch) {
			ch = p.next()
		}
		if ch == sedEOF {
			return
		}
		start := p.pos - 1
		p.back(ch)
		if p.address(&c.a1) {
			if c.a1.kind == addrPlus || c.a1.kind == addrMult {
				p.bad("invalid usage of +N or ~N as first address")
			}
			ch = p.nonblank()
			if ch == ',' {
				if !p.address2(&c.a2) {
					p.next()
					p.bad("unexpected `,'")
				}
				ch = p.nonblank()
			}
			if c.a1.kind == addrLine && c.a1.n == 0 && (c.a2.kind != addrRegexp || p.s.posix) {
				p.bad("invalid usage of line address 0")
			}
		} else {
			ch = p.nonblank()
		}
		if ch == '!' {
			c.not = true
			ch = p.nonblank()
			if ch == '!' {
				p.bad("multiple `!'s")
			}
		}
		if ch == sedEOF {
			p.bad("missing command")
		}
		c.name = byte(ch)
		p.command(c, start)
	}
}

func (p *sedParser) add(c *sedCommand) { p.s.script.commands = append(p.s.script.commands, c) }

func (p *sedParser) command(c *sedCommand, start int) {
	switch c.name {
	case '#':
		if c.a1.kind != addrNone {
			p.bad("comments don't accept any addresses")
		}
		ch := p.next()
		if ch == 'n' && p.first && start == 0 {
			if ch = p.next(); ch == '\n' || ch == sedEOF {
				p.s.script.quiet = true
			}
		}
		for ch != sedEOF && ch != '\n' {
			ch = p.next()
		}
		return
	case '{':
		p.blocks = append(p.blocks, sedBlock{len(p.s.script.commands), p.chunk, p.line})
		p.add(c)
		return
	case '}':
		if len(p.blocks) == 0 {
			p.bad("unexpected `}'")
		}
		if c.a1.kind != addrNone {
			p.bad("} doesn't want any addresses")
		}
		b := p.blocks[len(p.blocks)-1]
		p.blocks = p.blocks[:len(p.blocks)-1]
		p.s.script.commands[b.index].target = len(p.s.script.commands)
		p.endOfCommand()
		return
	case ':':
		if c.a1.kind != addrNone {
			p.bad(": doesn't want any addresses")
		}
		label := p.label(true)
		if label == "" {
			p.bad("\":\" lacks a label")
		}
		p.labels[label] = len(p.s.script.commands)
		return
	case 'b', 't', 'T':
		ch := p.nonblank()
		p.back(ch)
		c.text = p.label(false)
	case 'a', 'i', 'c':
		p.add(c)
		p.readText(c)
		return
	case 'q', 'Q':
		if c.a2.kind != addrNone {
			p.bad("command only uses one address")
		}
		c.n = p.number()
		p.endOfCommand()
	case 'l', 'L':
		c.n = p.number()
		p.endOfCommand()
	case '=', 'd', 'D', 'F', 'g', 'G', 'h', 'H', 'n', 'N', 'p', 'P', 'x', 'z':
		p.endOfCommand()
	case 'e':
		if p.s.sandbox {
			p.bad("e/r/w commands disabled in sandbox mode")
		}
		ch := p.nonblank()
		for ch != sedEOF && ch != '\n' {
			c.text += string(rune(byte(ch)))
			ch = p.next()
		}
	case 'r', 'R', 'w', 'W':
		if p.s.sandbox {
			p.bad("e/r/w commands disabled in sandbox mode")
		}
		c.text = p.filename()
		if c.text == "" {
			p.bad("missing filename in r/R/w/W commands")
		}
		if c.name == 'w' || c.name == 'W' {
			c.out = p.s.output(c.text)
		}
	case 's':
		p.substitute(c)
	case 'y':
		p.transliterate(c)
	case 'v':
		version := p.label(false)
		if newerThan49(version) {
			p.bad("expected newer version of sed")
		}
		return
	default:
		p.bad("unknown command: `%s'", string([]byte{c.name}))
	}
	p.add(c)
}

func newerThan49(v string) bool {
	major, minor, _ := strings.Cut(v, ".")
	a, _ := strconv.Atoi(major)
	b, _ := strconv.Atoi(strings.SplitN(minor, ".", 2)[0])
	return a > 4 || a == 4 && b > 9
}

// endOfCommand reads what may end a command.
func (p *sedParser) endOfCommand() {
	switch ch := p.nonblank(); ch {
	case '#', '}':
		p.back(ch)
	case sedEOF, '\n', ';', '\r':
	default:
		p.bad("extra characters after command")
	}
}

func (p *sedParser) number() int {
	ch := p.nonblank()
	if !isDigit(ch) {
		p.back(ch)
		return -1
	}
	n := 0
	for isDigit(ch) {
		n = min(n*10+ch-'0', 1<<30)
		ch = p.next()
	}
	p.back(ch)
	return n
}

// label reads a label. That of ":" may hold semicolons, as long as no blank comes first.
func (p *sedParser) label(colon bool) string {
	ch := p.nonblank()
	b := []byte{}
	for ch != sedEOF && !isSpace(ch) && ch != ';' && (colon || ch != '}') {
		b = append(b, byte(ch))
		ch = p.next()
	}
	if ch == '}' {
		p.back(ch)
	}
	if colon && isBlank(ch) {
		ch = p.nonblank()
		if ch != ';' && ch != '\n' {
			p.back(ch)
			// What follows a label on its line is not looked at.
			for ch = p.next(); ch != sedEOF && ch != '\n' && ch != ';'; ch = p.next() {
			}
		}
	}
	return string(b)
}

func (p *sedParser) filename() string {
	ch := p.nonblank()
	var b []byte
	for ch != sedEOF && ch != '\n' {
		b = append(b, byte(ch))
		ch = p.next()
	}
	return string(b)
}

// address reads an address if there is one.
func (p *sedParser) address(a *sedAddress) bool {
	ch := p.nonblank()
	switch {
	case ch == '/' || ch == '\\':
		if ch == '\\' {
			ch = p.next()
		}
		pattern, ok := p.matchSlash(byte(ch), true)
		if !ok {
			p.bad("unterminated address regex")
		}
		var flags posixre.Flags
		for {
			ch = p.nonblank()
			switch {
			case ch == 'I' && !p.s.posix:
				flags |= posixre.IgnoreCase
				continue
			case ch == 'M' && !p.s.posix:
				flags |= posixre.Newline
				continue
			}
			break
		}
		p.back(ch)
		a.kind = addrRegexp
		a.re = p.regexp(pattern, flags)
	case isDigit(ch):
		p.back(ch)
		a.kind, a.n = addrLine, p.number()
		ch = p.nonblank()
		if ch != '~' || p.s.posix {
			p.back(ch)
			return true
		}
		if a.m = max(p.number(), 0); a.m > 0 {
			a.kind = addrStep
		}
	case ch == '+' && !p.s.posix:
		a.kind, a.n = addrPlus, max(p.number(), 0)
	case ch == '~' && !p.s.posix:
		a.kind, a.n = addrMult, max(p.number(), 0)
	case ch == '$':
		a.kind = addrLast
	default:
		p.back(ch)
		return false
	}
	return true
}

// address2 reads the address behind a comma; "+" and "~" need their number.
func (p *sedParser) address2(a *sedAddress) bool {
	for isBlank(p.peek()) {
		p.next()
	}
	return p.address(a)
}

// regexp compiles a pattern; an empty one is the last used.
func (p *sedParser) regexp(pattern string, flags posixre.Flags) *sedRegexp {
	if pattern == "" {
		if flags != 0 {
			p.bad("no previous regular expression")
		}
		return nil
	}
	re, err := p.s.compile(sedEscapes(pattern, true), flags)
	if err != nil {
		p.bad("%v", err)
	}
	return re
}

// matchSlash reads up to an unescaped delimiter. In a regular expression "\n" becomes a newline and
// an escaped delimiter loses its backslash.
func (p *sedParser) matchSlash(delim byte, regex bool) (string, bool) {
	var b []byte
	bracket := -1 // where the brackets begin that this character is in
	for {
		ch := p.next()
		switch {
		case ch == sedEOF:
			return "", false
		case bracket >= 0:
			in := b[bracket:]
			if ch == ']' && len(in) > 1 && string(in) != "[^" && !openClass(in) {
				bracket = -1
			}
			if ch == '\\' && p.peek() == 'n' {
				p.next()
				ch = '\n'
			}
		case ch == '[' && regex && delim != '[':
			bracket = len(b)
		case ch == '\n' && regex:
			return "", false
		case byte(ch) == delim:
			return string(b), true
		case ch == '\\':
			ch = p.next()
			switch {
			case ch == sedEOF:
				return "", false
			case byte(ch) == delim:
			case ch == 'n' && regex:
				ch = '\n'
			case ch != '\n' || !regex:
				b = append(b, '\\')
			}
		}
		b = append(b, byte(ch))
	}
}

// openClass tells whether a bracket expression is inside a "[:", "[." or "[=".
func openClass(in []byte) bool {
	for i := 1; i+1 < len(in); i++ {
		if in[i] == '[' && bytes.IndexByte([]byte(":.="), in[i+1]) >= 0 {
			end := bytes.Index(in[i+2:], []byte{in[i+1], ']'})
			if end < 0 {
				return true
			}
			i += end + 3
		}
	}
	return false
}

func (p *sedParser) substitute(c *sedCommand) {
	delim := p.next()
	if delim == '\n' || delim == sedEOF {
		p.bad("unterminated `s' command")
	}
	pattern, ok := p.matchSlash(byte(delim), true)
	if !ok {
		p.bad("unterminated `s' command")
	}
	repl, ok := p.matchSlash(byte(delim), false)
	if !ok {
		p.bad("unterminated `s' command")
	}
	sub := &sedSubst{nth: 1}
	c.subst = sub
	var flags posixre.Flags
	sawNumber := false
flags:
	for {
		ch := p.next()
		switch {
		case ch == 'i' || ch == 'I':
			flags |= posixre.IgnoreCase
		case ch == 'm' || ch == 'M':
			flags |= posixre.Newline
		case ch == 'e':
			if p.s.sandbox {
				p.bad("e/r/w commands disabled in sandbox mode")
			}
			sub.eval = true
		case ch == 'p':
			if sub.print > 0 {
				p.bad("multiple `p' options to `s' command")
			}
			sub.print = 1
		case ch == 'g':
			if sub.global {
				p.bad("multiple `g' options to `s' command")
			}
			sub.global = true
		case isDigit(ch):
			if sawNumber {
				p.bad("multiple number options to `s' command")
			}
			sawNumber = true
			p.back(ch)
			sub.nth = p.number()
			if sub.nth == 0 {
				p.bad("number option to `s' command may not be zero")
			}
		case ch == 'w':
			if p.s.sandbox {
				p.bad("e/r/w commands disabled in sandbox mode")
			}
			name := p.filename()
			if name == "" {
				p.bad("missing filename in r/R/w/W commands")
			}
			sub.out = p.s.output(name)
			break flags
		case ch == '}' || ch == '#':
			p.back(ch)
			break flags
		case ch == '\n' || ch == ';' || ch == sedEOF:
			break flags
		case ch == '\r' && p.peek() == '\n':
			p.next()
			break flags
		case isBlank(ch):
		default:
			p.bad("unknown option to `s'")
		}
	}
	sub.re = p.regexp(pattern, flags)
	highest := 0
	sub.parts, highest = sedReplacement(repl)
	if sub.re != nil && highest > sub.re.re.Groups() {
		p.bad("invalid reference \\%d on `s' command's RHS", highest)
	}
}

// sedReplacement cuts the right side of an s command into parts.
func sedReplacement(repl string) (parts []sedPart, highest int) {
	part := sedPart{group: -1}
	flush := func(group int) {
		part.group = group
		parts = append(parts, part)
		part = sedPart{group: -1}
	}
	for i := 0; i < len(repl); i++ {
		ch := repl[i]
		switch {
		case ch == '&':
			flush(0)
		case ch == '\\' && i+1 < len(repl):
			i++
			switch ch = repl[i]; {
			case isDigit(int(ch)):
				highest = max(highest, int(ch-'0'))
				flush(int(ch - '0'))
			case strings.IndexByte("LUElu", ch) >= 0:
				if part.text != "" || part.cased != 0 && strings.IndexByte("LUE", ch) >= 0 || part.once != 0 {
					flush(-1)
				}
				if ch == 'l' || ch == 'u' {
					part.once = ch
				} else {
					part.cased = ch
				}
			default:
				if s, n := sedEscape(repl[i-1:]); n > 0 {
					part.text += s
					i += n - 2
				} else {
					part.text += string([]byte{ch})
				}
			}
		default:
			part.text += string([]byte{ch})
		}
	}
	if part.text != "" || part.cased != 0 || part.once != 0 {
		flush(-1)
	}
	return parts, highest
}

// sedEscape reads one of GNU's escapes at the beginning of s; n is 0 if it is none.
func sedEscape(s string) (out string, n int) {
	if len(s) < 2 {
		return "", 0
	}
	number := func(base, digits, from int) (string, int) {
		v, i := 0, from
		for ; i < len(s) && i < from+digits; i++ {
			d, err := strconv.ParseUint(s[i:i+1], base, 8)
			if err != nil {
				break
			}
			v = v*base + int(d)
		}
		if i == from {
			return "", 0
		}
		return string([]byte{byte(v)}), i
	}
	switch s[1] {
	case 'a':
		return "\a", 2
	case 'f':
		return "\f", 2
	case 'n':
		return "\n", 2
	case 'r':
		return "\r", 2
	case 't':
		return "\t", 2
	case 'v':
		return "\v", 2
	case 'c':
		if len(s) > 2 {
			ch := s[2]
			if ch >= 'a' && ch <= 'z' {
				ch -= 32
			}
			return string([]byte{ch ^ 0x40}), 3
		}
	case 'd':
		return number(10, 3, 2)
	case 'o':
		return number(8, 3, 2)
	case 'x':
		return number(16, 2, 2)
	}
	return "", 0
}

// sedEscapes converts the escapes in a pattern; a character that would be special is kept from
// that by a backslash.
func sedEscapes(pattern string, regex bool) string {
	if !strings.Contains(pattern, "\\") {
		return pattern
	}
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '\\' || i+1 == len(pattern) {
			b.WriteByte(pattern[i])
			continue
		}
		if out, n := sedEscape(pattern[i:]); n > 0 {
			if strings.IndexByte("xdo", pattern[i+1]) >= 0 && strings.IndexByte("^$*.[]\\/+?{}()|&", out[0]) >= 0 {
				b.WriteByte('\\')
			}
			b.WriteString(out)
			i += n - 1
			continue
		}
		b.WriteString(pattern[i : i+2])
		i++
	}
	return b.String()
}

func (p *sedParser) transliterate(c *sedCommand) {
	delim := p.next()
	if delim == sedEOF {
		p.bad("unterminated `y' command")
	}
	from, ok := p.matchSlash(byte(delim), false)
	if !ok {
		p.bad("unterminated `y' command")
	}
	to, ok := p.matchSlash(byte(delim), false)
	if !ok {
		p.bad("unterminated `y' command")
	}
	unescape := func(s string) []byte {
		var b []byte
		for i := 0; i < len(s); i++ {
			if s[i] != '\\' || i+1 == len(s) {
				b = append(b, s[i])
				continue
			}
			if out, n := sedEscape(s[i:]); n > 0 {
				b = append(b, out...)
				i += n - 1
				continue
			}
			if s[i+1] == '\\' || s[i+1] == '\n' || s[i+1] == byte(delim) {
				i++
				b = append(b, s[i])
				continue
			}
			i++
			b = append(b, s[i])
		}
		return b
	}
	a, z := unescape(from), unescape(to)
	if len(a) != len(z) {
		p.bad("strings for `y' command are different lengths")
	}
	c.table = sedTable(a, z)
	p.endOfCommand()
}

func sedTable(from, to []byte) *[256]byte {
	var t [256]byte
	for i := range t {
		t[i] = byte(i)
	}
	for i, ch := range from {
		if bytes.IndexByte(from[:i], ch) < 0 {
			t[ch] = to[i]
		}
	}
	return &t
}

// readText reads the text of a, i or c.
func (p *sedParser) readText(c *sedCommand) {
	ch := p.nonblank()
	if ch == sedEOF {
		p.bad("expected \\ after `a', `c' or `i'")
	}
	if ch == '\\' {
		ch = p.next()
		if ch == sedEOF {
			p.pending = c
			return
		}
		if isBlank(ch) {
			// "a\ text": blanks before a newline are dropped, before text kept.
			at := p.pos
			if ch2 := p.nonblank(); ch2 == '\n' {
				ch = '\n'
			} else {
				p.pos = at
			}
		}
		if ch != '\n' {
			p.back(ch)
			if ch == '\\' || !isBlank(ch) {
				// "a\text": the backslash is no part of it, nor an escape of what follows.
				p.oneLine(c, true)
				return
			}
			p.oneLine(c, false)
			return
		}
		p.finishText(c)
		return
	}
	if ch == '\n' {
		p.bad("expected \\ after `a', `c' or `i'")
	}
	p.back(ch)
	p.oneLine(c, false)
}

func (p *sedParser) oneLine(c *sedCommand, plainFirst bool) {
	if plainFirst {
		ch := p.next()
		if ch == '\\' {
			ch = p.next()
		}
		c.text = string([]byte{byte(ch)})
	}
	p.finishText(c)
}

// finishText reads text up to a newline without a backslash before it.
func (p *sedParser) finishText(c *sedCommand) {
	p.pending = nil
	b := []byte(c.text)
	for {
		ch := p.next()
		switch ch {
		case sedEOF, '\n':
			c.text = string(b) + "\n"
			if ch == sedEOF && len(b) == 0 {
				c.text = ""
			}
			return
		case '\\':
			rest := p.text[p.pos-1:]
			if out, n := sedEscape(rest); n > 0 {
				b = append(b, out...)
				p.pos += n - 1
				continue
			}
			if ch = p.next(); ch == sedEOF {
				if len(b) > 0 {
					c.text = string(b) + "\n"
				}
				return
			}
		}
		b = append(b, byte(ch))
	}
}
