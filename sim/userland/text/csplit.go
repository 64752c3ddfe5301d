package text

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/posixre"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/text/cformat"
)

// splitPoint is one operand of csplit: where a piece ends.
type splitPoint struct {
	text   string          // as it was given
	line   int             // the number of the line that begins the next piece, or
	re     *posixre.Regexp // what that line matches,
	offset int             // that many lines away
	skip   bool            // %RE%: the piece is not written
	repeat int             // how often again; -1: as often as it can be
}

// contextSplit is one run of csplit.
type contextSplit struct {
	c *prog.Ctx

	prefix          string
	format          *suffixFormat // nil: the number with that many digits
	digits          int
	keep, quiet     bool
	elide, suppress bool

	lines [][]byte
	at    int // the index of the first line that is in no piece yet
	from  int // of the first that a pattern may match
	made  []string
}

const csplitSuppress = prog.LongOnly

var csplitLong = []prog.Long{
	{Name: "digits", Arg: prog.ReqArg, Val: 'n'}, {Name: "quiet", Val: 'q'}, {Name: "silent", Val: 's'}, {Name: "keep-files", Val: 'k'},
	{Name: "elide-empty-files", Val: 'z'}, {Name: "prefix", Arg: prog.ReqArg, Val: 'f'}, {Name: "suffix-format", Arg: prog.ReqArg, Val: 'b'},
	{Name: "suppress-matched", Val: csplitSuppress},
}

func csplit(c *prog.Ctx) int {
	s := &contextSplit{c: c, prefix: "xx", digits: 2}
	for o := range c.Getopt("f:b:kn:sqz", csplitLong) {
		switch o.Val {
		case 'f':
			s.prefix = o.Arg
		case 'b':
			s.format = s.parseFormat(o.Arg)
		case 'k':
			s.keep = true
		case 'n':
			n, err := strconv.Atoi(o.Arg)
			if err != nil || n < 0 {
				c.Die(1, "invalid number: %s", c.Quote(o.Arg))
			}
			s.digits = n
		case 's', 'q':
			s.quiet = true
		case 'z':
			s.elide = true
		case csplitSuppress:
			s.suppress = true
		}
	}
	if len(c.Args) < 2 {
		if len(c.Args) == 0 {
			c.Warn("missing operand")
		} else {
			c.Warn("missing operand after %s", c.Quote(c.Args[0]))
		}
		c.Usage()
	}
	points := s.points(c.Args[1:])
	f, err := input(c, c.Args[0])
	if err != nil {
		c.Die(1, "cannot open %s for reading: %v", c.QuoteFile(c.Args[0]), err)
	}
	b, err := readLimited(f)
	f.Close()
	if err != nil {
		c.Die(1, "read error: %v", err)
	}
	c.Step(len(b) / 64)
	for line := range bytes.Lines(b) {
		s.lines = append(s.lines, line)
	}
	for _, p := range points {
		s.split(p)
	}
	s.write(s.at, len(s.lines))
	return c.Status
}

// A suffixFormat is what -b gives: the one conversion of an integer, and the text about it.
type suffixFormat struct {
	before, after string
	flags         string
	width, prec   int
	hasPrec       bool
	base          int
	upper         bool
	prefix        string
}

func (f *suffixFormat) name(n int) string {
	s := cformat.Int(f.flags, f.width, f.prec, f.hasPrec, false, uint64(n), f.base, f.prefix)
	if f.upper {
		s = strings.ToUpper(s)
	}
	return f.before + s + f.after
}

// parseFormat reads the argument of -b.
func (s *contextSplit) parseFormat(text string) *suffixFormat {
	f := &suffixFormat{}
	specs := 0
	literal := &f.before
	for text != "" {
		i := strings.IndexByte(text, '%')
		if i < 0 {
			break
		}
		*literal += text[:i]
		if text = text[i+1:]; strings.HasPrefix(text, "%") {
			*literal += "%"
			text = text[1:]
			continue
		}
		rest := strings.TrimLeft(text, "-+ #0'")
		f.flags, text = text[:len(text)-len(rest)], rest
		rest = strings.TrimLeft(text, "0123456789")
		f.width, _ = strconv.Atoi(text[:len(text)-len(rest)])
		if text = rest; strings.HasPrefix(text, ".") {
			rest = strings.TrimLeft(text[1:], "0123456789")
			f.hasPrec = true
			f.prec, _ = strconv.Atoi(text[1 : len(text)-len(rest)])
			text = rest
		}
		f.width, f.prec = min(f.width, 4096), min(f.prec, 4096) // no file has a longer name
		if text == "" {
			s.c.Die(1, "missing conversion specifier in suffix")
		}
		switch text[0] {
		case 'd', 'i', 'u':
			f.base = 10
		case 'o':
			f.base = 8
		case 'x', 'X':
			f.base, f.upper = 16, text[0] == 'X'
		default:
			s.c.Die(1, "invalid conversion specifier in suffix: %s", text[:1])
		}
		if strings.Contains(f.flags, "#") {
			f.prefix = map[int]string{8: "0", 16: "0x"}[f.base]
		}
		if specs++; specs > 1 {
			s.c.Die(1, "too many %% conversion specifications in suffix")
		}
		literal, text = &f.after, text[1:]
	}
	if specs == 0 {
		s.c.Die(1, "missing %% conversion specification in suffix")
	}
	*literal += text
	return f
}

// points reads the patterns.
func (s *contextSplit) points(args []string) []splitPoint {
	c := s.c
	var points []splitPoint
	last := 0
	for _, arg := range args {
		if strings.HasPrefix(arg, "{") && len(points) > 0 {
			p := &points[len(points)-1]
			count, closed := strings.CutSuffix(arg[1:], "}")
			n, err := strconv.Atoi(count)
			switch {
			case !closed:
				c.Die(1, "%s: '}' is required in repeat count", c.Quote(arg))
			case count == "*":
				n = -1
			case err != nil || n < 0:
				c.Die(1, "%s}: integer required between '{' and '}'", c.Quote(strings.TrimSuffix(arg, "}")))
			}
			p.repeat = n
			continue
		}
		p := splitPoint{text: arg}
		if delim := arg[:min(1, len(arg))]; delim == "/" || delim == "%" {
			end := strings.LastIndex(arg, delim)
			if end == 0 {
				c.Die(1, "%s: closing delimiter '%s' missing", arg, delim)
			}
			re, err := compileBasic(arg[1:end])
			if err != nil {
				c.Die(1, "%s: invalid regular expression: %v", c.Quote(arg), err)
			}
			p.re, p.skip = re, delim == "%"
			if rest := arg[end+1:]; rest != "" {
				n, err := strconv.Atoi(rest)
				if err != nil {
					c.Die(1, "%s: integer expected after delimiter", c.Quote(arg))
				}
				p.offset = n
			}
			points = append(points, p)
			continue
		}
		n, err := strconv.Atoi(arg)
		switch {
		case err != nil || n < 0:
			c.Die(1, "%s: invalid pattern", c.Quote(arg))
		case n == 0:
			c.Die(1, "%s: line number must be greater than zero", arg)
		case n < last:
			c.Die(1, "line number %s is smaller than preceding line number, %d", c.Quote(arg), last)
		case n == last:
			c.Warn("warning: line number %s is the same as preceding line number", c.Quote(arg))
		}
		p.line, last = n, n
		points = append(points, p)
	}
	return points
}

// split writes the pieces of one pattern.
func (s *contextSplit) split(p splitPoint) {
	for round := 0; p.repeat < 0 || round <= p.repeat; round++ {
		s.c.Step(1)
		if p.re == nil {
			s.toLine(p, p.line*(round+1)-1, round)
		} else if !s.toMatch(p, round) {
			return
		}
	}
}

// toLine ends a piece before the line of index end.
func (s *contextSplit) toLine(p splitPoint, end, round int) {
	if end > len(s.lines) || end == len(s.lines) && round > 0 {
		s.write(s.at, len(s.lines))
		s.fail(p, "line number out of range", round)
	}
	s.write(s.at, end)
	s.at = end
	if s.suppress && s.at < len(s.lines) {
		s.at++
	}
	s.from = s.at
}

// toMatch ends a piece at the next line that matches. It is false when a pattern without a
// last repetition has no more matches.
func (s *contextSplit) toMatch(p splitPoint, round int) bool {
	// The line that began this piece was looked at already.
	i := s.from
	for ; i < len(s.lines); i++ {
		s.c.Step(1)
		if p.re.Match(bytes.TrimSuffix(s.lines[i], []byte("\n")), 0, 0, 0, stepper(s.c)) != nil {
			break
		}
	}
	if i == len(s.lines) {
		if p.repeat < 0 {
			if p.skip {
				s.at = len(s.lines)
			}
			return false
		}
		if !p.skip {
			s.write(s.at, len(s.lines))
		}
		s.fail(p, "match not found", round)
	}
	end := i + p.offset
	if end < s.at || end > len(s.lines) {
		if !p.skip {
			s.write(s.at, max(s.at, min(end, len(s.lines))))
		}
		s.fail(p, "line number out of range", round)
	}
	if !p.skip {
		s.write(s.at, end)
	}
	s.at = end
	if s.suppress {
		s.at = max(s.at, min(end+1, len(s.lines)))
	}
	s.from = max(s.at, i+1)
	return true
}

// fail says what is wrong with a pattern, removes the pieces unless they are to be kept, and ends.
func (s *contextSplit) fail(p splitPoint, what string, round int) {
	// Past standard output's buffer, so that this comes before the sizes of the pieces.
	fmt.Fprintf(s.c.Err, "%s: %s: %s%s\n", s.c.Name, s.c.Quote(p.text), what, repetition(round))
	if !s.keep {
		for _, name := range s.made {
			s.c.Unlink(name)
		}
	}
	s.c.Exit(1)
}

func repetition(round int) string {
	if round == 0 {
		return ""
	}
	return fmt.Sprintf(" on repetition %d", round)
}

// write makes the next piece of the lines from..end.
func (s *contextSplit) write(from, end int) {
	size := 0
	for _, line := range s.lines[from:end] {
		size += len(line)
	}
	if size == 0 && s.elide {
		return
	}
	name := s.prefix
	if s.format != nil {
		name += s.format.name(len(s.made))
	} else {
		name += fmt.Sprintf("%0*d", s.digits, len(s.made))
	}
	f, err := s.c.OpenFile(name, linux.O_WRONLY|linux.O_CREAT|linux.O_TRUNC, 0o666)
	if err != nil {
		s.c.Die(1, "%s: %v", s.c.QuoteColon(name), err)
	}
	s.made = append(s.made, name)
	for _, line := range s.lines[from:end] {
		if _, err := f.Write(line); err != nil {
			s.c.Die(1, "%s: write error: %v", s.c.QuoteColon(name), err)
		}
	}
	f.Close()
	if !s.quiet {
		s.c.Printf("%d\n", size)
	}
}
