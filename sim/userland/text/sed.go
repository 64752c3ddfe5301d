package text

import (
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/posixre"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// sedAddress is one address of a command.
type sedAddress struct {
	kind byte // of the addr constants
	n, m int
	re   *sedRegexp // nil with addrRegexp: the last one used
}

const (
	addrNone   = 0
	addrLine   = 'n' // line n; 0 only before ",/re/"
	addrLast   = '$'
	addrRegexp = '/'
	addrStep   = '~' // first~step
	addrPlus   = '+' // addr1,+n
	addrMult   = '%' // addr1,~n
)

// sedRegexp is a compiled regular expression.
type sedRegexp struct {
	re *posixre.Regexp
}

// sedCommand is one command of a script.
type sedCommand struct {
	a1, a2 sedAddress
	not    bool
	name   byte
	text   string // of a, i, c; the label of : b t T; the file of r R w W; the command of e
	n      int    // of q, Q, l, L; -1 none
	target int    // of {: behind its }; of b, t, T: where to go on; -1 unresolved
	subst  *sedSubst
	table  *[256]byte // of y
	out    *sedOutput // of w and W

	// While running: whether the range is open, whether it ever was at its line number, and
	// where it ends.
	active bool
	opened bool
	end    int
}

// sedSubst is an s command.
type sedSubst struct {
	re     *sedRegexp // nil: the last one used
	parts  []sedPart
	nth    int
	global bool
	print  int // how often p stood before and after e; 1 is p
	eval   bool
	out    *sedOutput
}

// sedPart is a piece of a replacement: text, then a group.
type sedPart struct {
	text  string
	group int  // -1 none
	cased byte // U L u l E before this part, or 0
	once  byte // u or l for the first character
}

// sedScript is what the parser makes.
type sedScript struct {
	commands []*sedCommand
	quiet    bool // "#n"
}

// sedder is one run of sed.
type sedder struct {
	c        *prog.Ctx
	gnu      bool
	flags    posixre.Flags
	posix    bool
	sandbox  bool
	quiet    bool
	separate bool
	inPlace  bool
	suffix   string
	follow   bool
	width    int
	end      byte
	script   sedScript
	status   int
	outputs  map[string]*sedOutput
	std      *sedOutput
	out      *sedOutput
	lastRe   *sedRegexp
	in       sedInput
	line     int
	space    []byte // the pattern space
	ended    bool   // its line had its end
	hold     []byte
	holdOpen bool // the line held lacked its end
	appends  []sedAppend
	replaced bool
	quitting bool
	exitCode int
	noRead   bool              // D: the next cycle keeps what is left
	rlines   map[string]*lines // of R
}

// sedAppend is what waits for the end of the cycle.
type sedAppend struct {
	text string
	file string // r: the file to copy
	line bool   // R: only the next line of it
}

var sedLong = []prog.Long{
	{Name: "binary", Val: 'b'}, {Name: "regexp-extended", Val: 'r'},
	{Name: "in-place", Arg: prog.OptArg, Val: 'i'}, {Name: "expression", Arg: prog.ReqArg, Val: 'e'},
	{Name: "file", Arg: prog.ReqArg, Val: 'f'}, {Name: "line-length", Arg: prog.ReqArg, Val: 'l'},
	{Name: "null-data", Val: 'z'}, {Name: "zero-terminated", Val: 'z'}, {Name: "quiet", Val: 'n'},
	{Name: "posix", Val: 'p'}, {Name: "silent", Val: 'n'}, {Name: "sandbox", Val: sedSandbox},
	{Name: "separate", Val: 's'}, {Name: "unbuffered", Val: 'u'}, {Name: "version", Val: sedVersion},
	{Name: "help", Val: sedHelp}, {Name: "follow-symlinks", Val: 'F'},
}

const (
	sedSandbox = prog.LongOnly + iota
	sedVersion
	sedHelp
)

var sedBusyboxLong = []prog.Long{
	{Name: "version", Val: sedVersion}, {Name: "in-place", Arg: prog.OptArg, Val: 'i'}, {Name: "regexp-extended", Val: 'r'},
	{Name: "quiet", Val: 'n'}, {Name: "silent", Val: 'n'}, {Name: "expression", Arg: prog.ReqArg, Val: 'e'},
	{Name: "file", Arg: prog.ReqArg, Val: 'f'},
}

func sed(c *prog.Ctx) int {
	s := &sedder{c: c, gnu: c.GNU(), width: 70, end: '\n', outputs: map[string]*sedOutput{}}
	short, long := "bsnrzuEe:f:l:i::hs", sedLong
	if !s.gnu {
		short, long = "i::rEne:f:", sedBusyboxLong
		s.flags |= posixre.Regcomp
	} else {
		if utf8Locale(c) {
			s.flags |= posixre.UTF8
		}
		c.OnUsage = func() {
			c.Errorf("%s", strings.TrimSuffix(c.HelpText(), "E-mail bug reports to: <bug-sed@gnu.org>.\n"))
		}
	}
	var chunks []sedChunk
	expressions := 0
	for o := range c.GetoptOnly(short, long) {
		switch o.Val {
		case 'n':
			s.quiet = true
		case 'e':
			expressions++
			chunks = append(chunks, sedChunk{text: o.Arg, number: expressions})
		case 'f':
			chunks = append(chunks, s.readScript(o.Arg))
		case 'E', 'r':
			s.flags |= posixre.Extended
		case 'i':
			s.inPlace, s.separate, s.suffix = true, true, o.Arg
		case 'l':
			n, err := strconv.Atoi(o.Arg)
			if err != nil {
				n = 0
			}
			if n == 1 {
				n = 0
			}
			s.width = n
		case 's':
			s.separate = true
		case 'u':
			c.Out.LineBuffered()
		case 'z':
			s.end = 0
		case 'p':
			s.posix = true
		case 'F':
			s.follow = true
		case sedSandbox:
			s.sandbox = true
		case sedVersion:
			if !s.gnu {
				c.Print("This is not GNU sed version 4.0\n")
				c.Exit(0)
			}
			c.Version()
		case 'h', sedHelp:
			c.Help()
		}
	}
	if chunks == nil {
		if len(c.Args) == 0 {
			c.Usage()
		}
		chunks = []sedChunk{{text: c.Args[0], number: 1}}
		c.Args = c.Args[1:]
	}
	s.std = &sedOutput{w: c.Out, busybox: !s.gnu, end: s.end}
	s.out = s.std
	if s.gnu {
		s.parse(chunks)
	} else {
		s.parseBusybox(chunks)
	}
	if s.script.quiet {
		s.quiet = true
	}
	return s.run(orStdin(c.Args))
}

// sedChunk is one -e or -f.
type sedChunk struct {
	text   string
	number int    // of the expression
	file   string // of -f
}

func (s *sedder) readScript(name string) sedChunk {
	c := s.c
	var b []byte
	in, err := input(c, name)
	if err == nil {
		b, err = readLimited(in)
		in.Close()
	}
	if err != nil {
		if s.gnu {
			c.Die(4, "couldn't open file %s: %v", name, err)
		}
		c.Die(1, "%s: %v", name, err)
	}
	return sedChunk{text: strings.TrimSuffix(string(b), "\n"), file: name}
}

// compile makes a regular expression of s's syntax.
func (s *sedder) compile(pattern string, extra posixre.Flags) (*sedRegexp, error) {
	re, err := posixre.Compile(pattern, s.flags|extra)
	if err != nil {
		return nil, err
	}
	return &sedRegexp{re}, nil
}
