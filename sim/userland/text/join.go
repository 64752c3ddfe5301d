package text

import (
	"bytes"
	"io"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// joiner is one run of join.
type joiner struct {
	c        *prog.Ctx
	tab      int // -1: blanks
	fields   [2]int
	unpaired [2]bool
	only     bool // -v: no pairs
	fill     string
	format   [][2]int // file (0 the join field) and field
	auto     [2]int   // -o auto: how many fields the first lines have; 0: not asked for
	fold     bool
	end      byte

	order    byte // of the input: 'c' must be right, 'n' does not matter, 0 is a warning
	names    [2]string
	read     [2]int // lines of each file that have been looked at
	rows     [2][][][]byte
	unpair   bool // a line without a partner has been met
	disorder [2]bool
}

const (
	joinCheck = prog.LongOnly + iota
	joinNoCheck
	joinHeader
)

func join(c *prog.Ctx) int {
	j := &joiner{c: c, tab: -1, end: '\n'}
	header, auto, given := false, false, [2]int{-1, -1}
	field := func(s string) int {
		n, ok := parseCount(s)
		if !ok || n < 1 {
			c.Die(1, "invalid field number: '%s'", s)
		}
		return n - 1
	}
	joinOn := func(i, n int) {
		if given[i] >= 0 && given[i] != n {
			c.Die(1, "incompatible join fields %d, %d", given[i]+1, n+1)
		}
		given[i], j.fields[i] = n, n
	}
	for o := range c.Getopt("a:e:i1:2:j:o:t:v:z", []prog.Long{{Name: "ignore-case", Val: 'i'}, {Name: "check-order", Val: joinCheck}, {Name: "nocheck-order", Val: joinNoCheck},
		{Name: "zero-terminated", Val: 'z'}, {Name: "header", Val: joinHeader}}) {
		switch o.Val {
		case 'a', 'v':
			if o.Arg != "1" && o.Arg != "2" {
				c.Die(1, "invalid field number: '%s'", o.Arg)
			}
			j.unpaired[o.Arg[0]-'1'] = true
			j.only = j.only || o.Val == 'v'
		case 'e':
			j.fill = o.Arg
		case 'i':
			j.fold = true
		case '1', '2':
			joinOn(o.Val-'1', field(o.Arg))
		case 'j':
			n := field(o.Arg)
			joinOn(0, n)
			joinOn(1, n)
		case 'o':
			if o.Arg == "auto" {
				auto = true
				break
			}
			for _, f := range strings.FieldsFunc(o.Arg, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
				if f == "0" {
					j.format = append(j.format, [2]int{})
					continue
				}
				file, n, ok := strings.Cut(f, ".")
				if !ok || file != "1" && file != "2" {
					c.Die(1, "invalid file number in field spec: '%s'", f)
				}
				j.format = append(j.format, [2]int{int(file[0] - '0'), field(n)})
			}
		case 't':
			switch {
			case o.Arg == "":
				j.tab = '\n'
			case o.Arg == "\\0":
				j.tab = 0
			case len(o.Arg) > 1:
				c.Die(1, "multi-character tab '%s'", o.Arg)
			default:
				j.tab = int(o.Arg[0])
			}
		case 'z':
			j.end = 0
		case joinHeader:
			header = true
		case joinCheck:
			j.order = 'c'
		case joinNoCheck:
			j.order = 'n'
		}
	}
	twoOperands(c)
	if c.Args[0] == "-" && c.Args[1] == "-" {
		c.Die(1, "both files cannot be standard input")
	}
	j.names = [2]string{c.Args[0], c.Args[1]}
	for i, name := range c.Args {
		f, err := input(c, name)
		if err != nil {
			c.Die(1, "%s: %v", name, err)
		}
		in := newLines(c, f, j.end)
		total := 0
		for {
			raw, err := in.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				c.Die(1, "%s: %v", name, err)
			}
			line, _ := in.chomp(raw)
			if total += len(line); total > maxLine {
				c.Die(1, "memory exhausted")
			}
			j.rows[i] = append(j.rows[i], j.split(line))
		}
		f.Close()
	}
	if auto {
		for i, rows := range j.rows {
			if j.auto[i] = 1; len(rows) > 0 {
				j.auto[i] = len(rows[0])
			}
		}
	}
	if header && len(j.rows[0]) > 0 && len(j.rows[1]) > 0 {
		j.print(j.rows[0][0], j.rows[1][0])
		j.rows[0], j.rows[1] = j.rows[0][1:], j.rows[1][1:]
	}
	j.merge()
	if j.disorder[0] || j.disorder[1] {
		c.Die(1, "input is not in sorted order")
	}
	return c.Status
}

// merge goes through both files side by side.
func (j *joiner) merge() {
	var at [2]int // where each file stands
	left := func(i int) [][][]byte { return j.rows[i][at[i]:] }
	j.reach(0, 0)
	j.reach(1, 0)
	for len(left(0)) > 0 && len(left(1)) > 0 {
		j.c.Step(2)
		a, b := left(0), left(1)
		d := j.compare(a[0], b[0])
		if d != 0 {
			i := 0
			if d > 0 {
				i = 1
			}
			j.alone(i, left(i)[0])
			at[i]++
			j.reach(i, at[i])
			j.unpair = true
			continue
		}
		na, nb := 1, 1
		j.reach(0, at[0]+na)
		for na < len(a) && j.compare(a[na], b[0]) == 0 {
			na++
			j.reach(0, at[0]+na)
		}
		j.reach(1, at[1]+nb)
		for nb < len(b) && j.compare(a[0], b[nb]) == 0 {
			nb++
			j.reach(1, at[1]+nb)
		}
		for _, x := range a[:na] {
			for _, y := range b[:nb] {
				if !j.only {
					j.print(x, y)
				}
			}
			j.c.Step(nb)
		}
		at[0], at[1] = at[0]+na, at[1]+nb
	}
	for i := range 2 {
		for k, row := range left(i) {
			j.unpair = j.unpair || len(left(1-i)) > 0
			j.reach(i, at[i]+k)
			j.alone(i, row)
		}
	}
}

// reach has file i read as far as line n, from 0, and tells of the first line out of order. In an
// order that is not demanded, it is one only once some line has had no partner.
func (j *joiner) reach(i, n int) {
	for ; j.read[i] <= n && j.read[i] < len(j.rows[i]); j.read[i]++ {
		k := j.read[i]
		if k == 0 || j.disorder[i] || j.order == 'n' || j.order == 0 && !j.unpair {
			continue
		}
		prev, row := j.rows[i][k-1], j.rows[i][k]
		if bytes.Compare(j.key(i, prev), j.key(i, row)) > 0 {
			j.c.Warn("%s:%d: is not sorted: %s", j.names[i], k+1, bytes.Join(row, []byte(j.separator())))
			if j.order == 'c' {
				j.c.Exit(1)
			}
			j.disorder[i] = true
		}
	}
}

func (j *joiner) split(line []byte) [][]byte {
	if j.tab < 0 {
		const blanks = " \t\n"
		fields := bytes.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(blanks, r) })
		if n := len(line); n > 0 && strings.IndexByte(blanks, line[n-1]) >= 0 {
			fields = append(fields, nil) // behind the last blank there is one more, empty
		}
		return fields
	}
	return bytes.Split(line, []byte{byte(j.tab)})
}

func (j *joiner) key(i int, row [][]byte) []byte {
	if n := j.fields[i]; n < len(row) {
		if j.fold {
			return bytes.ToLower(row[n])
		}
		return row[n]
	}
	return nil
}

func (j *joiner) compare(a, b [][]byte) int { return bytes.Compare(j.key(0, a), j.key(1, b)) }

func (j *joiner) alone(i int, row [][]byte) {
	if !j.unpaired[i] {
		return
	}
	if i == 0 {
		j.print(row, nil)
	} else {
		j.print(nil, row)
	}
}

func (j *joiner) separator() string {
	if j.tab < 0 {
		return " "
	}
	return string([]byte{byte(j.tab)})
}

// print writes a pair, or a row without a partner.
func (j *joiner) print(a, b [][]byte) {
	get := func(row [][]byte, n int) string {
		if n < len(row) && len(row[n]) > 0 {
			return string(row[n])
		}
		return j.fill
	}
	var out []string
	shared := get(a, j.fields[0])
	if a == nil {
		shared = get(b, j.fields[1])
	}
	if j.format != nil {
		for _, f := range j.format {
			switch f[0] {
			case 0:
				out = append(out, shared)
			case 1:
				out = append(out, get(a, f[1]))
			case 2:
				out = append(out, get(b, f[1]))
			}
		}
	} else {
		out = append(out, shared)
		for i, row := range [][][]byte{a, b} {
			width := len(row)
			if j.auto[i] > 0 {
				width = j.auto[i]
			}
			for n := range width {
				if n != j.fields[i] {
					out = append(out, get(row, n))
				}
			}
		}
	}
	j.c.Print(strings.Join(out, j.separator()), string([]byte{j.end}))
}

// tsort sorts pairs so that the first of each comes before the second.
func tsort(c *prog.Ctx) int {
	for range c.Getopt("", nil) {
	}
	c.AtMost(1)
	name := orStdin(c.Args)[0]
	f, err := input(c, name)
	if err != nil {
		c.Die(1, "%s: %v", name, err)
	}
	b, err := readLimited(f)
	if err != nil {
		c.Die(1, "%s: read error: %v", name, err)
	}
	words := strings.Fields(string(b))
	if len(words)%2 != 0 {
		c.Die(1, "%s: input contains an odd number of tokens", name)
	}
	after := map[string][]string{}
	before := map[string]int{}
	var order []string
	seen := map[string]bool{}
	for i := 0; i < len(words); i += 2 {
		c.Step(2)
		for _, w := range words[i : i+2] {
			if !seen[w] {
				seen[w] = true
				order = append(order, w)
			}
		}
		if words[i] != words[i+1] {
			after[words[i]] = append(after[words[i]], words[i+1])
			before[words[i+1]]++
		}
	}
	var ready []string
	for _, w := range order {
		if before[w] == 0 {
			ready = append(ready, w)
		}
	}
	done := 0
	for len(ready) > 0 {
		w := ready[0]
		ready = ready[1:]
		c.Print(w, "\n")
		done++
		for _, n := range after[w] {
			if before[n]--; before[n] == 0 {
				ready = append(ready, n)
			}
		}
	}
	if done < len(order) {
		c.Fail("%s: input contains a loop:", name)
		var loop []string
		for _, w := range order {
			if before[w] > 0 {
				io.WriteString(c.Err, c.Name+": "+w+"\n")
				loop = append(loop, w)
			}
		}
		for _, w := range loop { // what the loop holds comes out as it went in
			c.Print(w, "\n")
		}
	}
	return c.Status
}
