package text

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// sortOrder is how a key is compared.
type sortOrder struct {
	blanksStart, blanksEnd               bool
	dictionary, fold, printable, reverse bool
	kind                                 byte // 0 text, n g h M V R
}

func (o sortOrder) plain() bool { return o == sortOrder{} }

// sortKey is a -k. Fields and characters count from 0; end < 0 is the line's end.
type sortKey struct {
	field, char       int
	endField, endChar int
	order             sortOrder
}

// sorter is one run of sort.
type sorter struct {
	c      *prog.Ctx
	keys   []sortKey
	global sortOrder
	tab    int // -1: fields are separated by the change from blank to not blank
	unique bool
	stable bool
	end    byte
	check  byte
	merge  bool
	output string
	salt   []byte // of -R
}

const (
	sortCheck = prog.LongOnly + iota
	sortWord
	sortFiles0
	sortParallel
	sortBatch
	sortRandomSource
	sortCompress
)

var sortLong = []prog.Long{{Name: "ignore-leading-blanks", Val: 'b'}, {Name: "check", Arg: prog.OptArg, Val: sortCheck}, {Name: "compress-program", Arg: prog.ReqArg, Val: sortCompress},
	{Name: "dictionary-order", Val: 'd'}, {Name: "ignore-case", Val: 'f'}, {Name: "files0-from", Arg: prog.ReqArg, Val: sortFiles0}, {Name: "general-numeric-sort", Val: 'g'},
	{Name: "ignore-nonprinting", Val: 'i'}, {Name: "key", Arg: prog.ReqArg, Val: 'k'}, {Name: "merge", Val: 'm'}, {Name: "month-sort", Val: 'M'},
	{Name: "numeric-sort", Val: 'n'}, {Name: "human-numeric-sort", Val: 'h'}, {Name: "version-sort", Val: 'V'}, {Name: "random-sort", Val: 'R'},
	{Name: "random-source", Arg: prog.ReqArg, Val: sortRandomSource}, {Name: "sort", Arg: prog.ReqArg, Val: sortWord}, {Name: "output", Arg: prog.ReqArg, Val: 'o'},
	{Name: "reverse", Val: 'r'}, {Name: "stable", Val: 's'}, {Name: "batch-size", Arg: prog.ReqArg, Val: sortBatch}, {Name: "buffer-size", Arg: prog.ReqArg, Val: 'S'},
	{Name: "field-separator", Arg: prog.ReqArg, Val: 't'}, {Name: "temporary-directory", Arg: prog.ReqArg, Val: 'T'}, {Name: "unique", Val: 'u'},
	{Name: "zero-terminated", Val: 'z'}, {Name: "parallel", Arg: prog.ReqArg, Val: sortParallel}}

func sortProgram(c *prog.Ctx) int {
	s := &sorter{c: c, tab: -1, end: '\n'}
	c.UsageStatus, c.WriteStatus = 2, 2
	short, long := "bcCdfghik:mMno:rRsS:t:T:uVy:z", sortLong
	if !c.GNU() {
		short, long = "ngMVucszbrdfimS:T:o:k:t:", nil
	}
	files0, source := "", ""
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'b', 'd', 'f', 'g', 'h', 'i', 'M', 'n', 'r', 'R', 'V':
			s.set(&s.global, byte(o.Val), true, true)
		case 'c':
			s.check = 'c'
		case 'C':
			s.check = 'C'
		case sortCheck:
			switch {
			case !o.Has || strings.HasPrefix("diagnose-first", o.Arg):
				s.check = 'c'
			case strings.HasPrefix("quiet", o.Arg) || strings.HasPrefix("silent", o.Arg):
				s.check = 'C'
			default:
				c.Choose("--check", o.Arg, "quiet|silent", "diagnose-first")
			}
		case sortWord:
			w := c.Choose("--sort", o.Arg, "general-numeric", "human-numeric", "month", "numeric", "random", "version")
			s.set(&s.global, map[string]byte{"general-numeric": 'g', "human-numeric": 'h', "month": 'M', "numeric": 'n', "random": 'R', "version": 'V'}[w], true, true)
		case sortFiles0:
			files0 = o.Arg
		case sortRandomSource:
			if source != "" && source != o.Arg {
				c.Die(2, "multiple random sources specified")
			}
			source = o.Arg
		case 'T', 'y', sortCompress:
			// How the work is done changes nothing: the lab sorts in memory.
		case sortParallel, sortBatch, 'S':
			if c.GNU() {
				checkSortEffort(c, o)
			}
		case 'k':
			s.key(o.Arg)
		case 'm':
			s.merge = true
		case 'o':
			if s.output != "" && s.output != o.Arg && c.GNU() {
				c.Die(2, "multiple output files specified")
			}
			s.output = o.Arg
		case 's':
			s.stable = true
		case 't':
			switch {
			case o.Arg == "" && c.GNU():
				c.Die(2, "empty tab")
			case len(o.Arg) > 1 && (o.Arg != "\\0" || !c.GNU()):
				if c.GNU() {
					c.Die(2, "multi-character tab '%s'", o.Arg)
				}
				c.Die(2, "bad -t parameter")
			case o.Arg != "":
				tab := int(o.Arg[0])
				if len(o.Arg) > 1 {
					tab = 0
				}
				if s.tab >= 0 && s.tab != tab && c.GNU() {
					c.Die(2, "incompatible tabs")
				}
				s.tab = tab
			}
		case 'u':
			s.unique = true
		case 'z':
			s.end = 0
		}
	}
	for i := range s.keys {
		if s.keys[i].order.plain() {
			s.keys[i].order = s.global
		}
	}
	if len(s.keys) == 0 && !s.global.plain() {
		only := s.global
		only.reverse = false
		if !only.plain() {
			s.keys = []sortKey{{endField: -1, order: s.global}}
		}
	}
	s.compatible()
	files := c.Args
	if files0 != "" {
		if len(files) > 0 {
			c.Warn("extra operand '%s'", files[0])
			c.Errorf("file operands cannot be combined with --files0-from\n")
			c.Usage()
		}
		f, err := input(c, files0)
		var b []byte
		if err == nil {
			b, err = readLimited(f)
		}
		if err != nil {
			c.Die(2, "open failed: %s: %v", files0, err)
		}
		if len(b) == 0 {
			c.Die(2, "no input from '%s'", files0)
		}
		files = strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	}
	files = orStdin(files)
	if s.global.kind == 'R' || slices.ContainsFunc(s.keys, func(k sortKey) bool { return k.order.kind == 'R' }) {
		s.salt = make([]byte, md5.Size)
		if _, err := io.ReadFull(c.RandomSource(source, 2), s.salt); err != nil {
			c.Die(2, "%s: end of file", c.QuoteColon(source))
		}
	}
	if s.check != 0 && c.GNU() {
		if s.output != "" {
			s.incompatible(string(rune(s.check)) + "o")
		}
		if len(files) > 1 {
			c.Warn("extra operand '%s' not allowed with -%c", files[1], s.check)
			c.Exit(2)
		}
	}
	var all [][]byte
	var runs [][][]byte // of -m: each file's lines
	total := 0
	for _, name := range files {
		f, err := input(c, name)
		if err != nil {
			if c.GNU() {
				c.Die(2, "cannot read: %s: %v", c.QuoteColon(name), err)
			}
			c.Die(2, "%s: %v", name, err)
		}
		in := newLines(c, f, s.end)
		start := len(all)
		for {
			raw, err := in.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				if c.GNU() {
					c.Die(2, "read failed: %s: %v", c.QuoteColon(name), err)
				}
				break
			}
			line, _ := in.chomp(raw)
			all = append(all, line)
			if total += len(line) + 32; total > 4*maxLine {
				c.Die(2, "memory exhausted")
			}
		}
		f.Close()
		runs = append(runs, all[start:])
	}
	if s.check != 0 {
		return s.verify(all, files[0])
	}
	if s.merge && c.GNU() {
		all = s.merged(runs)
	} else {
		slices.SortStableFunc(all, func(a, b []byte) int {
			c.Step(1)
			return s.compare(a, b)
		})
	}
	if s.unique {
		all = slices.CompactFunc(all, func(a, b []byte) bool { return s.equal(a, b) })
	}
	var out io.Writer = c.Out
	if s.output != "" && s.output != "-" {
		f, err := c.CreateFile(s.output)
		if err != nil {
			if c.GNU() {
				c.Die(2, "open failed: %s: %v", c.QuoteColon(s.output), err)
			}
			c.Die(2, "can't open '%s': %v", s.output, err)
		}
		defer f.Close()
		out = f
	}
	var buf bytes.Buffer
	for _, l := range all {
		buf.Write(l)
		buf.WriteByte(s.end)
		if buf.Len() > 4096 {
			out.Write(buf.Bytes())
			buf.Reset()
			if c.Out.Err() != nil {
				break
			}
		}
	}
	out.Write(buf.Bytes())
	if c.Out.Flush() != nil && c.GNU() {
		c.Errorf("sort: fflush failed: 'standard output': %v\nsort: write error\n", c.Out.Err())
		c.Proc.Exit(2)
	}
	return c.Status
}

// merged merges files that are taken to be sorted.
func (s *sorter) merged(runs [][][]byte) (all [][]byte) {
	for {
		least := -1
		for i, r := range runs {
			if len(r) > 0 && (least < 0 || s.compare(r[0], runs[least][0]) < 0) {
				least = i
			}
		}
		if least < 0 {
			return all
		}
		s.c.Step(len(runs))
		all = append(all, runs[least][0])
		runs[least] = runs[least][1:]
	}
}

// verify is -c and -C.
func (s *sorter) verify(all [][]byte, name string) int {
	for i := 1; i < len(all); i++ {
		s.c.Step(1)
		d := s.compare(all[i-1], all[i])
		if d > 0 || s.unique && s.equal(all[i-1], all[i]) {
			if s.c.GNU() {
				if s.check == 'c' {
					s.c.Warn("%s:%d: disorder: %s", name, i+1, all[i])
				}
			} else {
				s.c.Errorf("Check line %d\n", i)
			}
			return 1
		}
	}
	return 0
}

// checkSortEffort ends the program if --parallel, --batch-size or -S is given what it cannot be;
// none of them changes what sort writes.
func checkSortEffort(c *prog.Ctx, o prog.Opt) {
	name := map[int]string{sortParallel: "--parallel", sortBatch: "--batch-size", 'S': "-S"}[o.Val]
	if o.Val == 'S' {
		if _, ok := suffixed(strings.TrimSuffix(o.Arg, "%"), gnuSuffix); !ok {
			if strings.TrimLeft(o.Arg, "0123456789") != o.Arg {
				c.Die(2, "invalid suffix in -S argument '%s'", o.Arg)
			}
			c.Die(2, "invalid -S argument '%s'", o.Arg)
		}
		return
	}
	n, ok := parseCount(o.Arg)
	switch {
	case !ok || n < 0:
		c.Die(2, "invalid %s argument '%s'", name, o.Arg)
	case o.Val == sortParallel && n == 0:
		c.Die(2, "number in parallel must be nonzero")
	case o.Val == sortBatch && n < 2:
		c.Warn("invalid %s argument '%s'", name, o.Arg)
		c.Die(2, "minimum %s argument is '2'", name)
	}
}

func (s *sorter) set(o *sortOrder, ch byte, start, end bool) {
	switch ch {
	case 'b':
		o.blanksStart = o.blanksStart || start
		o.blanksEnd = o.blanksEnd || end
	case 'd':
		o.dictionary = true
	case 'f':
		o.fold = true
	case 'i':
		o.printable = true
	case 'r':
		o.reverse = true
	default:
		if o.kind != 0 && o.kind != ch && s.c.GNU() {
			k := []byte{o.kind, ch}
			slices.Sort(k)
			s.incompatible(string(k))
		}
		o.kind = ch
	}
}

func (s *sorter) incompatible(opts string) {
	s.c.Die(2, "options '-%s' are incompatible", opts)
}

func (s *sorter) compatible() {
	if !s.c.GNU() {
		return
	}
	for _, k := range s.keys {
		o := k.order
		if (o.dictionary || o.printable) && o.kind != 0 && strings.IndexByte("ghMn", o.kind) >= 0 {
			opts := ""
			if o.dictionary {
				opts = "d"
			}
			if o.printable && !o.dictionary {
				opts = "i"
			}
			b := []byte(opts + string(rune(o.kind)))
			slices.Sort(b)
			s.incompatible(string(b))
		}
	}
}

// key reads a -k.
func (s *sorter) key(arg string) {
	c := s.c
	k := sortKey{endField: -1}
	rest := arg
	bad := func(what string) {
		if c.GNU() {
			c.Die(2, "%s: invalid field specification '%s'", what, arg)
		}
		c.Die(2, "bad field specification")
	}
	num := func(what string) int {
		i := 0
		for i < len(rest) && isDigit(int(rest[i])) {
			i++
		}
		if i == 0 {
			if c.GNU() {
				c.Die(2, "%s: invalid count at start of '%s'", what, rest)
			}
			c.Die(2, "bad field specification")
		}
		n, err := strconv.Atoi(rest[:i])
		if err != nil {
			n = unlimited
		}
		rest = rest[i:]
		return n
	}
	opts := func(start bool) {
		for rest != "" && strings.IndexByte("bdfghiMnrRV", rest[0]) >= 0 {
			s.set(&k.order, rest[0], start, !start)
			rest = rest[1:]
		}
	}
	n := num("invalid number at field start")
	if n == 0 {
		bad("field number is zero")
	}
	k.field = n - 1
	if strings.HasPrefix(rest, ".") {
		rest = rest[1:]
		n := num("invalid number after '.'")
		if n == 0 {
			bad("character offset is zero")
		}
		k.char = n - 1
	}
	opts(true)
	if strings.HasPrefix(rest, ",") {
		rest = rest[1:]
		n := num("invalid number after ','")
		if n == 0 {
			bad("field number is zero")
		}
		k.endField = n - 1
		if strings.HasPrefix(rest, ".") {
			rest = rest[1:]
			k.endChar = num("invalid number after '.'")
		}
		opts(false)
	}
	if rest != "" {
		if c.GNU() {
			bad("stray character in field spec")
		}
		c.Die(2, "unknown key option")
	}
	s.keys = append(s.keys, k)
}

func blankAt(line []byte, i int) bool {
	return i < len(line) && (line[i] == ' ' || line[i] == '\t' || line[i] == '\n')
}

// begin is where a key starts in a line.
func (s *sorter) begin(line []byte, k *sortKey) int {
	i := 0
	for n := k.field; n > 0 && i < len(line); n-- {
		i = s.skipField(line, i)
		if s.tab >= 0 && i < len(line) {
			i++
		}
	}
	if k.order.blanksStart {
		for blankAt(line, i) {
			i++
		}
	}
	return min(len(line), i+k.char)
}

func (s *sorter) skipField(line []byte, i int) int {
	if s.tab >= 0 {
		for i < len(line) && int(line[i]) != s.tab {
			i++
		}
		return i
	}
	for blankAt(line, i) {
		i++
	}
	for i < len(line) && !blankAt(line, i) {
		i++
	}
	return i
}

// limit is where a key ends.
func (s *sorter) limit(line []byte, k *sortKey) int {
	if k.endField < 0 {
		return len(line)
	}
	n := k.endField
	if k.endChar == 0 {
		n++
	}
	i := 0
	for ; n > 0 && i < len(line); n-- {
		i = s.skipField(line, i)
		if s.tab >= 0 && i < len(line) && (n > 1 || k.endChar > 0) {
			i++
		}
	}
	if k.endChar > 0 {
		if k.order.blanksEnd {
			for blankAt(line, i) {
				i++
			}
		}
		i = min(len(line), i+k.endChar)
	}
	return i
}

func (s *sorter) part(line []byte, k *sortKey) []byte {
	b, e := s.begin(line, k), s.limit(line, k)
	return line[b:max(b, e)]
}

// byKeys compares by keys alone.
func (s *sorter) byKeys(a, b []byte) int {
	for i := range s.keys {
		k := &s.keys[i]
		if d := s.compareKey(s.part(a, k), s.part(b, k), k.order); d != 0 {
			if k.order.reverse {
				return -d
			}
			return d
		}
	}
	return 0
}

// compare is the whole order: keys, and then the lines as they are.
func (s *sorter) compare(a, b []byte) int {
	if len(s.keys) > 0 {
		if d := s.byKeys(a, b); d != 0 || s.stable || s.unique {
			return d
		}
	}
	d := bytes.Compare(a, b)
	if s.global.reverse {
		return -d
	}
	return d
}

func (s *sorter) equal(a, b []byte) bool {
	if len(s.keys) == 0 {
		return bytes.Equal(a, b)
	}
	return s.byKeys(a, b) == 0
}

func (s *sorter) compareKey(a, b []byte, o sortOrder) int {
	if o.dictionary || o.printable || o.fold {
		a, b = o.translate(a), o.translate(b)
	}
	switch o.kind {
	case 'n':
		if !s.c.GNU() { // atof's
			x, _ := general(a)
			y, _ := general(b)
			return cmp.Compare(x, y)
		}
		return compareNumbers(a, b)
	case 'h':
		return compareHuman(a, b)
	case 'g':
		return compareGeneral(a, b)
	case 'M':
		return month(a) - month(b)
	case 'V':
		return compareVersions(string(a), string(b))
	case 'R':
		salted := func(x []byte) [md5.Size]byte { return md5.Sum(append(slices.Clip(s.salt), x...)) }
		x, y := salted(a), salted(b)
		if d := bytes.Compare(x[:], y[:]); d != 0 {
			return d
		}
	}
	return bytes.Compare(a, b)
}

func (o sortOrder) translate(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, ch := range b {
		switch {
		case o.dictionary && !(ch == ' ' || ch == '\t' || trClasses["alnum"](ch)):
			continue
		case o.printable && (ch < ' ' || ch > '~'):
			continue
		case o.fold && ch >= 'a' && ch <= 'z':
			ch -= 32
		}
		out = append(out, ch)
	}
	return out
}

// number splits a decimal number at the beginning of b into sign, digits before and behind the
// point, without leading or trailing zeros.
func splitNumber(b []byte) (neg bool, whole, frac, rest []byte) {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\n') {
		b = b[1:]
	}
	if len(b) > 0 && b[0] == '-' {
		neg, b = true, b[1:]
	}
	i := 0
	for i < len(b) && isDigit(int(b[i])) {
		i++
	}
	whole, b = bytes.TrimLeft(b[:i], "0"), b[i:]
	if len(b) > 0 && b[0] == '.' {
		i = 1
		for i < len(b) && isDigit(int(b[i])) {
			i++
		}
		frac, b = bytes.TrimRight(b[1:i], "0"), b[i:]
	}
	if len(whole) == 0 && len(frac) == 0 {
		neg = false
	}
	return neg, whole, frac, b
}

func compareNumbers(a, b []byte) int {
	an, aw, af, _ := splitNumber(a)
	bn, bw, bf, _ := splitNumber(b)
	return compareSplit(an, aw, af, bn, bw, bf)
}

func compareSplit(an bool, aw, af []byte, bn bool, bw, bf []byte) int {
	if an != bn {
		if an {
			return -1
		}
		return 1
	}
	d := len(aw) - len(bw)
	if d == 0 {
		d = bytes.Compare(aw, bw)
	}
	if d == 0 {
		d = bytes.Compare(af, bf)
	}
	if an {
		return -d
	}
	return d
}

func compareHuman(a, b []byte) int {
	an, aw, af, ar := splitNumber(a)
	bn, bw, bf, br := splitNumber(b)
	unit := func(neg bool, w, f, rest []byte) int {
		if len(w) == 0 && len(f) == 0 || len(rest) == 0 {
			return 0
		}
		u := strings.IndexByte(" KMGTPEZY", rest[0])
		if rest[0] == 'k' {
			u = 1
		}
		u = max(u, 0)
		if neg {
			return -u
		}
		return u
	}
	if d := unit(an, aw, af, ar) - unit(bn, bw, bf, br); d != 0 {
		return d
	}
	return compareSplit(an, aw, af, bn, bw, bf)
}

func compareGeneral(a, b []byte) int {
	x, okx := general(a)
	y, oky := general(b)
	rank := func(v float64, ok bool) int {
		switch {
		case !ok:
			return 0
		case math.IsNaN(v):
			return 1
		}
		return 2
	}
	if d := rank(x, okx) - rank(y, oky); d != 0 {
		return d
	}
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// general reads what strtod would.
func general(b []byte) (float64, bool) {
	s := strings.TrimLeft(string(b), " \t\n\v\f\r")
	if t, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		i := 0
		for i < len(t) && i < 15 && trClasses["xdigit"](t[i]) {
			i++
		}
		if v, err := strconv.ParseUint(t[:i], 16, 64); err == nil {
			return float64(v), true
		}
	}
	for n := min(len(s), 400); n > 0; n-- {
		if strings.Contains(s[:n], "_") {
			continue
		}
		if v, err := strconv.ParseFloat(s[:n], 64); err == nil || errIsRange(err) {
			return v, true
		}
	}
	return 0, false
}

func errIsRange(err error) bool {
	e, ok := err.(*strconv.NumError)
	return ok && e.Err == strconv.ErrRange
}

func month(b []byte) int {
	s := strings.ToUpper(strings.TrimLeft(string(b), " \t"))
	if len(s) < 3 {
		return 0
	}
	i := strings.Index("JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC", s[:3])
	if i < 0 || i%3 != 0 {
		return 0
	}
	return i/3 + 1
}

// compareVersions is gnulib's filevercmp in short: names with their digits as numbers, suffixes
// like ".tar.gz" last.
func compareVersions(a, b string) int {
	if a == b {
		return 0
	}
	switch { // the empty string, "." and ".." come first, then hidden files
	case a == "":
		return -1
	case b == "":
		return 1
	}
	for _, s := range []string{".", ".."} {
		if a == s {
			return -1
		}
		if b == s {
			return 1
		}
	}
	ah, bh := a[0] == '.', b[0] == '.'
	if ah != bh {
		if ah {
			return -1
		}
		return 1
	}
	if ah {
		a, b = a[1:], b[1:]
	}
	as, bs := versionStem(a), versionStem(b)
	d := verrevcmp(as, bs)
	if d == 0 || as == bs {
		d = verrevcmp(a, b)
	}
	if d == 0 {
		return strings.Compare(a, b)
	}
	return d
}

// versionStem is s without suffixes of the form .letters
func versionStem(s string) string {
	end := len(s)
	for {
		i := end
		for i > 0 && (trClasses["alnum"](s[i-1]) || s[i-1] == '~') {
			i--
		}
		if i == 0 || i == end || s[i-1] != '.' || !(trClasses["alpha"](s[i]) || s[i] == '~') || i-1 == 0 {
			return s[:end]
		}
		end = i - 1
	}
}

func verrevcmp(a, b string) int {
	order := func(s string, i int) int {
		switch {
		case i >= len(s):
			return -1
		case isDigit(int(s[i])):
			return 0
		case trClasses["alpha"](s[i]):
			return int(s[i])
		case s[i] == '~':
			return -2
		}
		return int(s[i]) + 256
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		for i < len(a) && !isDigit(int(a[i])) || j < len(b) && !isDigit(int(b[j])) {
			x, y := order(a, i), order(b, j)
			if x != y {
				return x - y
			}
			i++
			j++
		}
		for i < len(a) && a[i] == '0' {
			i++
		}
		for j < len(b) && b[j] == '0' {
			j++
		}
		first := 0
		for i < len(a) && j < len(b) && isDigit(int(a[i])) && isDigit(int(b[j])) {
			if first == 0 {
				first = int(a[i]) - int(b[j])
			}
			i++
			j++
		}
		if i < len(a) && isDigit(int(a[i])) {
			return 1
		}
		if j < len(b) && isDigit(int(b[j])) {
			return -1
		}
		if first != 0 {
			return first
		}
	}
	return 0
}
