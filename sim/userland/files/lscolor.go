package files

import (
	"maps"
	"strings"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// lsColors is what ls has without LS_COLORS, by dircolors' two letters.
var lsColors = map[string]string{
	"di": "01;34", "ln": "01;36", "pi": "33", "so": "01;35", "bd": "01;33", "cd": "01;33", "ex": "01;32", "do": "01;35",
	"su": "37;41", "sg": "30;43", "st": "37;44", "ow": "34;42", "tw": "30;42", "rs": "0",
}

// lsColorKeys are the letters that LS_COLORS may have.
const lsColorKeys = "lc rc ec rs no fi di ln pi so bd cd mi or ex do su sg st ow tw ca mh cl"

// readColors takes LS_COLORS: "di=01;34:*.tar=01;31". With a value that is none, ls goes without
// colours.
func (l *listing) readColors() {
	l.colors = maps.Clone(lsColors)
	for _, item := range strings.Split(l.Getenv("LS_COLORS"), ":") {
		k, v, ok := strings.Cut(item, "=")
		switch {
		case item == "":
		case ok && strings.HasPrefix(k, "*"):
			l.colorExts = append(l.colorExts, k)
			l.colors[k] = v
		case ok && len(k) == 2 && strings.Contains(lsColorKeys, k):
			l.colors[k] = v
		default:
			if ok && len(k) == 2 {
				l.Warn("unrecognized prefix: %s", l.Quote(k))
			}
			l.Warn("unparsable value for LS_COLORS environment variable")
			l.color = false
			return
		}
	}
}

// colorKey is the letters of a file's kind.
func (l *listing) colorKey(name string, mode linux.Mode, ok, dangling bool, nlink uint32) string {
	switch {
	case !ok:
		return "or"
	case mode.IsDir():
		other, sticky := mode&0o002 != 0, mode&linux.S_ISVTX != 0
		switch {
		case other && sticky:
			return "tw"
		case other:
			return "ow"
		case sticky:
			return "st"
		}
		return "di"
	case mode.IsSymlink():
		if dangling && (l.colors["or"] != "" || l.colors["ln"] == "target") {
			return "or"
		}
		return "ln"
	case mode.IsRegular():
		switch {
		case mode&linux.S_ISUID != 0:
			return "su"
		case mode&linux.S_ISGID != 0:
			return "sg"
		case mode&0o111 != 0:
			return "ex"
		case nlink > 1 && l.colors["mh"] != "":
			return "mh"
		}
		for i := len(l.colorExts) - 1; i >= 0; i-- {
			if fnmatch.Match(l.colorExts[i], name, 0) {
				return l.colorExts[i]
			}
		}
		return "fi"
	}
	return map[linux.Mode]string{linux.S_IFIFO: "pi", linux.S_IFSOCK: "so", linux.S_IFBLK: "bd", linux.S_IFCHR: "cd"}[mode.Type()]
}

// colored puts the colour of e around text.
func (l *listing) colored(e *lsEntry, text string) string {
	if !l.color && !l.hyperlink {
		return text
	}
	if !l.GNU() {
		return busyboxColor(e.st.Mode) + text + "\x1b[m"
	}
	if l.hyperlink {
		path := e.path
		if !strings.HasPrefix(path, "/") {
			wd, _ := l.Getwd()
			path = prog.JoinPath(wd, path)
		}
		text = "\x1b]8;;file://" + l.Uname().Nodename + path + "\a" + text + "\x1b]8;;\a"
		if !l.color {
			return text
		}
	}
	st := e.st
	if e.ok && e.targetOK && st.Mode.IsSymlink() && l.colors["ln"] == "target" {
		st = e.targetSt
	}
	return l.paint(l.colorKey(e.name, st.Mode, e.ok, !e.targetOK, st.Nlink), text)
}

func (l *listing) coloredTarget(e *lsEntry) string {
	text := l.quoted(e.target)
	if !l.GNU() {
		text = printable(e.target)
	}
	if !l.color {
		return text
	}
	if !l.GNU() {
		return busyboxColor(e.targetSt.Mode) + text + "\x1b[m"
	}
	key := l.colorKey(e.target, e.targetSt.Mode, e.targetOK, false, e.targetSt.Nlink)
	if !e.targetOK {
		key = "mi"
	}
	return l.paint(key, text)
}

// paint is GNU's way: the first colour of a run has a reset before it, blanks for alignment stay outside.
func (l *listing) paint(key, text string) string {
	code := l.colors[key]
	if code == "" || code == "0" || code == "00" {
		return text
	}
	lead := ""
	if l.someQuoted && strings.HasPrefix(text, " ") {
		lead, text = " ", text[1:]
	}
	if !l.usedColor {
		l.usedColor = true
		lead += "\x1b[0m"
	}
	return lead + "\x1b[" + code + "m" + text + "\x1b[0m"
}

// busyboxColor begins the colour of a file's type.
func busyboxColor(mode linux.Mode) string {
	bold, fg := "1", "0"
	switch mode.Type() {
	case linux.S_IFDIR:
		fg = "34"
	case linux.S_IFLNK:
		fg = "36"
	case linux.S_IFIFO:
		bold, fg = "0", "35"
	case linux.S_IFCHR, linux.S_IFBLK, linux.S_IFSOCK:
		fg = "35"
	case linux.S_IFREG:
		if mode&0o111 != 0 {
			fg = "32"
		} else {
			bold = "0"
		}
	default:
		fg = "31"
	}
	return "\x1b[" + bold + ";" + fg + "m"
}

// versionCompare orders names as ls -v does: digits by their value, "~" before everything, and a
// suffix like ".tar.gz" only if the rest is the same.
func versionCompare(a, b string) int {
	dots := func(s string) int {
		switch {
		case s == "":
			return 0
		case s == ".":
			return 1
		case s == "..":
			return 2
		case s[0] == '.':
			return 3
		}
		return 4
	}
	if da, db := dots(a), dots(b); da != db {
		return da - db
	}
	pa, pb := cutSuffixes(a), cutSuffixes(b)
	if r := verrevcmp(pa, pb); r != 0 || (len(pa) == len(a) && len(pb) == len(b)) {
		return r
	}
	return verrevcmp(a, b)
}

// cutSuffixes drops what matches (\.[A-Za-z~][A-Za-z0-9~]*)*$.
func cutSuffixes(s string) string {
	end := len(s)
	for {
		i := end - 1
		for i > 0 && isAlnumTilde(s[i]) {
			i--
		}
		if i <= 0 || s[i] != '.' || i+1 >= end || s[i+1] >= '0' && s[i+1] <= '9' {
			return s[:end]
		}
		end = i
	}
}

func isAlnumTilde(b byte) bool {
	return b == '~' || b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z'
}

func verrevcmp(a, b string) int {
	digit := func(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }
	order := func(s string) int {
		switch {
		case s == "" || digit(s):
			return 0
		case s[0] == '~':
			return -1
		case s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z':
			return int(s[0])
		}
		return int(s[0]) + 256
	}
	for a != "" || b != "" {
		for a != "" && !digit(a) || b != "" && !digit(b) {
			if r := order(a) - order(b); r != 0 {
				return r
			}
			if a != "" {
				a = a[1:]
			}
			if b != "" {
				b = b[1:]
			}
		}
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		first := 0
		for digit(a) && digit(b) {
			if first == 0 {
				first = int(a[0]) - int(b[0])
			}
			a, b = a[1:], b[1:]
		}
		switch {
		case digit(a):
			return 1
		case digit(b):
			return -1
		case first != 0:
			return first
		}
	}
	return 0
}

// strverscmp is glibc's: runs of digits compare by value, but with leading zeros as fractions.
func strverscmp(a, b string) int {
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	at := func(s string, i int) byte {
		if i < len(s) {
			return s[i]
		}
		return 0
	}
	i := 0
	for at(a, i) == at(b, i) {
		if i >= len(a) {
			return 0
		}
		i++
	}
	start := i
	for start > 0 && digit(a[start-1]) {
		start--
	}
	da, db := digit(at(a, i)), digit(at(b, i))
	if start < i && a[start] == '0' || start == i && (at(a, i) == '0' || at(b, i) == '0') && da && db {
		// A fraction: more leading zeros come first, then digit by digit.
		zeros := func(s string) int {
			n := start
			for at(s, n) == '0' {
				n++
			}
			if !digit(at(s, n)) {
				n-- // all zeros: the last one is a digit of its own
			}
			return n - start
		}
		if za, zb := zeros(a), zeros(b); za != zb {
			return zb - za
		}
		return int(at(a, i)) - int(at(b, i))
	}
	if da && db || start < i && (da || db) {
		la, lb := i, i
		for digit(at(a, la)) {
			la++
		}
		for digit(at(b, lb)) {
			lb++
		}
		if la != lb {
			return la - lb
		}
	}
	return int(at(a, i)) - int(at(b, i))
}
