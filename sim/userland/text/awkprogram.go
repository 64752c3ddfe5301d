package text

import (
	"io"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/text/awk"
)

func awkProgram(c *prog.Ctx) int {
	dialect := awk.Busybox
	conf := awk.Config{Host: awkHost{c}, Name: c.Name}
	var sources []awk.Source
	add := func(name, text string) { sources = append(sources, awk.Source{Name: name, Text: text}) }
	addFile := func(name string) {
		f, err := input(c, name)
		var b []byte
		if err == nil {
			b, err = readLimited(f)
		}
		if err != nil {
			if c.GNU() {
				c.Die(2, "cannot open %s (%v)", name, err)
			}
			c.Die(1, "can't open '%s': %v", name, err)
		}
		add(name, strings.TrimSuffix(string(b), "\n"))
	}
	// report writes an error; mawk does so before what its standard output holds back.
	report := func(e *awk.Error) {
		if !c.GNU() {
			c.Out.Flush()
		}
		for line := range strings.Lines(e.Text + "\n") {
			if strings.HasPrefix(line, "line ") || strings.HasPrefix(e.Text, strings.TrimSuffix(line, "\n")) {
				line = c.Name + ": " + line
			}
			io.WriteString(c.Err, line)
		}
	}
	if c.GNU() {
		dialect = awk.Mawk
		mawkOptions(c, &conf, addFile)
	} else {
		for o := range c.Getopt("+F:v:f:e:W:", nil) {
			switch o.Val {
			case 'F':
				conf.FS = &o.Arg
			case 'v':
				if !strings.Contains(o.Arg, "=") {
					c.Usage()
				}
				conf.Assign = append(conf.Assign, o.Arg)
			case 'f':
				addFile(o.Arg)
			case 'e':
				add(awk.CommandLine, o.Arg)
			case 'W':
				c.Warn("warning: option -W is ignored")
			}
		}
	}
	if sources == nil {
		if len(c.Args) == 0 {
			c.Usage()
		}
		add(awk.CommandLine, c.Args[0])
		c.Args = c.Args[1:]
	}
	conf.Args = c.Args
	p, err := awk.Parse(dialect, sources...)
	if err != nil {
		e := err.(*awk.Error)
		report(e)
		return e.Code
	}
	conf.Report = report
	return p.Run(conf)
}

// mawkOptions reads options as mawk does, which has no getopt.
func mawkOptions(c *prog.Ctx, conf *awk.Config, addFile func(string)) {
	args := c.Args
	c.OnUsage = func() {
		c.Print(c.HelpText())
		c.Exit(0)
	}
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		value := func() string {
			if len(a) > 2 {
				return a[2:]
			}
			if len(args) == 0 {
				c.Warn("option %s lacks argument", a)
				c.Exit(2)
			}
			v := args[0]
			args = args[1:]
			return v
		}
		switch {
		case a[1] == 'F':
			v := value()
			conf.FS = &v
		case a[1] == 'v':
			v := value()
			if name, _, ok := strings.Cut(v, "="); !ok || !awk.IsName(name) {
				c.Warn("improper assignment: -v %s", v)
				c.Exit(2)
			}
			conf.Assign = append(conf.Assign, v)
		case a[1] == 'f':
			addFile(value())
		case a[1] == 'W':
			v := value()
			switch {
			case strings.HasPrefix("version", v) || v == "v":
				c.Print("mawk 1.3.4 20200120\nCopyright 2008-2019,2020, Thomas E. Dickey\nCopyright 1991-1996,2014, Michael D. Brennan\n\n" +
					"random-funcs:       srandom/random\nregex-funcs:        internal\ncompiled limits:\nsprintf buffer      8192\nmaximum-integer     2147483647\n")
				c.Exit(0)
			case strings.HasPrefix(v, "i"):
				c.Out.LineBuffered()
			default:
				c.Warn("vacuous option: -W %s", v)
			}
		default:
			c.Errorf("%s: not an option: %s\n", c.Name, a)
			c.Exit(2)
		}
	}
	c.Args = args
}

// awkHost is a process as an awk program sees it.
type awkHost struct{ c *prog.Ctx }

func (h awkHost) Step(n int)        { h.c.Step(n) }
func (h awkHost) Stdout() io.Writer { return h.c.Out }
func (h awkHost) Stderr() io.Writer { return h.c.Err }
func (h awkHost) Flush()            { h.c.Out.Flush() }
func (h awkHost) Environ() []string { return h.c.Env() }
func (h awkHost) Time() int64       { return h.c.Now().Unix() }

func (h awkHost) Strftime(format string, t int64, utc bool) string {
	zone := h.c.Zone()
	if utc {
		zone = time.UTC
	}
	return datetime.Format(format, time.Unix(t, 0).In(zone))
}

func (h awkHost) OpenRead(name string) (io.ReadCloser, error) {
	if name == "-" || name == "/dev/stdin" && h.c.GNU() {
		return stdin{h.c.In}, nil
	}
	return h.c.OpenInput(name)
}

func (h awkHost) OpenWrite(name string, add bool) (io.WriteCloser, error) {
	flags := linux.O_WRONLY | linux.O_CREAT | linux.O_TRUNC
	if add {
		flags = linux.O_WRONLY | linux.O_CREAT | linux.O_APPEND
	}
	return h.c.OpenFile(name, flags, 0o666)
}

func (h awkHost) System(line string) float64 {
	c := h.c
	st, err := c.Command([]string{"/bin/sh", "-c", line}, nil, &kernel.SpawnOpts{Files: map[int]int{0: 0, 1: 1, 2: 2}})
	if err != nil {
		return -1
	}
	return waitValue(c, st)
}

// waitValue is a status as system and close give it.
func waitValue(c *prog.Ctx, st kernel.Status) float64 {
	if st.Signal != 0 {
		return float64(256 + int(st.Signal))
	}
	return float64(st.Code)
}

func (h awkHost) Command(line string, write bool) (awk.Pipe, error) {
	c := h.c
	r, w, err := c.Pipe()
	if err != nil {
		return nil, err
	}
	c.Cloexec(r, true)
	c.Cloexec(w, true)
	mine, theirs, files := r, w, map[int]int{0: 0, 1: w, 2: 2}
	if write {
		mine, theirs, files = w, r, map[int]int{0: r, 1: 1, 2: 2}
	}
	name := "sh"
	if c.GNU() {
		name = "/bin/sh"
	}
	pid, err := c.Spawn("/bin/sh", []string{name, "-c", line}, c.Env(), &kernel.SpawnOpts{Files: files})
	c.Close(theirs)
	if err != nil {
		c.Close(mine)
		return nil, err
	}
	return &awkPipe{File: c.FD(mine), c: c, pid: pid}, nil
}

type awkPipe struct {
	*prog.File
	c      *prog.Ctx
	pid    int
	status float64
}

func (p *awkPipe) Close() error {
	err := p.File.Close()
	for {
		_, st, werr := p.c.Wait(p.pid, 0)
		if werr == linux.EINTR {
			continue
		}
		p.status = waitValue(p.c, st)
		return err
	}
}

func (p *awkPipe) Status() float64 { return p.status }
