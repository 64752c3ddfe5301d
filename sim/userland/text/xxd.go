package text

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// xxdRun is one run of the xxd that comes with vim.
type xxdRun struct {
	c *prog.Ctx

	kind          byte // 'x' hexadecimal, 'b' bits, 'e' little endian, 'p' plain, 'i' C source
	reverse       bool
	upper         bool
	decimal       bool // addresses
	skipZeros     bool // -a
	capital       bool // -C
	name          string
	cols, group   int // -1: not given
	limit         int64
	seek          int64
	seekSet       bool
	fromEnd       bool
	displayOffset int64
}

// xxdWords are the long spellings of options that take a number: what may stand behind the letter.
var xxdWords = map[byte]string{'c': "ols", 'g': "roup", 'l': "en", 's': "kip", 'o': "ff", 'n': "ame"}

func xxd(c *prog.Ctx) int {
	if !c.GNU() {
		return xxdBusybox(c)
	}
	d := &xxdRun{c: c, kind: 'x', cols: -1, group: -1, limit: -1}
	args := c.Args
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		if strings.HasPrefix(a, "--") {
			a = a[1:]
		}
		value := func() string {
			rest := a[2:]
			if rest == "" || strings.HasPrefix(rest, xxdWords[a[1]]) || a[1] == 's' && strings.HasPrefix(rest, "eek") {
				if len(args) == 0 {
					d.usage()
				}
				rest, args = args[0], args[1:]
			}
			return rest
		}
		switch a[1] {
		case 'a':
			d.skipZeros = !d.skipZeros
		case 'b', 'e', 'p', 'i':
			d.kind = a[1]
		case 'u':
			d.upper = true
		case 'd':
			d.decimal = true
		case 'r':
			d.reverse = true
		case 'C':
			d.capital = true
		case 'v':
			c.Errorf("xxd 2022-01-14 by Juergen Weigert et al.\n")
			return 0
		case 'n':
			d.name = value()
		case 'c':
			d.cols = int(xxdNumber(value()))
		case 'g':
			d.group = int(xxdNumber(value()))
		case 'l':
			d.limit = max(xxdNumber(value()), 0)
		case 'o':
			d.displayOffset = xxdNumber(value())
		case 's':
			v := value()
			d.seekSet, d.seek = true, xxdNumber(v)
			d.fromEnd = d.seek < 0
		default:
			d.usage()
		}
	}
	if len(args) > 2 {
		d.usage()
	}
	d.defaults()
	in := io.Reader(c.In)
	if len(args) > 0 && args[0] != "-" {
		f, err := c.OpenFile(args[0], linux.O_RDONLY, 0)
		if err != nil {
			c.Die(2, "%s: %v", args[0], err)
		}
		defer f.Close()
		in = f
		if d.name == "" {
			d.name = args[0]
		}
	}
	out := io.Writer(c.Out)
	if len(args) > 1 && args[1] != "-" {
		flags := linux.O_WRONLY | linux.O_CREAT
		if !d.reverse {
			flags |= linux.O_TRUNC
		}
		f, err := c.OpenFile(args[1], flags, 0o666)
		if err != nil {
			c.Die(3, "%s: %v", args[1], err)
		}
		defer f.Close()
		out = f
	}
	w := bufio.NewWriter(out)
	if d.reverse {
		if d.kind != 'x' && d.kind != 'p' {
			c.Die(1, "Sorry, cannot revert this type of hexdump")
		}
		d.revert(in, w)
	} else {
		b, err := readLimited(in)
		if err != nil {
			c.Die(2, "%v", err)
		}
		c.Step(len(b) / 8)
		d.dump(d.part(b, len(args) > 0 && args[0] != "-"), w)
	}
	if err := w.Flush(); err != nil {
		c.Die(3, "%v", err)
	}
	return 0
}

// xxdNumber is C's strtol: what is no number is 0.
func xxdNumber(s string) int64 {
	for end := len(s); end > 0; end-- {
		if n, err := strconv.ParseInt(s[:end], 0, 64); err == nil {
			return n
		}
	}
	return 0
}

func (d *xxdRun) usage() {
	d.c.Errorf("Usage:\n       %[1]s [options] [infile [outfile]]\n    or\n       %[1]s -r [-s [-]offset] [-c cols] [-ps] [infile [outfile]]\n", d.c.Name)
	for _, o := range [][2]string{
		{"-a", "a single * for lines of zeros"}, {"-b", "bits"}, {"-C", "names in capitals, with -i"}, {"-c cols", "bytes of a line"},
		{"-e", "groups of little endian bytes"}, {"-g bytes", "bytes of a group"}, {"-i", "source of C"}, {"-l len", "so many bytes at most"},
		{"-n name", "the variable's name, with -i"}, {"-o off", "added to each address"}, {"-ps", "nothing but digits"}, {"-r", "from a dump back to bytes"},
		{"-d", "decimal addresses"}, {"-s seek", "start there"}, {"-u", "digits in capitals"}, {"-v", "version"},
	} {
		d.c.Errorf("    %-11s %s\n", o[0], o[1])
	}
	d.c.Exit(1)
}

// defaults sets the columns and groups that each kind has.
func (d *xxdRun) defaults() {
	if d.cols <= 0 || d.cols > 256 && d.kind == 'p' {
		d.cols = map[byte]int{'p': 30, 'i': 12, 'b': 6}[d.kind]
		if d.cols == 0 {
			d.cols = 16
		}
	}
	if d.cols > 256 && d.kind != 'i' {
		d.c.Die(1, "invalid number of columns (max. 256).")
	}
	if d.group < 0 {
		d.group = map[byte]int{'b': 1, 'e': 4}[d.kind]
		if d.group == 0 {
			d.group = 2
		}
	}
	if d.group < 1 || d.group > d.cols {
		d.group = d.cols
	}
	if d.kind == 'e' && bits.OnesCount(uint(d.group)) != 1 {
		d.c.Die(1, "number of octets per group must be a power of 2 with -e.")
	}
}

// part is what -s and -l leave of the input; it moves the addresses along.
func (d *xxdRun) part(b []byte, file bool) []byte {
	if d.seekSet {
		at := d.seek
		if d.fromEnd {
			at += int64(len(b))
			if !file || at < 0 {
				d.c.Die(4, "Sorry, cannot seek.")
			}
		}
		at = min(at, int64(len(b)))
		b = b[at:]
		d.seek = at
	}
	if d.limit >= 0 {
		b = b[:min(d.limit, int64(len(b)))]
	}
	return b
}

func (d *xxdRun) hex(x byte) string {
	if d.upper {
		return strings.ToUpper(hex.EncodeToString([]byte{x}))
	}
	return hex.EncodeToString([]byte{x})
}

func (d *xxdRun) dump(b []byte, w *bufio.Writer) {
	switch d.kind {
	case 'p':
		for len(b) > 0 {
			n := min(d.cols, len(b))
			for _, x := range b[:n] {
				w.WriteString(d.hex(x))
			}
			w.WriteByte('\n')
			b = b[n:]
		}
		return
	case 'i':
		d.source(b, w)
		return
	}
	at := d.seek + d.displayOffset
	zeros := 0
	var first, last string // lines of zeros: the second of a run, and the latest
	for len(b) > 0 {
		n := min(d.cols, len(b))
		line := d.line(at, b[:n])
		whole := n == d.cols
		if d.skipZeros && whole && strings.Trim(string(b[:n]), "\x00") == "" {
			zeros++
			switch zeros {
			case 1:
				w.WriteString(line)
			case 2:
				first = line
			}
			last = line
		} else {
			switch {
			case zeros == 2:
				w.WriteString(first)
			case zeros > 2:
				w.WriteString("*\n")
			}
			zeros = 0
			w.WriteString(line)
		}
		b = b[n:]
		at += int64(n)
	}
	// The last line is always written.
	if zeros == 3 {
		w.WriteString(first)
	} else if zeros > 3 {
		w.WriteString("*\n")
	}
	if zeros > 1 {
		w.WriteString(last)
	}
}

// line is an address, the bytes in groups, and the characters.
func (d *xxdRun) line(at int64, b []byte) string {
	format, digits := "%08x:", 2
	if d.decimal {
		format = "%08d:"
	}
	if d.kind == 'b' {
		digits = 8
	}
	addr := fmt.Sprintf(format, at)
	cell := digits*d.group + 1
	text := len(addr) + 3 + (cell*d.cols-1)/d.group
	line := []byte(strings.Repeat(" ", text+len(b)))
	copy(line, addr)
	for i, x := range b {
		p := i
		if d.kind == 'e' {
			p ^= d.group - 1
		}
		at := len(addr) + 1 + cell*p/d.group
		if d.kind == 'b' {
			copy(line[at:], fmt.Sprintf("%08b", x))
		} else {
			copy(line[at:], d.hex(x))
		}
		if x < ' ' || x > '~' {
			x = '.'
		}
		line[text+i] = x
	}
	return string(line) + "\n"
}

// source writes C source.
func (d *xxdRun) source(b []byte, w *bufio.Writer) {
	id, length := "", "_len"
	for i, r := range []byte(d.name) {
		switch {
		case r >= '0' && r <= '9':
			if i == 0 {
				id += "__"
			}
			id += string(rune(r))
		case r|0x20 >= 'a' && r|0x20 <= 'z':
			id += string(rune(r))
		default:
			id += "_"
		}
	}
	if d.capital {
		id, length = strings.ToUpper(id), "_LEN"
	}
	if id != "" {
		fmt.Fprintf(w, "unsigned char %s[] = {\n", id)
	}
	x := "0x"
	if d.upper {
		x = "0X"
	}
	for i, v := range b {
		switch {
		case i == 0:
			w.WriteString("  ")
		case i%d.cols == 0:
			w.WriteString(",\n  ")
		default:
			w.WriteString(", ")
		}
		w.WriteString(x + d.hex(v))
	}
	if len(b) > 0 {
		w.WriteByte('\n')
	}
	if id != "" {
		fmt.Fprintf(w, "};\nunsigned int %s%s = %d;\n", id, length, len(b))
	}
}

// revert writes the bytes of a dump, with zeros where its addresses leave gaps.
func (d *xxdRun) revert(in io.Reader, w *bufio.Writer) {
	lines := newLines(d.c, in, '\n')
	at := int64(0)
	for {
		raw, err := lines.next()
		if err != nil {
			return
		}
		text := strings.TrimRight(string(raw), "\r\n")
		if d.kind != 'p' {
			addr, rest, ok := strings.Cut(text, ":")
			to, err := strconv.ParseInt(strings.TrimSpace(addr), 16, 64)
			if !ok || err != nil {
				continue
			}
			if to += d.seek; to > at {
				if to-at > maxLine {
					d.c.Die(5, "sorry, cannot seek backwards.")
				}
				w.Write(make([]byte, to-at))
				at = to
			}
			text = strings.TrimPrefix(rest, " ")
			if i := strings.Index(text, "  "); i >= 0 {
				text = text[:i]
			}
		}
		var digits []byte
		for i := 0; i < len(text); i++ {
			if trClasses["xdigit"](text[i]) {
				digits = append(digits, text[i])
			} else if d.kind != 'p' && text[i] != ' ' {
				break
			}
		}
		n := len(digits) / 2
		if d.kind != 'p' {
			n = min(n, d.cols)
		}
		b := make([]byte, n)
		hex.Decode(b, digits[:2*n])
		w.Write(b)
		at += int64(n)
	}
}
