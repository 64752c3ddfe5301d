package text

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/posixre"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// span is a range of a list, counted from 1.
type span struct{ lo, hi int }

const unlimited = 1 << 60

// cutter is one run of cut.
type cutter struct {
	c          *prog.Ctx
	kind       byte // b, c, f or F
	spans      []span
	delim      string
	out        string
	outSet     bool
	only       bool
	complement bool
	end        byte
	unsorted   bool // -D
	re         *posixre.Regexp
}

const (
	cutComplement = prog.LongOnly + iota
	cutOut
)

func cut(c *prog.Ctx) int {
	k := &cutter{c: c, delim: "\t", end: '\n'}
	short, long := "b:c:d:f:nsz", []prog.Long{{Name: "bytes", Arg: prog.ReqArg, Val: 'b'}, {Name: "characters", Arg: prog.ReqArg, Val: 'c'},
		{Name: "fields", Arg: prog.ReqArg, Val: 'f'}, {Name: "delimiter", Arg: prog.ReqArg, Val: 'd'}, {Name: "only-delimited", Val: 's'},
		{Name: "output-delimiter", Arg: prog.ReqArg, Val: cutOut}, {Name: "complement", Val: cutComplement}, {Name: "zero-terminated", Val: 'z'}}
	if !c.GNU() {
		short, long = "b:c:f:d:O:sDF:n", nil
	}
	list, delimSet := "", false
	usage := func(format string, args ...any) {
		c.Warn(format, args...)
		c.Usage()
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'b', 'c', 'f', 'F':
			if k.kind != 0 {
				if c.GNU() {
					usage("only one list may be specified")
				}
				c.Usage()
			}
			k.kind, list = byte(o.Val), o.Arg
		case 'd':
			if c.GNU() && len(o.Arg) > 1 {
				usage("the delimiter must be a single character")
			}
			k.delim, delimSet = o.Arg, true
			if o.Arg == "" && c.GNU() {
				k.delim = "\x00"
			}
		case 'O', cutOut:
			k.out, k.outSet = o.Arg, true
			if o.Arg == "" && c.GNU() {
				k.out = "\x00"
			}
		case 's':
			k.only = true
		case 'D':
			k.unsorted = true
		case 'z':
			k.end = 0
		case cutComplement:
			k.complement = true
		}
	}
	if k.kind == 0 {
		if c.GNU() {
			usage("you must specify a list of bytes, characters, or fields")
		}
		c.Die(1, "expected a list of bytes, characters, or fields")
	}
	if k.kind != 'f' && k.kind != 'F' {
		if c.GNU() {
			if delimSet {
				usage("an input delimiter may be specified only when operating on fields")
			}
			if k.only {
				usage("suppressing non-delimited lines makes sense\n\tonly when operating on fields")
			}
		} else if k.only {
			c.Die(1, "suppressing non-delimited lines makes sense only when operating on fields")
		} else if delimSet && k.delim != "\t" {
			c.Die(1, "a delimiter may be specified only when operating on fields")
		}
	}
	k.list(list)
	if k.kind == 'F' {
		p := k.delim
		if !delimSet {
			p = "[[:blank:]]+"
		}
		re, err := posixre.Compile(p, posixre.Extended|posixre.Regcomp)
		if err != nil {
			c.Die(1, "bad regex '%s': %v", p, err)
		}
		k.re = re
	}
	if !k.outSet {
		k.out = k.delim
		if k.kind == 'b' || k.kind == 'c' {
			k.out = ""
		}
		if k.kind == 'F' {
			k.out = " "
		}
	}
	for _, name := range orStdin(c.Args) {
		f := plainOpen(c, name)
		if f == nil {
			continue
		}
		in := newLines(c, f, k.end)
		for {
			raw, err := in.next()
			if err != nil {
				if err != io.EOF && c.GNU() {
					readFailed(c, name, err)
				}
				break
			}
			line, _ := in.chomp(raw)
			k.line(line)
		}
		f.Close()
	}
	return c.Status
}

// list reads a LIST.
func (k *cutter) list(s string) {
	c := k.c
	bad := func(format string, args ...any) {
		c.Warn(format, args...)
		if c.GNU() {
			c.Usage()
		}
		c.Exit(1)
	}
	seps := ","
	if c.GNU() {
		seps = ", \t"
	}
	if s == "" && !c.GNU() {
		bad("missing list of positions")
	}
	for _, item := range splitAny(s, seps) {
		lo, hi, ranged := strings.Cut(item, "-")
		num := func(t string) int {
			n, err := strconv.Atoi(t)
			if err != nil {
				if c.GNU() {
					if strings.Trim(t, "0123456789") == "" && t != "" {
						bad("%s '%s' is too large", map[bool]string{true: "field number", false: "byte/character offset"}[k.kind == 'f'], t)
					}
					if strings.Contains(hi, "-") {
						bad("invalid %s range", map[bool]string{true: "field", false: "byte or character"}[k.kind == 'f'])
					}
					bad("invalid %s '%s'", map[bool]string{true: "field value", false: "byte/character position"}[k.kind == 'f'], strings.TrimLeft(item, "0123456789-"))
				}
				c.Die(1, "invalid number '%s'", t)
			}
			return n
		}
		if item == "" || item == "-" {
			if item == "-" && c.GNU() {
				bad("invalid range with no endpoint: -")
			}
			if c.GNU() {
				if k.kind == 'f' {
					bad("fields are numbered from 1")
				}
				bad("byte/character positions are numbered from 1")
			}
			if item == "" {
				continue
			}
		}
		sp := span{1, unlimited}
		if lo != "" {
			sp.lo = num(lo)
		}
		switch {
		case !ranged:
			sp.hi = sp.lo
		case hi != "":
			sp.hi = num(hi)
		}
		if sp.lo < 1 || sp.hi < 1 && ranged && hi != "" {
			if c.GNU() {
				if k.kind == 'f' {
					bad("fields are numbered from 1")
				}
				bad("byte/character positions are numbered from 1")
			}
			if sp.lo < 0 {
				c.Die(1, "invalid number '%s'", lo)
			}
		}
		if sp.hi < sp.lo {
			if c.GNU() {
				bad("invalid decreasing range")
			}
			c.Die(1, "%d<%d", sp.hi, sp.lo-1)
		}
		if sp.lo < 1 { // Busybox takes 0 for 1
			sp = span{1, max(sp.hi, 1)}
		}
		k.spans = append(k.spans, sp)
	}
	if len(k.spans) == 0 {
		bad("missing list of positions")
	}
	if k.unsorted {
		return
	}
	slices.SortFunc(k.spans, func(a, b span) int { return a.lo - b.lo })
	merged := k.spans[:1]
	for _, s := range k.spans[1:] {
		last := &merged[len(merged)-1]
		if s.lo <= last.hi {
			last.hi = max(last.hi, s.hi)
			continue
		}
		merged = append(merged, s)
	}
	k.spans = merged
	if k.complement {
		var not []span
		at := 1
		for _, s := range k.spans {
			if at < s.lo {
				not = append(not, span{at, s.lo - 1})
			}
			at = s.hi + 1
		}
		if at < unlimited {
			not = append(not, span{at, unlimited})
		}
		k.spans = not
	}
}

// splitAny splits at any of the characters.
func splitAny(s, chars string) []string {
	var parts []string
	for {
		i := strings.IndexAny(s, chars)
		if i < 0 {
			return append(parts, s)
		}
		parts = append(parts, s[:i])
		s = s[i+1:]
	}
}

func (k *cutter) line(line []byte) {
	c := k.c
	end := string([]byte{k.end})
	if k.kind == 'b' || k.kind == 'c' {
		for i, s := range k.spans {
			if s.lo > len(line) {
				continue
			}
			if i > 0 && k.outSet {
				c.Print(k.out)
			}
			c.Out.Write(line[s.lo-1 : min(s.hi, len(line))])
		}
		c.Print(end)
		return
	}
	var fields [][]byte
	var seps [][]byte
	if k.kind == 'F' {
		at := 0
		for {
			loc := k.re.Match(line, at, 0, 0, stepper(c))
			if loc == nil || loc[1] == loc[0] {
				break
			}
			fields = append(fields, line[at:loc[0]])
			seps = append(seps, line[loc[0]:loc[1]])
			at = loc[1]
		}
		fields = append(fields, line[at:])
	} else {
		if !c.GNU() && k.delim == "\n" {
			fields = [][]byte{line}
		} else {
			fields = bytes.Split(line, []byte(k.delim[:min(1, len(k.delim))]))
		}
		if k.delim == "" {
			fields = [][]byte{line}
		}
	}
	if len(fields) == 1 && k.kind != 'F' {
		if !k.only {
			c.Out.Write(line)
			c.Print(end)
		}
		return
	}
	first := true
	for _, s := range k.spans {
		for i := s.lo; i <= min(s.hi, len(fields)); i++ {
			if !first {
				if k.kind == 'F' && !k.outSet && i-2 >= 0 && i > s.lo {
					c.Out.Write(seps[i-2])
				} else {
					c.Print(k.out)
				}
			}
			first = false
			c.Out.Write(fields[i-1])
		}
	}
	c.Print(end)
}

func paste(c *prog.Ctx) int {
	delims, serial, end := "\t", false, byte('\n')
	short, long := "d:sz", []prog.Long{{Name: "delimiters", Arg: prog.ReqArg, Val: 'd'}, {Name: "serial", Val: 's'}, {Name: "zero-terminated", Val: 'z'}}
	if !c.GNU() {
		short, long = "d:s", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'd':
			delims = o.Arg
		case 's':
			serial = true
		case 'z':
			end = 0
		}
	}
	var list []string // "" is no delimiter: \0
	for i := 0; i < len(delims); i++ {
		ch := delims[i : i+1]
		if ch == "\\" {
			if i++; i == len(delims) {
				if c.GNU() {
					c.Die(1, "delimiter list ends with an unescaped backslash: %s", delims)
				}
				break
			}
			switch ch = delims[i : i+1]; ch {
			case "0":
				ch = ""
			case "b":
				ch = "\b"
			case "f":
				ch = "\f"
			case "n":
				ch = "\n"
			case "r":
				ch = "\r"
			case "t":
				ch = "\t"
			case "v":
				ch = "\v"
			}
		}
		list = append(list, ch)
	}
	if len(list) == 0 {
		if !c.GNU() {
			c.Die(1, "-d '' is not supported")
		}
		list = []string{""}
	}
	eol := string([]byte{end})
	oneLine := func(in *lines) {
		for n := 0; ; n++ {
			raw, err := in.next()
			if err != nil {
				break
			}
			line, _ := in.chomp(raw)
			if n > 0 {
				c.Print(list[(n-1)%len(list)])
			}
			c.Out.Write(line)
		}
		c.Print(eol)
	}
	var files []*lines
	for _, name := range orStdin(c.Args) {
		f, err := input(c, name)
		if err != nil {
			readFailed(c, name, err)
			if !serial || !c.GNU() {
				return c.Status
			}
			continue
		}
		in := newLines(c, f, end)
		if serial {
			oneLine(in)
		}
		files = append(files, in)
	}
	if serial {
		return c.Status
	}
	if !c.GNU() {
		pasteBusybox(c, files, list)
		return c.Status
	}
	done := make([]bool, len(files))
	for {
		var row []string
		any := false
		for i, in := range files {
			text := ""
			if !done[i] {
				raw, err := in.next()
				if err != nil {
					done[i] = true
				} else {
					line, _ := in.chomp(raw)
					text, any = string(line), true
				}
			}
			row = append(row, text)
		}
		if !any {
			return c.Status
		}
		for i, text := range row {
			if i > 0 {
				c.Print(list[(i-1)%len(list)])
			}
			c.Print(text)
		}
		c.Print(eol)
	}
}

// pasteBusybox writes no delimiter, and no end of line, for a file that has ended.
func pasteBusybox(c *prog.Ctx, files []*lines, delims []string) {
	for left := len(files); left > 0; {
		n := 0
		for i, in := range files {
			if in == nil {
				continue
			}
			raw, err := in.next()
			if err != nil {
				files[i] = nil
				left--
				continue
			}
			line, _ := in.chomp(raw)
			c.Out.Write(line)
			if i == len(files)-1 {
				c.Print("\n")
				continue
			}
			c.Print(delims[n])
			n = (n + 1) % len(delims)
		}
	}
}

func uniq(c *prog.Ctx) int {
	var count, repeated, unique, ignore, all bool
	skipFields, skipChars, width := 0, 0, -1
	end := byte('\n')
	method, group := "", ""
	short, long := "0123456789Dcdf:is:uw:z", []prog.Long{{Name: "count", Val: 'c'}, {Name: "repeated", Val: 'd'}, {Name: "all-repeated", Arg: prog.OptArg, Val: 'D'},
		{Name: "group", Arg: prog.OptArg, Val: prog.LongOnly}, {Name: "ignore-case", Val: 'i'}, {Name: "unique", Val: 'u'}, {Name: "skip-fields", Arg: prog.ReqArg, Val: 'f'},
		{Name: "skip-chars", Arg: prog.ReqArg, Val: 's'}, {Name: "check-chars", Arg: prog.ReqArg, Val: 'w'}, {Name: "zero-terminated", Val: 'z'}}
	if !c.GNU() {
		short, long = "cduf:s:w:iz", nil
	}
	number := func(s, what string) int {
		n, ok := parseCount(s)
		if !ok || n < 0 {
			if c.GNU() {
				c.Die(1, "%s: %s", s, what)
			}
			c.Die(1, "invalid number '%s'", s)
		}
		return n
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'c':
			count = true
		case 'd':
			repeated = true
		case 'D':
			all, repeated, method = true, true, ""
			if o.Has {
				method = c.Choose("--all-repeated", o.Arg, "none", "prepend", "separate")
			}
		case prog.LongOnly:
			group = "separate"
			if o.Has {
				group = c.Choose("--group", o.Arg, "prepend", "append", "separate", "both")
			}
		case 'i':
			ignore = true
		case 'u':
			unique = true
		case 'f':
			skipFields = number(o.Arg, "invalid number of fields to skip")
		case 's':
			skipChars = number(o.Arg, "invalid number of bytes to skip")
		case 'w':
			width = number(o.Arg, "invalid number of bytes to compare")
		case 'z':
			end = 0
		default:
			skipFields = skipFields*10 + o.Val - '0'
		}
	}
	if c.GNU() {
		// The obsolete "+N" skips characters.
		if len(c.Args) > 0 && strings.HasPrefix(c.Args[0], "+") {
			if n, ok := parseCount(c.Args[0][1:]); ok {
				skipChars, c.Args = n, c.Args[1:]
			}
		}
		c.AtMost(2)
	}
	if group != "" && (count || repeated || unique) {
		c.Warn("--group is mutually exclusive with -c/-d/-D/-u")
		c.Usage()
	}
	if count && all {
		c.Warn("printing all duplicated lines and repeat counts is meaningless")
		c.Usage()
	}
	in := io.Reader(c.In)
	if len(c.Args) > 0 && c.Args[0] != "-" {
		f := opened(c, c.Args[0])
		if f == nil {
			return 1
		}
		defer f.Close()
		in = f
	}
	var out io.Writer = c.Out
	if len(c.Args) > 1 && c.Args[1] != "-" {
		f, err := c.CreateFile(c.Args[1])
		if err != nil {
			cannotOpen(c, c.Args[1], err)
			return 1
		}
		defer f.Close()
		out = f
	}
	key := func(line []byte) string {
		for range skipFields {
			line = bytes.TrimLeft(line, " \t")
			i := bytes.IndexAny(line, " \t")
			if i < 0 {
				line = nil
				break
			}
			line = line[i:]
		}
		line = line[min(skipChars, len(line)):]
		if width >= 0 {
			line = line[:min(width, len(line))]
		}
		if ignore {
			return string(bytes.ToLower(line))
		}
		return string(line)
	}
	eol := []byte{end}
	ls := newLines(c, in, end)
	var same [][]byte
	sameKey, n, groups := "", 0, 0
	write := func(line []byte) {
		out.Write(line)
		out.Write(eol)
	}
	flush := func() {
		if n == 0 {
			return
		}
		switch {
		case group != "":
			if groups > 0 || group == "prepend" || group == "both" {
				if groups == 0 || group != "append" && group != "both" || group == "both" && groups == 0 {
					out.Write(eol)
				}
			}
			for _, l := range same {
				write(l)
			}
			if group == "append" || group == "both" {
				out.Write(eol)
			}
			groups++
			return
		case all:
			if n < 2 {
				return
			}
			if method == "prepend" || method == "separate" && groups > 0 {
				out.Write(eol)
			}
			groups++
			for _, l := range same {
				write(l)
			}
			return
		case repeated && unique, repeated && n < 2, unique && n > 1:
			return
		}
		if count {
			s := strconv.Itoa(n)
			io.WriteString(out, strings.Repeat(" ", max(0, 7-len(s)))+s+" ")
		}
		write(same[0])
	}
	for {
		raw, err := ls.next()
		if err != nil {
			if err != io.EOF {
				readFailed(c, c.Args[0], err)
			}
			break
		}
		line, _ := ls.chomp(raw)
		k := key(line)
		if n > 0 && k == sameKey {
			n++
			if all || group != "" {
				same = append(same, line)
			}
			continue
		}
		flush()
		same, sameKey, n = [][]byte{line}, k, 1
	}
	flush()
	return c.Status
}

const (
	commCheck = prog.LongOnly + iota
	commNoCheck
	commOut
	commTotal
)

func comm(c *prog.Ctx) int {
	show := [4]bool{1: true, 2: true, 3: true}
	check, total, sep, end := 0, false, "\t", byte('\n')
	outGiven := false
	short, long := "123z", []prog.Long{{Name: "check-order", Val: commCheck}, {Name: "nocheck-order", Val: commNoCheck}, {Name: "output-delimiter", Arg: prog.ReqArg, Val: commOut},
		{Name: "total", Val: commTotal}, {Name: "zero-terminated", Val: 'z'}}
	if !c.GNU() {
		short, long = "123", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case '1', '2', '3':
			show[o.Val-'0'] = false
		case 'z':
			end = 0
		case commCheck:
			check = 1
		case commNoCheck:
			check = -1
		case commOut:
			if outGiven && o.Arg != sep {
				c.Die(1, "multiple output delimiters specified")
			}
			if outGiven, sep = true, o.Arg; sep == "" {
				sep = "\x00"
			}
		case commTotal:
			total = true
		}
	}
	twoOperands(c)
	var ins [2]*lines
	for i, name := range c.Args {
		f, err := input(c, name)
		if err != nil {
			readFailed(c, name, err)
			return 1
		}
		defer f.Close()
		ins[i] = newLines(c, f, end)
	}
	var line [2][]byte
	var have, warned [2]bool
	unpaired := false
	advance := func(i int) {
		prev := line[i]
		had := have[i]
		raw, err := ins[i].next()
		if err != nil {
			have[i] = false
			return
		}
		line[i], _ = ins[i].chomp(raw)
		have[i] = true
		if had && c.GNU() && check >= 0 && !warned[i] && (check > 0 || unpaired) && bytes.Compare(prev, line[i]) > 0 {
			warned[i] = true
			c.Fail("file %d is not in sorted order", i+1)
			if check > 0 {
				c.Exit(1)
			}
		}
	}
	advance(0)
	advance(1)
	var n [4]int
	put := func(col int, l []byte) {
		n[col]++
		if !show[col] {
			return
		}
		if col > 1 && show[1] {
			c.Print(sep)
		}
		if col > 2 && show[2] {
			c.Print(sep)
		}
		c.Out.Write(l)
		c.Out.WriteByte(end)
	}
	for have[0] || have[1] {
		order := 0
		switch {
		case !have[0]:
			order = 1
		case !have[1]:
			order = -1
		default:
			order = bytes.Compare(line[0], line[1])
		}
		switch {
		case order == 0:
			put(3, line[0])
			advance(0)
			advance(1)
		case order < 0:
			unpaired = true
			put(1, line[0])
			advance(0)
		default:
			unpaired = true
			put(2, line[1])
			advance(1)
		}
	}
	if total {
		c.Printf("%d%s%d%s%d%stotal", n[1], sep, n[2], sep, n[3], sep)
		c.Out.WriteByte(end)
	}
	if c.GNU() && (warned[0] || warned[1]) && check == 0 {
		c.Warn("input is not in sorted order")
	}
	return c.Status
}

// twoOperands wants exactly two operands, in GNU's words.
func twoOperands(c *prog.Ctx) {
	switch len(c.Args) {
	case 0:
		if c.GNU() {
			c.Warn("missing operand")
		}
		c.Usage()
	case 1:
		if c.GNU() {
			c.Warn("missing operand after %s", c.Quote(c.Args[0]))
		}
		c.Usage()
	default:
		c.AtMost(2)
	}
}
