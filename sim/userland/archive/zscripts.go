package archive

import (
	"io"
	"path"
	"strings"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// What the packages gzip, bzip2 and xz-utils have as shell scripts around their programs and grep,
// diff, cmp and more: the programs that run are those on PATH, as in life.

// wrapped is the compressor that the script of a name runs.
func wrapped(name string) (program string, suffixes []string) {
	switch {
	case strings.HasPrefix(name, "bz"):
		return "bzip2", []string{".bz2", ".tbz", ".tbz2"}
	case strings.HasPrefix(name, "xz"):
		return "xz", []string{".xz", ".lzma", ".gz", ".bz2", ".txz"}
	}
	return "gzip", []string{".gz", "-gz", ".z", "-z", "_z", ".Z", ".tgz", ".taz"}
}

// scriptName is $0 of a script that was found on PATH.
func scriptName(c *prog.Ctx) string {
	if strings.Contains(c.Name, "/") {
		return c.Name
	}
	return "/usr/bin/" + c.Name
}

// unpacked starts the compressor on a file ("-" is standard input) and gives the end of a pipe that
// the plain text comes from.
func unpacked(c *prog.Ctx, program, name string) (fd int, err error) {
	r, w, err := c.Pipe()
	if err != nil {
		return -1, err
	}
	_, err = c.Start([]string{program, "-cdfq", "--", name}, nil, &kernel.SpawnOpts{Files: map[int]int{0: 0, 1: w, 2: 2}})
	c.Close(w)
	if err != nil {
		c.Close(r)
	}
	return r, err
}

// reap waits for all children and tells the greatest status among those that are not pid's; one
// that a closed pipe killed has done its part.
func reap(c *prog.Ctx, pid int) (status, worst int) {
	for {
		got, st, err := c.Wait(-1, 0)
		switch {
		case err == linux.EINTR:
			continue
		case err != nil:
			return status, worst
		case got == pid:
			status = st.ExitCode()
		case st.Signal != linux.SIGPIPE && st.ExitCode() != 2: // which is a warning
			worst = max(worst, st.ExitCode())
		}
	}
}

// zgrep searches compressed files. Options are grep's, but for those that name or choose files.
func zgrep(c *prog.Ctx) int {
	program, _ := wrapped(c.Program)
	script := scriptName(c)
	c.Name = script
	grep := []string{"grep"}
	switch strings.TrimLeft(c.Program, "bxz") {
	case "egrep":
		grep = append(grep, "-E")
	case "fgrep":
		grep = append(grep, "-F")
	}
	havePattern, names, quiet := false, byte(0), false
	var files []string
	args := c.Args
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		switch {
		case a == "--":
			files = append(files, args...)
			args = nil
			continue
		case a == "-" || !strings.HasPrefix(a, "-"):
			files = append(files, a)
			continue
		case a == "--help":
			c.Help()
		case a == "--version" || a == "-V":
			c.Version()
		case zgrepRefuses(a):
			c.Die(2, "%s: option not supported", a)
		case a == "-h" || a == "--no-filename":
			names = 'h'
			continue
		case a == "-H" || a == "--with-filename":
			names = 'H'
			continue
		case a == "--regexp" || a == "--file":
			havePattern = true
			a += "="
			if len(args) > 0 {
				a, args = a+args[0], args[1:]
			}
		case strings.HasPrefix(a, "--regexp=") || strings.HasPrefix(a, "--file="):
			havePattern = true
		case !strings.HasPrefix(a, "--"):
			for i := 1; i < len(a); i++ {
				quiet = quiet || a[i] == 'q'
				if strings.IndexByte("ABCDXefm", a[i]) < 0 {
					continue
				}
				havePattern = havePattern || a[i] == 'e' || a[i] == 'f'
				if i == len(a)-1 && len(args) > 0 {
					a, args = a+args[0], args[1:]
				}
				break
			}
		}
		grep = append(grep, a)
	}
	if !havePattern {
		if len(files) == 0 {
			c.Errorf("%s: 188: 1: missing pattern; try `%s --help' for help\n", script, script)
			return 2
		}
		grep = append(grep, "-e", files[0])
		files = files[1:]
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	worst := 0
	for _, name := range files {
		argv := grep
		if names == 'H' || names == 0 && len(files) > 1 {
			argv = append(argv[:len(argv):len(argv)], "-H")
		}
		if name != "-" {
			argv = append(argv[:len(argv):len(argv)], "--label="+name)
		}
		fd, err := unpacked(c, program, name)
		if err != nil {
			return prog.ExecFailed(c, program, err)
		}
		pid, err := c.Start(argv, nil, &kernel.SpawnOpts{Files: map[int]int{0: fd, 1: 1, 2: 2}})
		c.Close(fd)
		if err != nil {
			return prog.ExecFailed(c, "grep", err)
		}
		status, broken := reap(c, pid)
		if quiet && status == 0 {
			return 0
		}
		if broken > 0 {
			status = 2
		}
		worst = max(worst, status)
	}
	return worst
}

// zgrepRefuses says whether an option of grep has no place in zgrep.
func zgrepRefuses(a string) bool {
	if len(a) > 1 && a[1] != '-' {
		return strings.IndexByte("drRzZ", a[1]) >= 0
	}
	for _, long := range []string{"--di", "--exc", "--inc", "--rec", "--nu"} {
		if strings.HasPrefix(a, long) {
			return true
		}
	}
	return false
}

// zdiff compares compressed files by diff, or by cmp.
func zdiff(c *prog.Ctx) int {
	program, suffixes := wrapped(c.Program)
	script := scriptName(c)
	c.Name = script
	argv := []string{"diff"}
	if strings.HasSuffix(c.Program, "cmp") {
		argv = []string{"cmp"}
	}
	var files []string
	for i, a := range c.Args {
		switch {
		case a == "--":
			files = append(files, c.Args[i+1:]...)
		case a == "--help":
			c.Help()
		case a == "--version":
			c.Version()
		case len(a) > 1 && a[0] == '-':
			argv = append(argv, a)
			continue
		default:
			files = append(files, a)
			continue
		}
		break
	}
	if len(files) == 0 {
		c.Warn("missing operand")
		return 2
	}
	packed := func(name string) (plain string, ok bool) {
		for _, s := range suffixes {
			if t, found := strings.CutSuffix(name, s); found {
				return t, true
			}
		}
		return name, name == "-"
	}
	if len(files) == 1 {
		plain, ok := packed(files[0])
		if !ok {
			c.Warn("unknown compressed file type suffix: %s", files[0])
			return 2
		}
		files = append(files, plain)
	}
	fds := map[int]int{0: 0, 1: 1, 2: 2}
	operands := []string{files[0], files[1]}
	_, first := packed(files[0])
	_, second := packed(files[1])
	for i, isPacked := range []bool{first, second} {
		if !isPacked || files[i] == "-" {
			continue
		}
		at := 0
		operands[i] = "-"
		if i == 0 && second { // the other one has standard input
			at, operands[i] = 5, "/dev/fd/5"
		}
		fd, err := unpacked(c, program, files[i])
		if err != nil {
			return prog.ExecFailed(c, program, err)
		}
		defer c.Close(fd)
		fds[at] = fd
	}
	pid, err := c.Start(append(argv, operands...), nil, &kernel.SpawnOpts{Files: fds})
	if err != nil {
		return prog.ExecFailed(c, argv[0], err)
	}
	for child, fd := range fds {
		if child == 0 && fd != 0 || child == 5 {
			c.Close(fd)
		}
	}
	status, broken := reap(c, pid)
	if broken > 0 {
		return 2
	}
	return status
}

// zpager shows compressed files by less or more.
func zpager(c *prog.Ctx) int {
	program, _ := wrapped(c.Program)
	pager := c.Program[len(c.Program)-4:]
	c.Name = scriptName(c)
	argv := []string{pager}
	var files []string
	for _, a := range c.Args {
		switch {
		case a == "--help":
			c.Help()
		case a == "--version" || a == "-V":
			c.Version()
		case len(a) > 1 && a[0] == '-':
			argv = append(argv, a)
		default:
			files = append(files, a)
		}
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, name := range files {
		fd, err := unpacked(c, program, name)
		if err != nil {
			return prog.ExecFailed(c, program, err)
		}
		if !c.Isatty(1) {
			io.Copy(c.Out, c.FD(fd))
			c.Close(fd)
			if _, broken := reap(c, 0); broken > 0 {
				c.Status = broken
			}
			continue
		}
		pid, err := c.Start(argv, nil, &kernel.SpawnOpts{Files: map[int]int{0: fd, 1: 1, 2: 2}})
		c.Close(fd)
		if err != nil {
			return prog.ExecFailed(c, pager, err)
		}
		if c.Status, _ = reap(c, pid); c.Status != 0 {
			break
		}
	}
	return c.Status
}

// zforce gives gzip's files that lack it the suffix .gz.
func zforce(c *prog.Ctx) int {
	c.Name = scriptName(c)
	if len(c.Args) == 0 {
		c.Warn("missing file operand")
		return 1
	}
	for _, name := range c.Args {
		head := make([]byte, 2)
		f, err := c.OpenInput(name)
		if err != nil {
			c.Fail("%s: not a file", name)
			continue
		}
		_, err = io.ReadFull(f, head)
		f.Close()
		if err != nil || string(head) != string(gzipCodec.magic) || path.Ext(name) == ".gz" {
			continue
		}
		if err := c.Rename(name, name+".gz"); err != nil {
			c.Fail("%s: %v", name, err)
			continue
		}
		c.Printf("%s -- replaced with %s.gz\n", name, name)
	}
	return c.Status
}
