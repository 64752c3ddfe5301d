package sh

import (
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// braceBound is how many words one brace expansion may make.
const braceBound = 1 << 20

// piece is a character of a word outside of quotes, or a part that braces do not look into.
type piece struct {
	c    byte
	part grammar.Part // nil for a character
}

// braces is bash's brace expansion of a word.
func (s *shell) braces(w *grammar.Word) []*grammar.Word {
	if s.d != Bash || s.opt.named["nobraceexpand"] {
		return []*grammar.Word{w}
	}
	open := false
	for _, p := range w.Parts {
		if l, ok := p.(*grammar.Lit); ok && strings.IndexByte(l.Text, '{') >= 0 {
			open = true
		}
	}
	if !open {
		return []*grammar.Word{w}
	}
	var ps []piece
	for _, p := range w.Parts {
		if l, ok := p.(*grammar.Lit); ok {
			for i := range len(l.Text) {
				ps = append(ps, piece{c: l.Text[i]})
			}
		} else {
			ps = append(ps, piece{part: p})
		}
	}
	var out []*grammar.Word
	count := 0
	for _, ps := range s.expandBraces(ps, &count, 0) {
		nw := &grammar.Word{Line: w.Line, Src: w.Src}
		var lit []byte
		flush := func() {
			if len(lit) > 0 {
				nw.Parts = append(nw.Parts, &grammar.Lit{Text: string(lit)})
				lit = nil
			}
		}
		for _, p := range ps {
			if p.part == nil {
				lit = append(lit, p.c)
				continue
			}
			flush()
			nw.Parts = append(nw.Parts, p.part)
		}
		flush()
		if len(nw.Parts) > 0 {
			out = append(out, nw)
		}
	}
	return out
}

func (s *shell) expandBraces(ps []piece, count *int, depth int) [][]piece {
	if depth > 100 {
		return [][]piece{ps}
	}
	for i := 0; i < len(ps); i++ {
		if ps[i].part != nil || ps[i].c != '{' {
			continue
		}
		end, commas := closing(ps, i)
		if end < 0 {
			continue
		}
		var alts [][]piece
		if len(commas) > 0 {
			from := i + 1
			for _, c := range append(commas, end) {
				alts = append(alts, s.expandBraces(ps[from:c], count, depth+1)...)
				from = c + 1
			}
		} else {
			seq, ok := s.sequence(ps[i+1 : end])
			if !ok {
				continue
			}
			alts = seq
		}
		tails := s.expandBraces(ps[end+1:], count, depth+1)
		var out [][]piece
		size := 0
		for _, a := range alts {
			for _, t := range tails {
				if *count++; *count > braceBound {
					s.outOfMemory()
				}
				p := make([]piece, 0, i+len(a)+len(t))
				p = append(append(append(p, ps[:i]...), a...), t...)
				out = append(out, p)
				size += 24 * len(p)
			}
		}
		s.charge(size)
		s.p.Step(len(out))
		s.charge(-size)
		return out
	}
	return [][]piece{ps}
}

// closing finds the brace that closes the one at i, and the commas between that are its own.
func closing(ps []piece, i int) (end int, commas []int) {
	level := 0
	for j := i; j < len(ps); j++ {
		if ps[j].part != nil {
			continue
		}
		switch ps[j].c {
		case '{':
			level++
		case '}':
			if level--; level == 0 {
				return j, commas
			}
		case ',':
			if level == 1 {
				commas = append(commas, j)
			}
		}
	}
	return -1, nil
}

// sequence is {a..b} or {a..b..step}.
func (s *shell) sequence(ps []piece) ([][]piece, bool) {
	var b strings.Builder
	for _, p := range ps {
		if p.part != nil {
			return nil, false
		}
		b.WriteByte(p.c)
	}
	f := strings.Split(b.String(), "..")
	if len(f) != 2 && len(f) != 3 {
		return nil, false
	}
	step := int64(1)
	if len(f) == 3 {
		n, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			return nil, false
		}
		step = max(n, -n)
		if step == 0 {
			step = 1
		}
	}
	word := func(t string) []piece {
		ps := make([]piece, len(t))
		for i := range len(t) {
			ps[i].c = t[i]
		}
		return ps
	}
	var lo, hi int64
	letters := false
	x, err1 := strconv.ParseInt(f[0], 10, 64)
	y, err2 := strconv.ParseInt(f[1], 10, 64)
	switch {
	case err1 == nil && err2 == nil:
		lo, hi = x, y
	case len(f[0]) == 1 && len(f[1]) == 1 && isLetter(f[0][0]) && isLetter(f[1][0]):
		lo, hi, letters = int64(f[0][0]), int64(f[1][0]), true
	default:
		return nil, false
	}
	n := (max(lo, hi)-min(lo, hi))/step + 1
	if n > braceBound || n <= 0 {
		s.outOfMemory()
	}
	s.p.Step(int(n))
	width := 0
	for _, t := range f[:2] {
		d := strings.TrimPrefix(t, "-")
		if len(d) > 1 && d[0] == '0' {
			width = max(width, len(f[0]), len(f[1]))
		}
	}
	var out [][]piece
	for i := range n {
		v := lo + i*step
		if hi < lo {
			v = lo - i*step
		}
		if letters {
			c := byte(v)
			if c == '\\' || c == '`' {
				out = append(out, []piece{{part: &grammar.Quoted{Text: string(rune(c))}}})
				continue
			}
			out = append(out, word(string(rune(c))))
			continue
		}
		t := strconv.FormatInt(v, 10)
		for len(t) < width {
			if t[0] == '-' {
				t = "-0" + t[1:]
			} else {
				t = "0" + t
			}
		}
		out = append(out, word(t))
	}
	return out, true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
