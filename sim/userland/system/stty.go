package system

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// sttyFlags are the modes of a terminal that the lab's line discipline has.
var sttyFlags = []struct {
	name  string
	group string // as stty -a groups them
	get   func(t *kernel.Termios) *bool
}{
	{"icrnl", "i", func(t *kernel.Termios) *bool { return &t.Icrnl }},
	{"ixon", "i", func(t *kernel.Termios) *bool { return &t.Ixon }},
	{"opost", "o", func(t *kernel.Termios) *bool { return &t.Opost }},
	{"onlcr", "o", func(t *kernel.Termios) *bool { return &t.Onlcr }},
	{"isig", "l", func(t *kernel.Termios) *bool { return &t.Isig }},
	{"icanon", "l", func(t *kernel.Termios) *bool { return &t.Canon }},
	{"echo", "l", func(t *kernel.Termios) *bool { return &t.Echo }},
}

// sttyChars are the special characters.
var sttyChars = []struct {
	name string
	get  func(t *kernel.Termios) *byte
}{
	{"intr", func(t *kernel.Termios) *byte { return &t.Intr }},
	{"quit", func(t *kernel.Termios) *byte { return &t.Quit }},
	{"erase", func(t *kernel.Termios) *byte { return &t.Erase }},
	{"kill", func(t *kernel.Termios) *byte { return &t.Kill }},
	{"eof", func(t *kernel.Termios) *byte { return &t.Eof }},
	{"susp", func(t *kernel.Termios) *byte { return &t.Susp }},
	{"werase", func(t *kernel.Termios) *byte { return &t.Werase }},
}

func caret(b byte) string {
	switch {
	case b == 0:
		return "<undef>"
	case b < ' ':
		return "^" + string(rune(b+'@'))
	case b == 0x7f:
		return "^?"
	}
	return string(rune(b))
}

// uncaret reads "^C", "^?", "undef" or a character.
func uncaret(s string) byte {
	switch {
	case s == "undef" || s == "^-" || s == "":
		return 0
	case s == "^?":
		return 0x7f
	case len(s) == 2 && s[0] == '^':
		return s[1] & 0x1f
	}
	return s[0]
}

func stty(c *prog.Ctx) int {
	all, save, file := false, false, ""
	args := c.Args
	for len(args) > 0 {
		switch a := args[0]; {
		case a == "-a" || a == "--all" && c.GNU():
			all = true
		case a == "-g" || a == "--save" && c.GNU():
			save = true
		case a == "-F" && len(args) > 1:
			file, args = args[1], args[1:]
		case strings.HasPrefix(a, "--file=") && c.GNU():
			file = a[len("--file="):]
		case a == "--help" && c.GNU():
			c.Help()
		case a == "--version" && c.GNU():
			c.Version()
		default:
			goto settings
		}
		args = args[1:]
	}
settings:
	fd, name := 0, "'standard input'"
	if !c.GNU() {
		name = "standard input"
	}
	if file != "" {
		f, err := c.Open(file, linux.O_RDONLY|linux.O_NONBLOCK, 0)
		if err != nil {
			c.Die(1, "%s: %v", file, err)
		}
		fd, name = f, c.QuoteColon(file)
	}
	t, err := c.Tcgetattr(fd)
	if err != nil {
		c.Die(1, "%s: %v", name, err)
	}
	if len(args) == 0 {
		if save {
			c.Print(sttySave(t), "\n")
		} else {
			sttyShow(c, t, fd, all)
		}
		return 0
	}
	old := t
	for i := 0; i < len(args); i++ {
		a := args[i]
		on := !strings.HasPrefix(a, "-")
		word := strings.TrimPrefix(a, "-")
		if setFlag(&t, word, on) {
			continue
		}
		next := func() string {
			if i++; i >= len(args) {
				if c.GNU() {
					c.Fail("missing argument to %s", c.Quote(a))
					c.Usage()
				}
				c.Die(1, "missing argument to '%s'", a)
			}
			return args[i]
		}
		switch {
		case a == "size":
			rows, cols, _ := c.Winsize(fd)
			if !c.GNU() && rows == 0 && cols == 0 {
				c.Die(1, "standard input") // a terminal that does not know its size
			}
			c.Printf("%d %d\n", rows, cols)
		case a == "speed":
			c.Print("38400\n")
		case a == "rows" || a == "cols" || a == "columns":
			n, err := strconv.Atoi(next())
			if err != nil || n < 0 {
				c.Die(1, "invalid integer argument: %s", c.Quote(args[i]))
			}
			rows, cols, _ := c.Winsize(fd)
			if a == "rows" {
				rows = n
			} else {
				cols = n
			}
			c.SetWinsize(fd, rows, cols)
		case a == "min" || a == "time":
			n, err := strconv.ParseUint(next(), 10, 8)
			if err != nil {
				c.Die(1, "invalid integer argument: %s", c.Quote(args[i]))
			}
			if a == "min" {
				t.Min = byte(n)
			} else {
				t.Time = byte(n)
			}
		case a == "sane":
			t = kernel.Termios{Echo: true, Canon: true, Isig: true, Icrnl: true, Onlcr: true, Opost: true, Ixon: true, Intr: 3, Quit: 28, Susp: 26, Eof: 4, Erase: 127, Kill: 21, Werase: 23, Min: 1}
		case word == "raw":
			raw := on
			t.Icrnl, t.Ixon, t.Opost, t.Isig, t.Canon = !raw, !raw, !raw, !raw, !raw
			if raw {
				t.Min, t.Time = 1, 0
			}
		case word == "cooked":
			t.Icrnl, t.Ixon, t.Opost, t.Isig, t.Canon = on, on, on, on, on
		case word == "cbreak":
			t.Canon = !on
		case sttyRestore(&t, a):
		default:
			known := false
			for _, ch := range sttyChars {
				if ch.name == a {
					*ch.get(&t) = uncaret(next())
					known = true
				}
			}
			if !known && sttyIgnored[word] {
				known = true // a mode that the lab's terminals do not have and never need
			}
			if !known {
				if c.GNU() {
					c.Fail("invalid argument %s", c.Quote(a))
					c.Usage()
				}
				c.Die(1, "invalid argument '%s'", a)
			}
		}
	}
	if t != old {
		if err := c.Tcsetattr(fd, t); err != nil {
			c.Die(1, "%s: %v", name, err)
		}
	}
	return 0
}

// sttyIgnored are real modes that have no effect on a pseudo-terminal of the lab.
var sttyIgnored = func() map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields("parenb parodd cmspar cs5 cs6 cs7 cs8 hupcl hup cstopb cread clocal crtscts ignbrk brkint ignpar parmrk inpck istrip inlcr igncr ixoff ixany iuclc imaxbel iutf8 " +
		"olcuc ocrnl onocr onlret ofill ofdel nl0 nl1 cr0 cr1 cr2 cr3 tab0 tab1 tab2 tab3 bs0 bs1 vt0 vt1 ff0 ff1 iexten echoe echok echonl noflsh xcase tostop echoprt echoctl echoke flusho extproc crtkill ctlecho prterase crterase") {
		m[n] = true
	}
	return m
}()

func setFlag(t *kernel.Termios, word string, on bool) bool {
	for _, f := range sttyFlags {
		if f.name == word {
			*f.get(t) = on
			return true
		}
	}
	return false
}

// sttySave is the form that stty reads again.
func sttySave(t kernel.Termios) string {
	bits := 0
	for i, f := range sttyFlags {
		if *f.get(&t) {
			bits |= 1 << i
		}
	}
	fields := []string{strconv.FormatInt(int64(bits), 16)}
	for _, ch := range sttyChars {
		fields = append(fields, strconv.FormatInt(int64(*ch.get(&t)), 16))
	}
	return strings.Join(append(fields, strconv.FormatInt(int64(t.Min), 16), strconv.FormatInt(int64(t.Time), 16)), ":")
}

func sttyRestore(t *kernel.Termios, s string) bool {
	f := strings.Split(s, ":")
	if len(f) != len(sttyChars)+3 {
		return false
	}
	n := make([]uint64, len(f))
	for i := range f {
		var err error
		if n[i], err = strconv.ParseUint(f[i], 16, 16); err != nil {
			return false
		}
	}
	for i, flag := range sttyFlags {
		*flag.get(t) = n[0]&(1<<i) != 0
	}
	for i, ch := range sttyChars {
		*ch.get(t) = byte(n[1+i])
	}
	t.Min, t.Time = byte(n[len(n)-2]), byte(n[len(n)-1])
	return true
}

func sttyShow(c *prog.Ctx, t kernel.Termios, fd int, all bool) {
	rows, cols, _ := c.Winsize(fd)
	flag := func(name string) string {
		for _, f := range sttyFlags {
			if f.name == name && !*f.get(&t) {
				return "-" + name
			}
		}
		return name
	}
	if !all {
		c.Print("speed 38400 baud; line = 0;\n")
		var odd []string
		for _, f := range sttyFlags {
			if !*f.get(&t) {
				odd = append(odd, "-"+f.name)
			}
		}
		c.Print(strings.Join(append([]string{"-brkint -imaxbel"}, odd...), " "), "\n")
		return
	}
	c.Print(fmt.Sprintf("speed 38400 baud; rows %d; columns %d; line = 0;\n", rows, cols))
	c.Print("intr = ", caret(t.Intr), "; quit = ", caret(t.Quit), "; erase = ", caret(t.Erase), "; kill = ", caret(t.Kill), "; eof = ", caret(t.Eof), "; eol = <undef>;\n")
	c.Print("eol2 = <undef>; swtch = <undef>; start = ^Q; stop = ^S; susp = ", caret(t.Susp), "; rprnt = ^R; werase = ", caret(t.Werase), "; lnext = ^V;\n")
	c.Printf("discard = ^O; min = %d; time = %d;\n", t.Min, t.Time)
	c.Print("-parenb -parodd -cmspar cs8 -hupcl -cstopb cread -clocal -crtscts\n")
	c.Print("-ignbrk -brkint -ignpar -parmrk -inpck -istrip -inlcr -igncr ", flag("icrnl"), " ", flag("ixon"), " -ixoff -iuclc -ixany -imaxbel -iutf8\n")
	c.Print(flag("opost"), " -olcuc -ocrnl ", flag("onlcr"), " -onocr -onlret -ofill -ofdel nl0 cr0 tab0 bs0 vt0 ff0\n")
	c.Print(flag("isig"), " ", flag("icanon"), " iexten ", flag("echo"), " echoe echok -echonl -noflsh -xcase -tostop -echoprt echoctl echoke -flusho -extproc\n")
}
