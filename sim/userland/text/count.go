package text

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// counts is what wc counts.
type counts struct{ lines, words, chars, bytes, longest int64 }

func wc(c *prog.Ctx) int {
	var lines, words, chars, bytes, longest bool
	filesFrom := ""
	short, long := "clLmw", []prog.Long{{Name: "bytes", Val: 'c'}, {Name: "chars", Val: 'm'}, {Name: "lines", Val: 'l'}, {Name: "words", Val: 'w'},
		{Name: "files0-from", Arg: prog.ReqArg, Val: prog.LongOnly}, {Name: "max-line-length", Val: 'L'}}
	if !c.GNU() {
		short, long = "cmlwL", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'c':
			bytes = true
		case 'm':
			chars = true
		case 'l':
			lines = true
		case 'w':
			words = true
		case 'L':
			longest = true
		default:
			filesFrom = o.Arg
		}
	}
	if !lines && !words && !chars && !bytes && !longest {
		lines, words, bytes = true, true, true
	}
	files := c.Args
	if filesFrom != "" {
		if len(files) > 0 {
			c.Warn("extra operand %s", c.QuoteFile(files[0]))
			c.Errorf("file operands cannot be combined with --files0-from\n")
			c.Usage()
		}
		f, err := input(c, filesFrom)
		var b []byte
		if err == nil {
			b, err = readLimited(f)
		}
		if err != nil {
			c.Die(1, "cannot open %s for reading: %v", c.QuoteFile(filesFrom), err)
		}
		if len(b) == 0 {
			return 0
		}
		files = strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	}
	wide := utf8Locale(c)
	n := 0
	for _, b := range []bool{lines, words, chars, bytes, longest} {
		if b {
			n++
		}
	}
	// GNU's columns are as wide as the sum of the sizes.
	width := 1
	if c.GNU() && filesFrom != "-" && (len(files) > 1 || n > 1) {
		width = 7
		total, regular := int64(0), true
		for _, f := range orStdin(files) {
			st, err := c.Stat(f)
			if f == "-" {
				st, err = c.Fstat(0)
			}
			if err == nil {
				if st.Mode.IsRegular() {
					total += st.Size
				} else {
					regular = false
				}
			}
		}
		width = len(strconv.FormatInt(total, 10))
		if !regular {
			width = max(width, 7)
		}
	}
	row := func(k counts, name string) {
		var s []string
		for _, v := range []struct {
			on bool
			n  int64
		}{{lines, k.lines}, {words, k.words}, {chars, k.chars}, {bytes, k.bytes}, {longest, k.longest}} {
			if !v.on {
				continue
			}
			t := strconv.FormatInt(v.n, 10)
			w := width
			if !c.GNU() && (n > 1 || len(files) > 1) {
				w = 9
			}
			s = append(s, strings.Repeat(" ", max(0, w-len(t)))+t)
		}
		c.Print(strings.Join(s, " "))
		if name != "" {
			c.Print(" ", name)
		}
		c.Print("\n")
	}
	named := files
	if len(files) == 0 {
		named = []string{""}
	}
	var total counts
	for i, name := range named {
		arg := name
		if arg == "" {
			arg = "-"
			if len(files) > 0 && c.GNU() {
				at := ""
				if filesFrom != "" {
					at = filesFrom + ":" + strconv.Itoa(i+1) + ": "
				}
				c.Fail("%sinvalid zero-length file name", at)
				continue
			}
		}
		f := plainOpen(c, arg)
		if f == nil {
			continue
		}
		k, err := count(c, f, wide)
		f.Close()
		if err != nil {
			readFailed(c, name, err)
		}
		row(k, name)
		total.lines += k.lines
		total.words += k.words
		total.chars += k.chars
		total.bytes += k.bytes
		total.longest = max(total.longest, k.longest)
	}
	if len(files) > 1 {
		row(total, "total")
	}
	return c.Status
}

func count(c *prog.Ctx, f io.Reader, wide bool) (k counts, err error) {
	buf := make([]byte, 32768)
	word := false
	col := int64(0)
	for {
		n, err := f.Read(buf)
		c.Step(n / 64)
		for i := 0; i < n; i++ {
			ch := buf[i]
			if !wide || utf8.RuneStart(ch) {
				k.chars++
			}
			switch {
			case ch == '\n' || ch == '\r' || ch == '\f':
				if ch == '\n' {
					k.lines++
				}
				k.longest = max(k.longest, col)
				col = 0
				word = false
				continue
			case ch == '\t':
				col += 8 - col%8
				word = false
				continue
			case ch == ' ' || ch == '\v':
				if ch == ' ' {
					col++
				}
				word = false
				continue
			case ch >= ' ' && ch < 0x7f || wide && ch >= 0xc0:
				col++
			case !wide || ch < 0x80:
				continue // what cannot be printed takes no column and begins no word
			}
			if !word {
				word = true
				k.words++
			}
		}
		k.bytes += int64(n)
		if err != nil {
			k.longest = max(k.longest, col)
			if err == io.EOF {
				err = nil
			}
			return k, err
		}
	}
}

func nl(c *prog.Ctx) int {
	bodyStyle, headerStyle, footerStyle := "t", "n", "n"
	sep, inc, start, width, join := "\t", int64(1), int64(1), 6, int64(1)
	format, delim, renumber := "rn", "\\:", true
	short, long := "h:b:f:v:i:pl:s:w:n:d:", []prog.Long{{Name: "header-numbering", Arg: prog.ReqArg, Val: 'h'}, {Name: "body-numbering", Arg: prog.ReqArg, Val: 'b'},
		{Name: "footer-numbering", Arg: prog.ReqArg, Val: 'f'}, {Name: "starting-line-number", Arg: prog.ReqArg, Val: 'v'}, {Name: "line-increment", Arg: prog.ReqArg, Val: 'i'},
		{Name: "no-renumber", Val: 'p'}, {Name: "join-blank-lines", Arg: prog.ReqArg, Val: 'l'}, {Name: "number-separator", Arg: prog.ReqArg, Val: 's'},
		{Name: "number-width", Arg: prog.ReqArg, Val: 'w'}, {Name: "number-format", Arg: prog.ReqArg, Val: 'n'}, {Name: "section-delimiter", Arg: prog.ReqArg, Val: 'd'}}
	if !c.GNU() {
		short, long = "pw:l:v:b:s:i:", []prog.Long{{Name: "body-numbering", Arg: prog.ReqArg, Val: 'b'}, {Name: "starting-line-number", Arg: prog.ReqArg, Val: 'v'},
			{Name: "line-increment", Arg: prog.ReqArg, Val: 'i'}, {Name: "number-separator", Arg: prog.ReqArg, Val: 's'}, {Name: "number-width", Arg: prog.ReqArg, Val: 'w'}}
	}
	number := func(s, what string, lo int64) int64 {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < lo {
			if c.GNU() {
				if err == nil && lo == 1 {
					c.Die(1, "%s: '%s': %v", what, s, linux.ERANGE)
				}
				c.Die(1, "%s: '%s'", what, s)
			}
			c.Die(1, "invalid number '%s'", s)
		}
		return n
	}
	style := func(s, what string) string {
		if s == "" || strings.IndexByte("atnp", s[0]) < 0 || len(s) > 1 && s[0] != 'p' {
			if c.GNU() {
				c.Warn("invalid %s numbering style: '%s'", what, s)
				c.Usage()
			}
		}
		return s
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'h':
			headerStyle = style(o.Arg, "header")
		case 'b':
			bodyStyle = style(o.Arg, "body")
		case 'f':
			footerStyle = style(o.Arg, "footer")
		case 'v':
			start = number(o.Arg, "invalid starting line number", -1<<62)
		case 'i':
			inc = number(o.Arg, "invalid line number increment", -1<<62)
		case 'p':
			renumber = false
		case 'l':
			join = number(o.Arg, "invalid line number of blank lines", 1)
		case 's':
			sep = o.Arg
		case 'w':
			width = int(min(number(o.Arg, "invalid line number field width", 1), 1000))
		case 'n':
			if o.Arg != "ln" && o.Arg != "rn" && o.Arg != "rz" {
				c.Warn("invalid line numbering format: '%s'", o.Arg)
				c.Usage()
			}
			format = o.Arg
		case 'd':
			delim = o.Arg
			if len(delim) == 1 {
				delim += ":"
			}
		}
	}
	style2, n, blanks := bodyStyle, start, int64(0)
	var styles = map[string]matcher{}
	for _, s := range []string{headerStyle, bodyStyle, footerStyle} {
		if strings.HasPrefix(s, "p") {
			re, err := compileBasic(s[1:])
			if err != nil {
				c.Die(1, "%v", err)
			}
			styles[s] = posixMatcher{re, stepper(c)}
		}
	}
	for _, name := range orStdin(c.Args) {
		f := plainOpen(c, name)
		if f == nil {
			continue
		}
		in := newLines(c, f, '\n')
		for {
			raw, err := in.next()
			if err != nil {
				if err != io.EOF {
					readFailed(c, name, err)
				}
				break
			}
			line, _ := in.chomp(raw)
			if c.GNU() && delim != "" && len(line) > 0 && strings.Count(string(line), delim)*len(delim) == len(line) && len(line) <= 3*len(delim) {
				style2 = []string{footerStyle, bodyStyle, headerStyle}[len(line)/len(delim)-1]
				if renumber {
					n = start
				}
				c.Print("\n")
				continue
			}
			take := false
			switch style2[0] {
			case 'a':
				take = true
				if join > 1 && len(line) == 0 {
					if blanks++; blanks < join {
						take = false
					} else {
						blanks = 0
					}
				} else {
					blanks = 0
				}
			case 't':
				take = len(line) > 0
			case 'p':
				_, _, take = styles[style2].find(line, 0)
			}
			if !take {
				c.Print(strings.Repeat(" ", width+len(sep)))
			} else {
				s := strconv.FormatInt(n, 10)
				pad := strings.Repeat(" ", max(0, width-len(s)))
				switch format {
				case "ln":
					c.Print(s, pad, sep)
				case "rn":
					c.Print(pad, s, sep)
				case "rz":
					c.Print(strings.Repeat("0", max(0, width-len(s))), s, sep)
				}
				n += inc
			}
			c.Out.Write(line)
			c.Print("\n")
		}
		f.Close()
	}
	return c.Status
}
