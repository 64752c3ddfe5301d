package text

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

func tee(c *prog.Ctx) int {
	flags := linux.O_WRONLY | linux.O_CREAT | linux.O_TRUNC
	mode := ""
	short, long := "aip", []prog.Long{{Name: "append", Val: 'a'}, {Name: "ignore-interrupts", Val: 'i'}, {Name: "output-error", Arg: prog.OptArg, Val: 'p'}}
	if !c.GNU() {
		short, long = "ia", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'a':
			flags = linux.O_WRONLY | linux.O_CREAT | linux.O_APPEND
		case 'i':
			c.Signal(linux.SIGINT, kernel.Ignore)
		case 'p':
			mode = "warn-nopipe"
			if o.Arg != "" {
				mode = c.Choose("--output-error", o.Arg, "warn", "warn-nopipe", "exit", "exit-nopipe")
			}
		}
	}
	if mode != "" {
		c.Signal(linux.SIGPIPE, kernel.Ignore)
	}
	type out struct {
		name string
		w    io.Writer
	}
	outs := []out{{"standard output", c.Writer(1)}}
	for _, name := range c.Args {
		if name == "-" && !c.GNU() {
			outs = append(outs, out{"-", c.Writer(1)})
			continue
		}
		f, err := c.OpenFile(name, flags, 0o666)
		if err != nil {
			if c.GNU() {
				readFailed(c, name, err)
			} else {
				c.Fail("%s: %v", name, err)
			}
			continue
		}
		outs = append(outs, out{name, f})
	}
	buf := make([]byte, 8192)
	for {
		n, err := c.In.Read(buf)
		for i := 0; i < len(outs); i++ {
			if n == 0 {
				break
			}
			if _, err := outs[i].w.Write(buf[:n]); err != nil {
				if !(errors.Is(err, linux.EPIPE) && strings.HasSuffix(mode, "nopipe")) {
					name := outs[i].name
					if i == 0 && c.GNU() {
						c.Fail("'standard output': %v", err)
					} else {
						c.Fail("%s: %v", name, err)
					}
					if strings.HasPrefix(mode, "exit") {
						return 1
					}
				}
				outs = slices.Delete(outs, i, i+1)
				i--
			}
		}
		if err != nil || len(outs) == 0 {
			if err != nil && err != io.EOF {
				c.Fail("read error: %v", err)
			}
			return c.Status
		}
	}
}

const (
	splitAdditional = prog.LongOnly + iota
	splitNumeric
	splitHex
	splitFilter
	splitVerbose
)

// chunkNumber reads a number of -n, which ends the program outside 1 to most.
func chunkNumber(c *prog.Ctx, what, s string, most int) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		c.Die(1, "invalid %s: '%s'", what, s)
	}
	if n < 1 || n > most {
		c.Die(1, "invalid %s: '%s': %v", what, s, linux.ERANGE)
	}
	return n
}

// split is GNU's split; Busybox's knows -b, -l and -a.
func split(c *prog.Ctx) int {
	kind, size := byte('l'), int64(1000)
	suffixLen, alphabet := 0, "abcdefghijklmnopqrstuvwxyz"
	additional, filter, verbose, elide, sep := "", "", false, false, byte('\n')
	start := 0
	chunk, chunks, lineChunks, round := 0, 0, false, false
	short, long := "0123456789C:a:b:del:n:t:ux", []prog.Long{{Name: "bytes", Arg: prog.ReqArg, Val: 'b'}, {Name: "lines", Arg: prog.ReqArg, Val: 'l'},
		{Name: "line-bytes", Arg: prog.ReqArg, Val: 'C'}, {Name: "number", Arg: prog.ReqArg, Val: 'n'}, {Name: "elide-empty-files", Val: 'e'}, {Name: "unbuffered", Val: 'u'},
		{Name: "suffix-length", Arg: prog.ReqArg, Val: 'a'}, {Name: "additional-suffix", Arg: prog.ReqArg, Val: splitAdditional}, {Name: "numeric-suffixes", Arg: prog.OptArg, Val: splitNumeric},
		{Name: "hex-suffixes", Arg: prog.OptArg, Val: splitHex}, {Name: "filter", Arg: prog.ReqArg, Val: splitFilter}, {Name: "verbose", Val: splitVerbose}, {Name: "separator", Arg: prog.ReqArg, Val: 't'}}
	if !c.GNU() {
		short, long = "l:b:a:", nil
	}
	suffixes := gnuSuffix
	if !c.GNU() {
		suffixes = busyboxSuffix
	}
	number := func(s, what string) int64 {
		n, ok := suffixed(s, suffixes)
		if !ok || n < 1 {
			if c.GNU() {
				if ok {
					c.Die(1, "invalid number of %s: '%s': %v", what, s, linux.ERANGE)
				}
				c.Die(1, "invalid number of %s: '%s'", what, s)
			}
			if ok {
				c.Die(1, "number %s is not in 1..2147483647 range", s)
			}
			c.Die(1, "invalid number '%s'", s)
		}
		return n
	}
	kindSet := false
	setKind := func(k byte) {
		if kindSet && c.GNU() {
			c.Warn("cannot split in more than one way")
			c.Usage()
		}
		kind, kindSet = k, true
	}
	digits := ""
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'b':
			setKind('b')
			size = number(o.Arg, "bytes")
		case 'l':
			setKind('l')
			size = number(o.Arg, "lines")
		case 'C':
			setKind('C')
			size = number(o.Arg, "bytes")
		case 'n':
			setKind('n')
			spec := o.Arg
			if t, ok := strings.CutPrefix(spec, "r/"); ok {
				round, spec = true, t
			} else if t, ok := strings.CutPrefix(spec, "l/"); ok {
				lineChunks, spec = true, t
			}
			if k, n, ok := strings.Cut(spec, "/"); ok {
				chunk, spec = chunkNumber(c, "chunk number", k, 1<<31), n
			}
			chunks = chunkNumber(c, "number of chunks", spec, 1<<31)
			if chunk > chunks {
				chunkNumber(c, "chunk number", strconv.Itoa(chunk), chunks)
			}
		case 'a':
			v, err := strconv.Atoi(o.Arg)
			if err != nil || v < 0 {
				if c.GNU() {
					c.Die(1, "invalid suffix length: '%s'", o.Arg)
				}
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			suffixLen = v
		case 'd', splitNumeric, 'x', splitHex:
			alphabet = "0123456789"
			if o.Val == 'x' || o.Val == splitHex {
				alphabet = "0123456789abcdef"
			}
			if o.Arg != "" {
				v, err := strconv.ParseInt(o.Arg, len(alphabet), 32)
				if err != nil {
					c.Warn("%s: invalid start value for %s suffix", o.Arg, map[bool]string{true: "numerical", false: "hexadecimal"}[len(alphabet) == 10])
					c.Usage()
				}
				start = int(v)
			}
		case 'e':
			elide = true
		case 't':
			if o.Arg == "\\0" {
				sep = 0
			} else if len(o.Arg) != 1 {
				c.Die(1, "multi-character separator %s", c.Quote(o.Arg))
			} else {
				sep = o.Arg[0]
			}
		case 'u':
		case splitAdditional:
			if strings.Contains(o.Arg, "/") {
				c.Warn("invalid suffix '%s', contains directory separator", o.Arg)
				c.Usage()
			}
			additional = o.Arg
		case splitFilter:
			filter = o.Arg
		case splitVerbose:
			verbose = true
		default:
			digits += string(rune(o.Val))
			kind, size = 'l', number(digits, "lines")
		}
	}
	c.AtMost(2)
	name, prefix := "-", "x"
	if len(c.Args) > 0 {
		name = c.Args[0]
	}
	if len(c.Args) > 1 {
		prefix = c.Args[1]
	}
	grow := suffixLen == 0
	if grow {
		suffixLen = 2
		if chunks > 0 {
			for n, k := chunks-1, len(alphabet); n >= k*k; k *= len(alphabet) {
				suffixLen++
			}
		}
		grow = c.GNU() && chunks == 0 && start == 0
	}
	f, err := input(c, name)
	if err != nil {
		if c.GNU() {
			c.Die(1, "cannot open %s for reading: %v", c.QuoteFile(name), err)
		}
		c.Die(1, "%s: %v", name, err)
	}
	defer f.Close()
	s := &splitter{c: c, prefix: prefix, alphabet: alphabet, width: suffixLen, grow: grow, index: start, additional: additional, filter: filter, verbose: verbose}
	switch kind {
	case 'l':
		in := newLines(c, f, sep)
		for n := int64(0); ; n++ {
			line, err := in.next()
			if err != nil {
				break
			}
			if n%size == 0 {
				s.next()
			}
			s.write(line)
		}
	case 'b':
		buf := make([]byte, 8192)
		left := int64(0)
		for {
			n, err := f.Read(buf)
			b := buf[:n]
			for len(b) > 0 {
				if left == 0 {
					s.next()
					left = size
				}
				k := min(left, int64(len(b)))
				s.write(b[:k])
				b, left = b[k:], left-k
			}
			if err != nil {
				break
			}
		}
	case 'C':
		in := newLines(c, f, sep)
		left := int64(0)
		for {
			line, err := in.next()
			if err != nil {
				break
			}
			if int64(len(line)) > left && left < size || left == 0 {
				s.next()
				left = size
			}
			for int64(len(line)) > left {
				s.write(line[:left])
				line = line[left:]
				s.next()
				left = size
			}
			s.write(line)
			left -= int64(len(line))
		}
	case 'n':
		b, err := readLimited(f)
		if err != nil {
			c.Die(1, "%s: %v", name, err)
		}
		parts := make([][]byte, chunks)
		switch {
		case round:
			for i, line := range strings.SplitAfter(string(b), string([]byte{sep})) {
				parts[i%chunks] = append(parts[i%chunks], line...)
			}
		default:
			each := max(len(b)/chunks, 1)
			at := 0
			for i := range parts {
				end := min((i+1)*each, len(b))
				if i == chunks-1 {
					end = len(b)
				}
				if lineChunks && end < len(b) {
					for end = max(end, at); end > at && end < len(b) && b[end-1] != sep; end++ {
					}
				}
				parts[i] = b[at:max(at, end)]
				at = max(at, end)
			}
		}
		if chunk > 0 {
			c.Out.Write(parts[chunk-1])
			return c.Status
		}
		for _, part := range parts {
			if elide && len(part) == 0 {
				continue
			}
			s.next()
			s.write(part)
		}
	}
	s.close()
	return c.Status
}

// splitter writes the pieces of split.
type splitter struct {
	c                                    *prog.Ctx
	prefix, alphabet, additional, filter string
	width, index                         int
	grow, verbose                        bool
	f                                    *prog.File
	pid                                  int
}

// name is the name of the index-th file. Where the length may grow, the last letter is kept for
// longer names: xyz is followed by xzaaa.
func (s *splitter) name() string {
	n, base, width, lead := s.index, len(s.alphabet), s.width, ""
	if s.grow {
		room := base*base - base
		for n >= room {
			n -= room
			lead += s.alphabet[base-1:]
			room *= base
			width++
		}
	}
	b := make([]byte, width)
	for i := width - 1; i >= 0; i-- {
		b[i] = s.alphabet[n%base]
		n /= base
	}
	if n > 0 {
		s.c.Die(1, "output file suffixes exhausted")
	}
	return s.prefix + strings.Repeat(s.alphabet[base-1:], len(lead)) + string(b) + s.additional
}

func (s *splitter) next() {
	s.close()
	name := s.name()
	s.index++
	c := s.c
	if s.filter != "" {
		r, w, err := c.Pipe()
		if err != nil {
			c.Die(1, "failed to create pipe: %v", err)
		}
		c.Cloexec(w, true)
		pid, err := c.Spawn("/bin/sh", []string{"sh", "-c", s.filter}, append(c.Env(), "FILE="+name), &kernel.SpawnOpts{Files: map[int]int{0: r, 1: 1, 2: 2}})
		c.Close(r)
		if err != nil {
			c.Die(1, "failed to run command: \"sh -c %s\": %v", s.filter, err)
		}
		s.f, s.pid = c.FD(w), pid
		return
	}
	if s.verbose {
		c.Printf("creating file %s\n", c.QuoteFile(name))
	}
	f, err := c.CreateFile(name)
	if err != nil {
		if c.GNU() {
			c.Die(1, "%s: %v", c.QuoteColon(name), err)
		}
		c.Die(1, "can't open '%s': %v", name, err)
	}
	s.f = f
}

func (s *splitter) write(b []byte) {
	if _, err := s.f.Write(b); err != nil {
		s.c.Die(1, "%v", err)
	}
}

func (s *splitter) close() {
	if s.f != nil {
		s.f.Close()
		s.f = nil
	}
	if s.pid != 0 {
		s.c.Wait(s.pid, 0)
		s.pid = 0
	}
}
