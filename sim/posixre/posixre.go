// Package posixre is POSIX regular expressions, basic and extended, as glibc has them: the match
// is the leftmost and, of those, the longest; back-references, the GNU operators (\w \s \b \< \>
// \+ \? \|) and the error words of regerror are there.
//
// A pattern is parsed to a small tree. Whether and where it matches is decided by an automaton
// that is built while it is used, in time linear in the text for each place where a match may
// start. Submatches are then fitted into the match that was found, as glibc does it: from left to
// right, repetitions take as much as still lets the rest match, and the first alternative that
// does is taken, even where POSIX would have a longer one. Only patterns with
// back-references need a search that tries everything, which may take exponential time, here as
// in glibc; the step callback of Match exists to bound it.
package posixre

import (
	"unicode/utf8"
)

// Flags choose a syntax and how letters compare.
type Flags uint

// The flags. Without Extended a pattern is a basic regular expression.
const (
	Extended   Flags = 1 << iota
	IgnoreCase       // letters match either case
	Newline          // REG_NEWLINE: "." and "[^a]" do not match a newline, ^ and $ match beside one
	UTF8             // characters are UTF-8 sequences; without it, bytes

	// Regcomp is what regcomp(3) does with an unmatched ")": in an extended expression it stands
	// for itself, and in a basic one the error is that of an unmatched "(". GNU's sed and grep,
	// which use glibc's older interface, refuse both as what they are.
	Regcomp
	// StrayInterval makes a "{" that begins no interval stand for itself, as grep has it.
	StrayInterval
	// StrayRepeat makes a repetition operator with nothing before it stand for itself (and "{n}"
	// match nothing), as grep has it; regcomp refuses it in an extended expression.
	StrayRepeat
	// NoInterval makes "{" an ordinary character, as mawk has it.
	NoInterval
	// NoBackref makes \1 to \9 the digits.
	NoBackref
	// BracketEscape makes a backslash in a bracket expression an escape, as awk has it: of
	// ] \ - ^ it takes the meaning away, \n and \t are what they are in C.
	BracketEscape
	// CEscape makes \n \t \f \v \a \r \ddd what they are in C, as awk has it.
	CEscape
	// Literal takes the whole pattern as ordinary characters.
	Literal
	// WholeWord lets the pattern match only where neither side goes on with a word character.
	WholeWord
	// WholeLine lets the pattern match only a whole line.
	WholeLine
)

// ExecFlags say what is beside the text.
type ExecFlags uint

// The flags of Match.
const (
	NotBOL ExecFlags = 1 << iota // the text's beginning is not a line's
	NotEOL                       // the text's end is not a line's
)

// Error is a pattern that cannot be compiled. Its text is what glibc's regerror says.
type Error string

func (e Error) Error() string { return string(e) }

// What regerror says.
const (
	ErrPattern  Error = "Invalid regular expression"
	ErrCollate  Error = "Invalid collation character"
	ErrClass    Error = "Invalid character class name"
	ErrEscape   Error = "Trailing backslash"
	ErrBackref  Error = "Invalid back reference"
	ErrBracket  Error = "Unmatched [, [^, [:, [., or [="
	ErrParen    Error = "Unmatched ( or \\("
	ErrBrace    Error = "Unmatched \\{"
	ErrInterval Error = "Invalid content of \\{\\}"
	ErrRange    Error = "Invalid range end"
	ErrSpace    Error = "Memory exhausted"
	ErrRepeat   Error = "Invalid preceding regular expression"
	ErrSize     Error = "Regular expression too big"
	ErrStray    Error = "Unmatched ) or \\)"
)

// Regexp is a compiled pattern. It caches its automaton while matching, so that it must not be
// used by two goroutines at once.
type Regexp struct {
	root     *node
	flags    Flags
	groups   int
	backrefs bool
	warnings []string
	prog     []inst
	first    *[256]bool // bytes that a match can begin with; nil when it may be empty
	prefix   []byte     // what every match begins with
	whole    bool       // prefix is the whole pattern
	anchored bool       // every match begins at the text's beginning
	auto     automaton
	search   automaton // the same with any text before it
}

// Groups is the number of parenthesised subexpressions.
func (re *Regexp) Groups() int { return re.groups }

// Warnings is what GNU grep has to say about a pattern that compiles: "* at start of expression".
func (re *Regexp) Warnings() []string { return re.warnings }

// Compile parses a pattern. The error is an Error.
func Compile(pattern string, flags Flags) (*Regexp, error) {
	p := parser{src: pattern, flags: flags}
	root, err := p.parse()
	if err != nil {
		return nil, err
	}
	if flags&WholeWord != 0 {
		root = &node{op: opCat, subs: []*node{assert(atWordBeginsOrNone), root, assert(atWordEndsOrNone)}}
	}
	if flags&WholeLine != 0 {
		root = &node{op: opCat, subs: []*node{assert(atBOL), root, assert(atEOL)}}
	}
	re := &Regexp{root: root, flags: flags, groups: p.groups, backrefs: p.backrefs, warnings: p.warnings}
	if !re.backrefs {
		c := compiler{flags: flags}
		if err := c.compile(root); err != nil {
			return nil, err
		}
		re.prog = c.prog
		re.auto.init(re.prog, flags, false)
		re.search.init(re.prog, flags, true)
	}
	re.analyse()
	return re, nil
}

// MatchString tells whether the pattern matches anywhere in s.
func (re *Regexp) MatchString(s string) bool { return re.Match([]byte(s), 0, 0, 0, nil) != nil }

// Match finds the leftmost-longest match in text that begins at from or after it. What is before
// from counts as context: "^" does not match there and "\<" looks at it. The result is nil, or
// begin and end of the whole match followed by those of the first nsub subexpressions (all of them
// if nsub < 0), -1 for one that took no part. step, if not nil, is told of every so many
// elementary steps; it may end the match by panicking.
func (re *Regexp) Match(text []byte, from int, flags ExecFlags, nsub int, step func(n int)) []int {
	if nsub < 0 || nsub > re.groups {
		nsub = re.groups
	}
	m := matcher{re: re, text: text, flags: flags, step: step}
	if re.backrefs {
		return m.backtrack(from, nsub)
	}
	start, end := m.span(from)
	if start < 0 {
		return nil
	}
	loc := make([]int, 2, 2+2*nsub)
	loc[0], loc[1] = start, end
	if nsub > 0 {
		loc = m.submatches(start, end, nsub)
	}
	return loc
}

// matcher is one call of Match.
type matcher struct {
	re    *Regexp
	text  []byte
	flags ExecFlags
	step  func(int)
	spent int
	memo  map[memoKey][]int
	caps  []int
	// of the backtracking search
	start, best int
	bestCaps    []int
	depth       int
}

// charge counts n steps and reports them in lots.
func (m *matcher) charge(n int) {
	m.spent += n
	if m.spent >= 1024 && m.step != nil {
		m.step(m.spent / 64)
		m.spent = 0
	}
}

// span finds begin and end of the leftmost-longest match; begin is -1 when there is none.
func (m *matcher) span(from int) (start, end int) {
	re := m.re
	defer func() {
		if m.step != nil && m.spent > 0 {
			m.step(m.spent/64 + 1)
			m.spent = 0
		}
	}()
	if re.whole {
		i := indexFrom(m.text, re.prefix, from)
		m.charge((max(i, from) - from) / 8)
		if i < 0 {
			return -1, -1
		}
		return i, i + len(re.prefix)
	}
	if re.anchored {
		if from > 0 {
			return -1, -1
		}
		if e := m.run(&re.auto, 0, false); e >= 0 {
			return 0, e
		}
		return -1, -1
	}
	// One pass says whether there is any match at all, so that its absence costs linear time.
	if e := m.run(&re.search, from, true); e < 0 {
		return -1, -1
	}
	for i := from; i <= len(m.text); i++ {
		if len(re.prefix) > 0 {
			if i = indexFrom(m.text, re.prefix, i); i < 0 {
				return -1, -1
			}
		} else if re.first != nil && (i == len(m.text) || !re.first[m.text[i]]) {
			m.charge(1)
			continue
		}
		if re.flags&UTF8 != 0 && i < len(m.text) && !utf8.RuneStart(m.text[i]) && inRune(m.text, i) {
			continue
		}
		if e := m.run(&re.auto, i, false); e >= 0 {
			return i, e
		}
	}
	return -1, -1
}

// inRune tells whether position i is inside a valid UTF-8 sequence.
func inRune(text []byte, i int) bool {
	for j := i - 1; j >= 0 && j > i-utf8.UTFMax; j-- {
		if utf8.RuneStart(text[j]) {
			_, n := utf8.DecodeRune(text[j:])
			return j+n > i
		}
	}
	return false
}

func indexFrom(text, sub []byte, from int) int {
	if from > len(text) {
		return -1
	}
	i := index(text[from:], sub)
	if i < 0 {
		return -1
	}
	return from + i
}
