package line

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/c-bata/go-prompt"
)

// keys cuts terminal input into the pieces that go-prompt takes as one key each: a control
// character, an escape sequence, or a run of text. The zero value is ready.
type keys struct {
	rest    []byte // the beginning of something longer
	pasting bool   // between the marks of a bracketed paste
}

// The marks around pasted text, which a terminal sends when asked to (see Editor).
var (
	pasteBegin = []byte("\x1b[200~")
	pasteEnd   = []byte("\x1b[201~")
)

// maxSequence is the longest escape sequence that is waited for.
const maxSequence = 32

// feed cuts b. What may go on is kept for the next call.
func (k *keys) feed(b []byte) [][]byte {
	in := append(k.rest, b...)
	k.rest = nil
	var out [][]byte
	for len(in) > 0 {
		if k.pasting {
			i := bytes.Index(in, pasteEnd)
			if i < 0 {
				// The end mark may be cut in two.
				keep := partialSuffix(in, pasteEnd)
				out = append(out, pasted(in[:len(in)-keep])...)
				k.rest = append([]byte(nil), in[len(in)-keep:]...)
				return out
			}
			out = append(out, pasted(in[:i])...)
			in, k.pasting = in[i+len(pasteEnd):], false
			continue
		}
		switch c := in[0]; {
		case c == 0x1b:
			n := sequence(in)
			if n == 0 && len(in) < maxSequence {
				k.rest = append([]byte(nil), in...)
				return out
			}
			n = max(n, 1)
			if bytes.Equal(in[:n], pasteBegin) {
				k.pasting = true
			} else if known(in[:n]) {
				out = append(out, in[:n:n])
			}
			in = in[n:]
		case c < 0x20 || c == 0x7f:
			out = append(out, in[:1:1])
			in = in[1:]
		default:
			n := 0
			for n < len(in) && in[n] >= 0x20 && in[n] != 0x7f {
				n++
			}
			text := in[:n]
			in = in[n:]
			if len(in) == 0 {
				// A character may be cut in two.
				keep := partialRune(text)
				k.rest = append([]byte(nil), text[len(text)-keep:]...)
				text = text[:len(text)-keep]
			}
			if s := strings.ToValidUTF8(string(text), ""); s != "" {
				out = append(out, []byte(s))
			}
		}
	}
	return out
}

// flush gives up waiting: an escape that nothing followed is the Escape key.
func (k *keys) flush() [][]byte {
	rest := k.rest
	if k.pasting || len(rest) == 0 {
		return nil
	}
	k.rest = nil
	if len(rest) == 1 && rest[0] == 0x1b {
		return [][]byte{rest}
	}
	return nil
}

// pasted makes keys of pasted text: each line is a run of text and an Enter. A tab is text here,
// and no request for completion; the editor has no place for one, so it becomes spaces.
func pasted(text []byte) [][]byte {
	var out [][]byte
	s := strings.ToValidUTF8(string(text), "")
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	for {
		line, rest, more := strings.Cut(s, "\n")
		line = strings.Map(func(r rune) rune {
			if r < 0x20 || r == 0x7f {
				return -1
			}
			return r
		}, strings.ReplaceAll(line, "\t", "    "))
		if line != "" {
			out = append(out, []byte(line))
		}
		if !more {
			return out
		}
		out = append(out, []byte{'\r'})
		s = rest
	}
}

// sequence is the length of the escape sequence at the start of in, or 0 when it is not whole.
func sequence(in []byte) int {
	if len(in) < 2 {
		return 0
	}
	switch in[1] {
	case '[': // CSI: parameters, intermediates, one final byte
		for i := 2; i < len(in) && i < maxSequence; i++ {
			if in[i] == '[' && i == 2 {
				continue // the Linux console's function keys: ESC [ [ A
			}
			if in[i] >= 0x40 && in[i] <= 0x7e {
				return i + 1
			}
			if in[i] < 0x20 {
				return i // broken off
			}
		}
		return 0
	case 'O': // SS3: one byte
		if len(in) < 3 {
			return 0
		}
		return 3
	case 0x1b:
		return 1
	}
	_, n := utf8.DecodeRune(in[1:])
	return 1 + n // Alt and a character
}

// known reports whether go-prompt, or a binding of ours, knows an escape sequence. What it does
// not know it would insert as text.
func known(seq []byte) bool {
	if prompt.GetKey(seq) != prompt.NotDefined {
		return true
	}
	for _, b := range altBindings {
		if bytes.Equal(b.ASCIICode, seq) {
			return true
		}
	}
	return false
}

// partialSuffix is how many bytes at the end of b may be the beginning of mark.
func partialSuffix(b, mark []byte) int {
	for n := min(len(mark)-1, len(b)); n > 0; n-- {
		if bytes.HasPrefix(mark, b[len(b)-n:]) {
			return n
		}
	}
	return 0
}

// partialRune is how many bytes at the end of b are the beginning of a character.
func partialRune(b []byte) int {
	for n := 1; n <= min(utf8.UTFMax-1, len(b)); n++ {
		if utf8.RuneStart(b[len(b)-n]) {
			if !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}
