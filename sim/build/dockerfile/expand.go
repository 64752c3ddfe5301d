package dockerfile

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// An Expander replaces variables in the words of a Dockerfile and takes off quotes and escapes. It
// knows $v, ${v}, ${v:-word}, ${v:+word}, ${v:?word} and ${v?word}, as 20.10 does; the forms that
// came later (${v-w}, ${v#p}, ${v/p/r}) are errors, which is why buildkit's shell.Lex of today
// does not serve here.
type Expander struct {
	Escape rune // '\\' or '`'
}

// Bounds of an expansion, against a Dockerfile that doubles a variable line by line, or nests ${a:-
// without end. The engine has none.
const (
	maxExpansion = 1 << 20 // bytes
	maxNesting   = 500
)

// Word expands a word to one string. env is a list of NAME=VALUE, of which the last of a name
// counts.
func (x Expander) Word(word string, env []string) (string, error) {
	w := wordReader{in: runes(word), escape: x.Escape, env: env}
	s, _, err := w.until(eof)
	if err != nil {
		return "", fmt.Errorf("failed to process %q: %w", word, err)
	}
	return s, nil
}

// Words expands a word to the words that it is after expansion: white space in the values of
// variables splits, quoted white space does not.
func (x Expander) Words(word string, env []string) ([]string, error) {
	w := wordReader{in: runes(word), escape: x.Escape, env: env}
	_, words, err := w.until(eof)
	if err != nil {
		return nil, fmt.Errorf("failed to process %q: %w", word, err)
	}
	return words, nil
}

func runes(s string) []rune { return []rune(strings.TrimPrefix(s, "\ufeff")) }

// eof is no character.
const eof rune = -1

var (
	errNoBrace      = errors.New("syntax error: missing '}'")
	errSubstitution = errors.New("syntax error: bad substitution")
	errTooLong      = fmt.Errorf("expansion is longer than %d bytes", maxExpansion)
	errTooDeep      = fmt.Errorf("substitutions are nested more than %d deep", maxNesting)
)

type wordReader struct {
	in     []rune
	at     int
	escape rune
	env    []string
	depth  int
}

func (w *wordReader) peek() rune {
	if w.at == len(w.in) {
		return eof
	}
	return w.in[w.at]
}

func (w *wordReader) next() rune {
	r := w.peek()
	if r != eof {
		w.at++
	}
	return r
}

// until expands up to the rune stop, which is read too.
func (w *wordReader) until(stop rune) (string, []string, error) {
	var out strings.Builder
	var words splitter
	for w.peek() != eof {
		if w.peek() == stop {
			w.next()
			return out.String(), words.done(), nil
		}
		var s string
		var err error
		switch w.peek() {
		case '\'':
			s, err = w.single()
			words.keep(s)
		case '"':
			s, err = w.double()
			words.keep(s)
		case '$':
			s, err = w.dollar()
			words.split(s)
		default:
			r := w.next()
			if r == w.escape {
				if r = w.next(); r == eof {
					continue // an escape at the end is dropped
				}
				s = string(r)
				words.keep(s)
				break
			}
			s = string(r)
			words.split(s)
		}
		if err != nil {
			return "", nil, err
		}
		out.WriteString(s)
		if out.Len() > maxExpansion {
			return "", nil, errTooLong
		}
	}
	if stop != eof {
		return "", nil, fmt.Errorf("unexpected end of statement while looking for matching %s", string(stop))
	}
	return out.String(), words.done(), nil
}

// single reads what stands between single quotes, as it is.
func (w *wordReader) single() (string, error) {
	w.next()
	var out strings.Builder
	for {
		switch r := w.next(); r {
		case eof:
			return "", errors.New("unexpected end of statement while looking for matching single-quote")
		case '\'':
			return out.String(), nil
		default:
			out.WriteRune(r)
		}
	}
}

// double reads what stands between double quotes, where $ counts and the escape character does
// before ", $ and itself.
func (w *wordReader) double() (string, error) {
	w.next()
	var out strings.Builder
	for out.Len() <= maxExpansion {
		switch r := w.peek(); r {
		case eof:
			return "", errors.New("unexpected end of statement while looking for matching double-quote")
		case '"':
			w.next()
			return out.String(), nil
		case '$':
			s, err := w.dollar()
			if err != nil {
				return "", err
			}
			out.WriteString(s)
		default:
			w.next()
			if r == w.escape {
				switch n := w.peek(); n {
				case eof:
					continue
				case '"', '$', w.escape:
					r = w.next()
				}
			}
			out.WriteRune(r)
		}
	}
	return "", errTooLong
}

// dollar expands what begins with a $.
func (w *wordReader) dollar() (string, error) {
	w.next()
	if w.peek() != '{' {
		name := w.name()
		if name == "" {
			return "$", nil
		}
		value, _ := w.get(name)
		return value, nil
	}
	w.next()
	switch w.peek() {
	case eof:
		return "", errNoBrace
	case '{', '}', ':':
		return "", errSubstitution
	}
	name := w.name()
	colon := false
	op := w.next()
	switch op {
	case '}':
		value, _ := w.get(name)
		return value, nil
	case ':':
		colon = true
		op = w.next()
	case '?':
	default:
		return "", errors.New("missing ':' in substitution")
	}
	if w.depth++; w.depth > maxNesting {
		return "", errTooDeep
	}
	word, _, err := w.until('}')
	w.depth--
	if err != nil {
		if w.peek() == eof && !errors.Is(err, errTooLong) && !errors.Is(err, errTooDeep) {
			return "", errNoBrace
		}
		return "", err
	}
	value, set := w.get(name)
	switch op {
	case '+':
		if value == "" {
			return "", nil
		}
		return word, nil
	case '-':
		if value == "" {
			return word, nil
		}
		return value, nil
	case '?':
		message := word
		switch {
		case !set && message == "":
			message = "is not allowed to be unset"
		case set && (value != "" || !colon):
			return value, nil
		case message == "":
			message = "is not allowed to be empty"
		}
		return "", fmt.Errorf("%s: %s", name, message)
	}
	return "", fmt.Errorf("unsupported modifier (%c) in substitution", op)
}

// name reads the name of a variable: letters, digits and _, digits alone, or one of the shell's
// special parameters.
func (w *wordReader) name() string {
	start := w.at
	first := w.peek()
	switch {
	case unicode.IsDigit(first):
		for unicode.IsDigit(w.peek()) {
			w.next()
		}
	case first != eof && strings.ContainsRune("@*#?-$!", first):
		w.next()
	default:
		for r := w.peek(); unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_'; r = w.peek() {
			w.next()
		}
	}
	return string(w.in[start:w.at])
}

func (w *wordReader) get(name string) (value string, set bool) {
	for i := len(w.env) - 1; i >= 0; i-- {
		if k, v, _ := strings.Cut(w.env[i], "="); k == name {
			return v, true
		}
	}
	return "", false
}

// splitter cuts text into words at white space.
type splitter struct {
	words  []string
	word   strings.Builder
	inWord bool
}

// keep adds text that does not split.
func (s *splitter) keep(text string) {
	s.word.WriteString(text)
	s.inWord = true
}

// split adds text that does.
func (s *splitter) split(text string) {
	for _, r := range text {
		switch {
		case !unicode.IsSpace(r):
			s.word.WriteRune(r)
			s.inWord = true
		case s.inWord && s.word.Len() > 0:
			s.words = append(s.words, s.word.String())
			s.word.Reset()
			s.inWord = false
		}
	}
}

func (s *splitter) done() []string {
	if s.word.Len() > 0 {
		s.words = append(s.words, s.word.String())
		s.word.Reset()
	}
	return s.words
}
