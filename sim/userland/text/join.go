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
	auto     bool
	fold     bool
	end      byte
}

const (
	joinCheck = prog.LongOnly + iota
	joinNoCheck
	joinHeader
)

func join(c *prog.Ctx) int {
	j := &joiner{c: c, tab: -1, end: '\n'}
	header := false
	field := func(s string) int {
		n, ok := parseCount(s)
		if !ok || n < 1 {
			c.Die(1, "invalid field number: '%s'", s)
		}
		return n - 1
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
		case '1':
			j.fields[0] = field(o.Arg)
		case '2':
			j.fields[1] = field(o.Arg)
		case 'j':
			n := field(o.Arg)
			j.fields = [2]int{n, n}
		case 'o':
			if o.Arg == "auto" {
				j.auto = true
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
		}
	}
	twoOperands(c)
	var rows [2][][][]byte
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
			rows[i] = append(rows[i], j.split(line))
		}
		f.Close()
	}
	a, b := rows[0], rows[1]
	if header && len(a) > 0 && len(b) > 0 {
		j.print(a[0], b[0])
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 {
		c.Step(2)
		switch d := j.compare(a[0], b[0]); {
		case d < 0:
			j.alone(0, a[0])
			a = a[1:]
		case d > 0:
			j.alone(1, b[0])
			b = b[1:]
		default:
			na, nb := 1, 1
			for na < len(a) && j.compare(a[na], b[0]) == 0 {
				na++
			}
			for nb < len(b) && j.compare(a[0], b[nb]) == 0 {
				nb++
			}
			for _, x := range a[:na] {
				for _, y := range b[:nb] {
					if !j.only {
						j.print(x, y)
					}
				}
				c.Step(nb)
			}
			a, b = a[na:], b[nb:]
		}
	}
	for _, x := range a {
		j.alone(0, x)
	}
	for _, y := range b {
		j.alone(1, y)
	}
	return c.Status
}

func (j *joiner) split(line []byte) [][]byte {
	if j.tab < 0 {
		return bytes.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
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

// print writes a pair, or a row without a partner.
func (j *joiner) print(a, b [][]byte) {
	sep := " "
	if j.tab >= 0 {
		sep = string([]byte{byte(j.tab)})
	}
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
			for n := range row {
				if n != j.fields[i] {
					out = append(out, get(row, n))
				}
			}
		}
	}
	j.c.Print(strings.Join(out, sep), string([]byte{j.end}))
}

// tsort sorts pairs so that the first of each comes before the second.
func tsort(c *prog.Ctx) int {
	for range c.Getopt("", nil) {
	}
	if len(c.Args) > 1 {
		if c.GNU() {
			c.Warn("extra operand %s", c.Quote(c.Args[1]))
		}
		c.Usage()
	}
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
