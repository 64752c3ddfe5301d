package text

import (
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// hunk is one hunk of a unified diff: lines with their first character.
type hunk struct {
	at    int // where it begins in the old file, from 1
	to    int // and in the new one
	lines []string
}

// patcher is one run of patch, as Busybox has it: unified diffs only.
type patcher struct {
	c                            *prog.Ctx
	strip                        int
	reverse, applied, empty, dry bool
	target                       string
	status                       int
}

func patch(c *prog.Ctx) int {
	p := &patcher{c: c, strip: -1}
	from := ""
	for o := range c.Getopt("p:i:RNEfgu", []prog.Long{{Name: "strip", Arg: prog.ReqArg, Val: 'p'}, {Name: "input", Arg: prog.ReqArg, Val: 'i'}, {Name: "reverse", Val: 'R'}, {Name: "forward", Val: 'N'},
		{Name: "remove-empty-files", Val: 'E'}, {Name: "dry-run", Val: prog.LongOnly}}) {
		switch o.Val {
		case 'p':
			n, err := strconv.Atoi(o.Arg)
			if err != nil || n < 0 {
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			p.strip = n
		case 'i':
			from = o.Arg
		case 'R':
			p.reverse = true
		case 'N':
			p.applied = true
		case 'E':
			p.empty = true
		case prog.LongOnly:
			p.dry = true
		}
	}
	if len(c.Args) > 0 {
		p.target = c.Args[0]
	}
	if len(c.Args) > 1 {
		from = c.Args[1]
	}
	if from == "" {
		from = "-"
	}
	f, err := input(c, from)
	if err != nil {
		c.Die(1, "can't open '%s': %v", from, err)
	}
	b, err := readLimited(f)
	if err != nil {
		c.Die(1, "%v", err)
	}
	p.run(strings.SplitAfter(string(b), "\n"))
	return p.status
}

// name takes the leading components off, as -p has it.
func (p *patcher) name(s string) string {
	s, _, _ = strings.Cut(strings.TrimRight(s, "\r\n"), "\t")
	if p.strip < 0 {
		if !strings.HasPrefix(s, "/") {
			return s
		}
		return s[strings.LastIndexByte(s, '/')+1:]
	}
	for range p.strip {
		i := strings.IndexByte(s, '/')
		if i < 0 {
			break
		}
		s = strings.TrimLeft(s[i:], "/")
	}
	return s
}

func (p *patcher) run(lines []string) {
	for i := 0; i < len(lines); i++ {
		p.c.Step(1)
		if !strings.HasPrefix(lines[i], "--- ") || i+1 >= len(lines) || !strings.HasPrefix(lines[i+1], "+++ ") {
			continue
		}
		oldName, newName := lines[i][4:], lines[i+1][4:]
		i += 2
		var hunks []hunk
		for i < len(lines) && strings.HasPrefix(lines[i], "@@ -") {
			h, next, ok := readHunk(lines, i)
			if !ok {
				p.c.Die(1, "corrupted hunk %d", len(hunks)+1)
			}
			hunks = append(hunks, h)
			i = next
		}
		i--
		p.apply(oldName, newName, hunks)
	}
}

func readHunk(lines []string, i int) (h hunk, next int, ok bool) {
	f := strings.Fields(lines[i])
	if len(f) < 3 {
		return h, i, false
	}
	span := func(s string) (at, n int) {
		a, b, comma := strings.Cut(s[1:], ",")
		at, _ = strconv.Atoi(a)
		n = 1
		if comma {
			n, _ = strconv.Atoi(b)
		}
		return at, n
	}
	at, olds := span(f[1])
	to, news := span(f[2])
	h.at, h.to = at, to
	i++
	for (olds > 0 || news > 0) && i < len(lines) {
		l := lines[i]
		if l == "" {
			break
		}
		switch l[0] {
		case ' ', '\n', '\t':
			if l[0] != ' ' {
				l = " " + l
			}
			olds--
			news--
		case '-':
			olds--
		case '+':
			news--
		default:
			return h, i, false
		}
		h.lines = append(h.lines, l)
		i++
		if i < len(lines) && strings.HasPrefix(lines[i], "\\") {
			last := len(h.lines) - 1
			h.lines[last] = strings.TrimSuffix(h.lines[last], "\n")
			i++
		}
	}
	return h, i, olds <= 0 && news <= 0
}

func (p *patcher) apply(oldName, newName string, hunks []hunk) {
	c := p.c
	if p.reverse {
		oldName, newName = newName, oldName
		for i := range hunks {
			for j, l := range hunks[i].lines {
				switch l[0] {
				case '+':
					hunks[i].lines[j] = "-" + l[1:]
				case '-':
					hunks[i].lines[j] = "+" + l[1:]
				}
			}
		}
	}
	create := strings.HasPrefix(oldName, "/dev/null")
	remove := strings.HasPrefix(newName, "/dev/null")
	name := p.target
	if name == "" {
		name = p.name(newName)
		if remove {
			name = p.name(oldName)
		} else if _, err := c.Stat(name); err != nil && !create {
			if o := p.name(oldName); o != "" {
				if _, err := c.Stat(o); err == nil {
					name = o
				}
			}
		}
	}
	verb := "patching file"
	if create {
		verb = "creating"
	} else if remove {
		verb = "removing"
	}
	c.Printf("%s %s\n", verb, name)
	c.Out.Flush()
	if _, err := c.Stat(name); err == nil && create {
		c.Die(1, "can't open '%s': %v", name, linux.EEXIST)
	}
	var old []string
	st, err := c.Stat(name)
	if err == nil {
		b, err := c.ReadFile(name)
		if err != nil {
			c.Die(1, "can't open '%s': %v", name, err)
		}
		old = strings.SplitAfter(string(b), "\n")
		if old[len(old)-1] == "" {
			old = old[:len(old)-1]
		}
	} else if !create {
		c.Die(1, "can't open '%s': %v", name, err)
	}
	var out []string
	at := 0
	for n, h := range hunks {
		pos, reversed, there := p.place(old, h, at)
		if !there {
			if reversed {
				c.Printf("Possibly reversed hunk %d at %d\n", n+1, len(old)+1)
			}
			c.Printf("Hunk %d FAILED %d/%d.\n", n+1, h.at, h.to)
			for _, l := range h.lines {
				c.Print(strings.TrimSuffix(l, "\n"), "\n")
			}
			p.status = 1
			return
		}
		out = append(out, old[at:pos]...)
		at = pos
		if reversed && p.applied {
			continue
		}
		for _, l := range h.lines {
			if l[0] != '-' {
				out = append(out, l[1:])
			}
			if l[0] != '+' {
				at++
			}
		}
	}
	out = append(out, old[at:]...)
	if p.dry {
		return
	}
	text := strings.Join(out, "")
	if remove && text == "" || p.empty && text == "" {
		c.Unlink(name)
		return
	}
	perm := linux.Mode(0o666)
	if st.Mode != 0 {
		perm = st.Mode.Perm()
	}
	if err := c.WriteFile(name, []byte(text), perm); err != nil {
		c.Die(1, "can't create '%s': %v", name, err)
	}
}

// place is the first place behind from where the lines stand that a hunk expects. The numbers of
// its head do not count; a hunk with less context behind its changes than before them has to end
// with the file. reversed tells that a line which the hunk is to add was there already; with -N,
// such a hunk is looked for as it stands when it has been applied.
func (p *patcher) place(old []string, h hunk, from int) (pos int, reversed, ok bool) {
	before, behind, leading := 0, 0, true
	for _, l := range h.lines {
		if l[0] != ' ' {
			leading, behind = false, 0
			continue
		}
		behind++
		if leading {
			before++
		}
	}
	atEnd := behind == 0 || behind < before
	added := byte('+')
	next := 0 // the line of the hunk that is compared next
	skipAdded := func(line string) {
		for next < len(h.lines) && h.lines[next][0] == added {
			if !reversed && line == h.lines[next][1:] {
				reversed = true
				if p.applied {
					added = '-'
					continue
				}
			}
			next++
		}
	}
	for line := from; line < len(old); line++ {
		p.c.Step(1)
		for check := line; ; {
			skipAdded(old[check])
			if next < len(h.lines) && old[check] == h.lines[next][1:] {
				if next++; next == len(h.lines) && !atEnd {
					return from, reversed, true
				}
				if check++; check > line {
					break
				}
				continue
			}
			next = 0
			if from++; from > line {
				break
			}
			p.c.Step(1)
			check = from
		}
	}
	skipAdded("")
	return from, reversed, next == len(h.lines) && atEnd
}
