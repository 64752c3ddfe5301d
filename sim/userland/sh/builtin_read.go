package sh

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// readOptions are those of read.
type readOptions struct {
	raw, silent, exact, edit bool
	prompt, array            string
	delim                    byte
	count                    int // -1: no limit
	timeout                  time.Duration
	timed                    bool
	fd                       int
}

func (s *shell) read(args []string) int {
	o := readOptions{delim: '\n', count: -1}
	allowed := s.choose("rsp:n:t:u:d:", "rp:", "ersi:p:n:N:t:u:d:a:")
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		for i := 1; i < len(a); i++ {
			c := a[i]
			at := strings.IndexByte(allowed, c)
			if at < 0 || c == ':' {
				if s.d == Bash {
					s.errorf("-%c: invalid option", c)
					s.usage("read [-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt] [-t timeout] [-u fd] [name ...]")
					return 2
				}
				s.errorf(s.choose("illegal option -%c", "Illegal option -%c", ""), c)
				return 2
			}
			value := ""
			if at+1 < len(allowed) && allowed[at+1] == ':' {
				value = a[i+1:]
				if value == "" {
					if len(args) == 0 {
						s.errorf(s.choose("no arg for -%c option", "No arg for -%c option", "-%c: option requires an argument"), c)
						if s.d == Bash {
							s.usage("read [-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt] [-t timeout] [-u fd] [name ...]")
						}
						return 2
					}
					value, args = args[0], args[1:]
				}
				i = len(a)
			}
			switch c {
			case 'r':
				o.raw = true
			case 's':
				o.silent = true
			case 'e':
				o.edit = true
			case 'p':
				o.prompt = value
			case 'a':
				if o.array = value; !grammar.IsName(value) {
					s.errorf("`%s': not a valid identifier", value)
					return 1
				}
			case 'd':
				o.delim = 0
				if value != "" {
					o.delim = value[0]
				}
			case 'n', 'N':
				n, err := strconv.Atoi(value)
				if err != nil || n < 0 {
					s.errorf(s.choose("invalid count", "", "%s: invalid number"), value)
					return s.choose2(1, 2, 1)
				}
				o.count, o.exact = n, c == 'N'
			case 't':
				f, err := strconv.ParseFloat(value, 64)
				if err != nil || f < 0 {
					if s.d == Bash {
						s.errorf("%s: invalid timeout specification", value)
					} else {
						s.errorf("invalid timeout")
					}
					return 1
				}
				o.timed, o.timeout = true, time.Duration(f*float64(time.Second))
			case 'u':
				n, err := strconv.Atoi(value)
				if err != nil || n < 0 {
					s.errorf(s.choose("invalid file descriptor", "", "%s: invalid file descriptor specification"), value)
					return 1
				}
				o.fd = n
			}
		}
	}
	if len(args) == 0 && s.d == Dash {
		s.errorf("arg count")
		return 2
	}
	for _, name := range args {
		if !grammar.IsName(name) {
			if base, _, ok := splitIndex(name); ok && s.d == Bash && grammar.IsName(base) {
				continue
			}
			switch s.d {
			case Bash:
				s.errorf("`%s': not a valid identifier", name)
				return 1
			case Dash:
				s.errorf("%s: bad variable name", name)
				return 2
			}
			fmt.Fprintf(s.p.Writer(2), "%s: read: '%s': bad variable name\n", s.arg0, name)
			return 1
		}
	}
	tty := s.p.Isatty(o.fd)
	if o.prompt != "" && (tty || s.d != Bash) {
		if s.d == Bash || tty || s.d == Ash && s.p.Isatty(o.fd) {
			io.WriteString(s.p.Writer(2), o.prompt)
		}
	}
	line, quoted, status := s.readInput(o, tty)
	if status > 128 && !(s.d == Bash && o.timed) {
		return status
	}
	if status == -1 {
		return 1
	}
	s.assignRead(args, line, quoted, o)
	if s.status == -2 {
		return 1
	}
	return status
}

// readInput reads up to the delimiter. quoted marks the bytes that a backslash made ordinary.
func (s *shell) readInput(o readOptions, tty bool) (line []byte, quoted []bool, status int) {
	if tty && (o.silent || o.count >= 0) {
		if old, err := s.p.Tcgetattr(o.fd); err == nil {
			m := old
			if o.silent {
				m.Echo = false
			}
			if o.count >= 0 {
				m.Canon = false
				m.Min, m.Time = 1, 0
			}
			s.p.Tcsetattr(o.fd, m)
			defer s.p.Tcsetattr(o.fd, old)
		}
	}
	if o.timed && o.timeout == 0 && s.d == Bash {
		n, _ := s.p.Poll([]kernel.PollFd{{Fd: o.fd, Events: kernel.POLLIN}}, 0)
		if n > 0 {
			return nil, nil, 0
		}
		return nil, nil, -1
	}
	deadline := s.p.Now().Add(o.timeout)
	var b [1]byte
	escaped := false
	chars := 0
	for {
		if o.count >= 0 && chars >= o.count {
			return line, quoted, 0
		}
		if o.timed {
			left := deadline.Sub(s.p.Now())
			n, err := s.p.Poll([]kernel.PollFd{{Fd: o.fd, Events: kernel.POLLIN}}, max(left, 0))
			if err == nil && n == 0 {
				if s.d == Bash {
					return line, quoted, 142
				}
				return line, quoted, 1
			}
		}
		n, err := s.p.Read(o.fd, b[:])
		if err == linux.EINTR {
			if code, hit := s.interruptedBy(); hit {
				if s.interactive && code == 130 {
					panic(discard{130})
				}
				s.runPendingTraps()
				if s.d != Bash {
					return line, quoted, code
				}
			}
			continue
		}
		if err != nil {
			if s.d == Bash {
				s.errorf("%d: invalid file descriptor: %s", o.fd, errnoText(err))
			} else if s.d == Ash {
				s.errorf("read error: %s", errnoText(err))
			}
			return nil, nil, -1
		}
		if n == 0 {
			return line, quoted, 1
		}
		c := b[0]
		if c == 0 && o.delim != 0 {
			continue
		}
		if escaped {
			escaped = false
			if c == '\n' {
				continue
			}
			line, quoted = append(line, c), append(quoted, true)
			chars++
			continue
		}
		if c == '\\' && !o.raw {
			escaped = true
			continue
		}
		if c == o.delim && !o.exact {
			return line, quoted, 0
		}
		line, quoted = append(line, c), append(quoted, false)
		if !s.utf8() || utf8.FullRune(line[max(0, len(line)-4):]) {
			chars++
		}
		if len(line) > maxText {
			return line, quoted, 0
		}
	}
}

// assignRead divides the line among the names.
func (s *shell) assignRead(names []string, line []byte, quoted []bool, o readOptions) {
	if o.array != "" {
		fields := s.splitRead(line, quoted, -1)
		if v := s.vars[s.ref(o.array)]; v != nil && v.readonly {
			s.readonlyError(o.array)
			s.status = -2
			return
		}
		v := s.own(s.ref(o.array))
		v.kind, v.value, v.array, v.present, v.set = indexed, "", nil, nil, true
		for i, f := range fields {
			s.setIndexed(v, i, f, false)
		}
		return
	}
	set := func(name, value string) bool {
		if base, ix, ok := splitIndex(name); ok {
			return s.assignElement(base, ix, value, false)
		}
		return s.assign(name, value)
	}
	s.status = 0
	if len(names) == 0 {
		text := string(line)
		if s.d == Ash {
			// ash splits for REPLY as for any other name, bash does not
			text = string(line)
		}
		set("REPLY", text)
		return
	}
	if o.exact {
		for i, n := range names {
			v := ""
			if i == 0 {
				v = string(line)
			}
			set(n, v)
		}
		return
	}
	fields := s.splitRead(line, quoted, len(names))
	for i, n := range names {
		v := ""
		if i < len(fields) {
			v = fields[i]
		}
		if !set(n, v) {
			s.status = -2
			return
		}
	}
}

// splitRead splits by IFS into at most n fields, the last of which has the rest; n < 0 is no bound.
func (s *shell) splitRead(line []byte, quoted []bool, n int) []string {
	ifs := " \t\n"
	if v := s.vars["IFS"]; v != nil && v.set {
		ifs = v.value
	}
	is := func(i int) bool { return !quoted[i] && strings.IndexByte(ifs, line[i]) >= 0 }
	ws := func(i int) bool { return is(i) && (line[i] == ' ' || line[i] == '\t' || line[i] == '\n') }
	i, end := 0, len(line)
	for i < end && ws(i) {
		i++
	}
	var out []string
	for i < end {
		if n >= 0 && len(out) == n-1 {
			// the rest, without the white space at its end
			for end > i && ws(end-1) {
				end--
			}
			rest := end
			// one delimiter at the very end belongs to a last field that is alone
			if rest > i && is(rest-1) && !ws(rest-1) {
				alone := true
				for k := i; k < rest-1; k++ {
					if is(k) {
						alone = false
						break
					}
				}
				if alone {
					rest--
				}
			}
			return append(out, string(line[i:rest]))
		}
		from := i
		for i < end && !is(i) {
			i++
		}
		out = append(out, string(line[from:i]))
		for i < end && ws(i) {
			i++
		}
		if i < end && is(i) {
			i++
			for i < end && ws(i) {
				i++
			}
		}
	}
	return out
}

// mapfile is bash's mapfile.
func (s *shell) mapfile(args []string) int {
	delim, count, origin, skip, trim, fd := byte('\n'), 0, 0, 0, false, 0
	keep := false
	callback, quantum := "", 5000
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		for i := 1; i < len(a); i++ {
			c := a[i]
			if c == 't' {
				trim = true
				continue
			}
			if strings.IndexByte("dnOsucC", c) < 0 {
				s.errorf("-%c: invalid option", c)
				s.usage(s.command + " [-d delim] [-n count] [-O origin] [-s count] [-t] [-u fd] [-C callback] [-c quantum] [array]")
				return 2
			}
			value := a[i+1:]
			if value == "" {
				if len(args) == 0 {
					s.errorf("-%c: option requires an argument", c)
					return 2
				}
				value, args = args[0], args[1:]
			}
			n, err := strconv.Atoi(value)
			if err != nil && c != 'd' && c != 'C' {
				s.errorf("%s: invalid number", value)
				return 1
			}
			switch c {
			case 'd':
				delim = 0
				if value != "" {
					delim = value[0]
				}
			case 'n':
				count = n
			case 'O':
				origin, keep = n, true
			case 's':
				skip = n
			case 'u':
				fd = n
			case 'c':
				quantum = n
			case 'C':
				callback = value
			}
			break
		}
	}
	if _, err := s.p.Fstat(fd); err != nil {
		s.errorf("%d: invalid file descriptor: %s", fd, errnoText(err))
		return 1
	}
	name := "MAPFILE"
	if len(args) > 0 {
		name = args[0]
	}
	if !grammar.IsName(name) {
		s.errorf("`%s': not a valid identifier", name)
		return 1
	}
	name = s.ref(name)
	if v := s.vars[name]; v != nil && v.readonly {
		s.readonlyError(name)
		return 1
	}
	v := s.own(name)
	if !keep {
		*v = variable{gen: s.gen, exported: v.exported}
	}
	v.kind, v.set = indexed, true
	var cur []byte
	buf := make([]byte, 1)
	seekable := false
	if _, err := s.p.Lseek(fd, 0, linux.SEEK_CUR); err == nil || count == 0 {
		buf, seekable = make([]byte, 4096), true
	}
	_ = seekable
	i, seen := origin, 0
	add := func(line []byte) bool {
		if seen++; seen <= skip {
			return true
		}
		text := string(line)
		if trim && len(text) > 0 && text[len(text)-1] == delim {
			text = text[:len(text)-1]
		}
		if callback != "" && quantum > 0 && (seen-skip)%quantum == 0 {
			s.runText(callback+" "+strconv.Itoa(i)+" "+s.quoteAlways(text), s.line, "")
		}
		s.setIndexed(v, i, text, false)
		i++
		return count == 0 || i-origin < count
	}
	for {
		n, err := s.p.Read(fd, buf)
		if err == linux.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			break
		}
		data := buf[:n]
		for len(data) > 0 {
			at := slices.Index(data, delim)
			if at < 0 {
				cur = append(cur, data...)
				break
			}
			cur = append(cur, data[:at+1]...)
			data = data[at+1:]
			more := add(cur)
			cur = cur[:0]
			if !more {
				if len(data) > 0 {
					s.p.Lseek(fd, -int64(len(data)), linux.SEEK_CUR)
				}
				return 0
			}
		}
		if len(cur) > maxText {
			break
		}
	}
	if len(cur) > 0 {
		add(cur)
	}
	return 0
}
