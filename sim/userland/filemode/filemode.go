// Package filemode reads the modes that chmod, mkdir -m, umask and find -perm take: octal numbers
// and symbols like "u+rwX,go-w" (POSIX chmod, with GNU's "+t", "u=g", "=600" and "u+o").
package filemode

import (
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// Change is what a mode's text does to a mode.
type Change struct {
	ops []op
}

// op is one operator of a clause with its operand.
type op struct {
	kind      byte       // '=', '+' or '-'
	flag      byte       // 'n' ordinary, 'X' execute only if already or a directory, 'c' copy
	affected  linux.Mode // 0: all, and the umask counts
	value     linux.Mode
	mentioned linux.Mode // bits that the text names; a directory keeps set-ids that it does not
}

const (
	all    linux.Mode = 0o7777
	setids            = linux.S_ISUID | linux.S_ISGID
)

// Parse reads a mode; ok is false if it is none.
func Parse(s string) (c Change, ok bool) {
	if s == "" {
		return c, false
	}
	if s[0] >= '0' && s[0] <= '7' {
		n, ok := octal(s)
		if !ok {
			return c, false
		}
		mentioned := (n & setids) | linux.S_ISVTX | 0o777
		if len(s) > 4 {
			mentioned = all
		}
		return Change{[]op{{kind: '=', flag: 'n', affected: all, value: n, mentioned: mentioned}}}, true
	}
	for _, clause := range strings.Split(s, ",") {
		if !c.clause(clause) {
			return Change{}, false
		}
	}
	return c, true
}

// ParseBusybox reads a mode as Busybox does: an octal number sets every bit, "o+t" sets nothing,
// a number does not follow an operator, and empty clauses count for nothing.
func ParseBusybox(s string) (c Change, ok bool) {
	if s != "" && s[0] >= '0' && s[0] <= '7' {
		n, ok := octal(s)
		return Change{[]op{{kind: '=', flag: 'n', affected: all, value: n, mentioned: all}}}, ok
	}
	if s == "" {
		return c, false
	}
	for _, clause := range strings.Split(s, ",") {
		if clause == "" {
			continue
		}
		if strings.ContainsAny(clause, "01234567") || !c.clause(clause) {
			return Change{}, false
		}
	}
	for i := range c.ops {
		o := &c.ops[i]
		if o.affected != 0 && o.affected != all {
			o.affected &^= linux.S_ISVTX
		}
		o.mentioned = all
	}
	return c, true
}

func octal(s string) (linux.Mode, bool) {
	var n linux.Mode
	for i := range len(s) {
		if s[i] < '0' || s[i] > '7' {
			return 0, false
		}
		if n = n<<3 | linux.Mode(s[i]-'0'); n > all {
			return 0, false
		}
	}
	return n, true
}

func (c *Change) clause(s string) bool {
	var affected linux.Mode
	i := 0
who:
	for ; i < len(s); i++ {
		switch s[i] {
		case 'u':
			affected |= linux.S_ISUID | 0o700
		case 'g':
			affected |= linux.S_ISGID | 0o070
		case 'o':
			affected |= linux.S_ISVTX | 0o007
		case 'a':
			affected |= all
		default:
			break who
		}
	}
	if i == len(s) || !strings.ContainsRune("=+-", rune(s[i])) {
		return false
	}
	for i < len(s) {
		if !strings.ContainsRune("=+-", rune(s[i])) {
			return false
		}
		o := op{kind: s[i], flag: 'n', affected: affected}
		i++
		switch {
		case i < len(s) && s[i] >= '0' && s[i] <= '7':
			j := i
			for j < len(s) && s[j] >= '0' && s[j] <= '7' {
				j++
			}
			n, ok := octal(s[i:j])
			if !ok || affected != 0 || j < len(s) {
				return false
			}
			i = j
			o.affected, o.mentioned, o.value = all, all, n
		case i < len(s) && strings.ContainsRune("ugo", rune(s[i])):
			o.flag, o.value = 'c', map[byte]linux.Mode{'u': 0o700, 'g': 0o070, 'o': 0o007}[s[i]]
			i++
		default:
		perms:
			for ; i < len(s); i++ {
				switch s[i] {
				case 'r':
					o.value |= 0o444
				case 'w':
					o.value |= 0o222
				case 'x':
					o.value |= 0o111
				case 'X':
					o.flag = 'X'
				case 's':
					o.value |= setids
				case 't':
					o.value |= linux.S_ISVTX
				default:
					break perms
				}
			}
		}
		if o.mentioned == 0 {
			o.mentioned = o.value
			if affected != 0 {
				o.mentioned = affected & o.value
			}
		}
		c.ops = append(c.ops, o)
	}
	return true
}

// Apply gives the permission bits that a file with the given ones gets. umask restricts clauses
// that name nobody, as in "+w". Of a directory, set-id bits that the text does not name stay.
func (c Change) Apply(mode linux.Mode, dir bool, umask linux.Mode) linux.Mode {
	m, _ := c.ApplyMentioned(mode, dir, umask)
	return m
}

// ApplyMentioned is Apply, and says which bits of the result the text decided.
func (c Change) ApplyMentioned(mode linux.Mode, dir bool, umask linux.Mode) (linux.Mode, linux.Mode) {
	m := mode.Perm()
	var mentioned linux.Mode
	for _, o := range c.ops {
		var omit linux.Mode
		if dir {
			omit = setids &^ o.mentioned
		}
		v := o.value
		switch o.flag {
		case 'c':
			v &= m
			switch {
			case v&0o444 != 0 && v&0o222 != 0 && v&0o111 != 0:
				v |= 0o777
			default:
				if v&0o444 != 0 {
					v |= 0o444
				}
				if v&0o222 != 0 {
					v |= 0o222
				}
				if v&0o111 != 0 {
					v |= 0o111
				}
			}
		case 'X':
			if m&0o111 != 0 || dir {
				v |= 0o111
			}
		}
		if o.affected != 0 {
			v &= o.affected
		} else {
			v &= ^umask
		}
		v &^= omit
		switch o.kind {
		case '=':
			keep := omit
			if o.affected != 0 {
				keep |= ^o.affected
			}
			mentioned |= all &^ keep
			m = m&keep | v
		case '+':
			mentioned |= v
			m |= v
		case '-':
			mentioned |= v
			m &^= v
		}
	}
	return m & all, mentioned
}
