package archive

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// ar lists and unpacks archives of object files, which Debian's packages are too. Busybox's does
// not make them.
func ar(c *prog.Ctx) int {
	if len(c.Args) > 0 && !strings.HasPrefix(c.Args[0], "-") {
		c.Args = append([]string{"-" + c.Args[0]}, c.Args[1:]...)
	}
	var what byte
	verbose, times := false, false
	for o := range c.Getopt("voctpx", nil) {
		switch o.Val {
		case 'v':
			verbose = true
		case 'o':
			times = true
		case 't', 'p', 'x':
			if what != 0 {
				c.Usage()
			}
			what = byte(o.Val)
		}
	}
	if what == 0 || len(c.Args) == 0 {
		c.Usage()
	}
	f, err := c.OpenFile(c.Args[0], linux.O_RDONLY, 0)
	if err != nil {
		c.Die(1, "can't open '%s': %v", c.Args[0], err)
	}
	defer f.Close()
	r := bufio.NewReader(f)
	var magic [8]byte
	if _, err := io.ReadFull(r, magic[:7]); err != nil {
		c.Die(1, "short read")
	}
	if string(magic[:7]) != "!<arch>" {
		c.Die(1, "invalid ar magic")
	}
	r.Discard(1)
	var longNames []byte
	for {
		c.Step(1)
		var h [60]byte
		if b, err := r.Peek(1); err == nil && b[0] == '\n' {
			r.Discard(1)
		}
		if n, err := io.ReadFull(r, h[:]); err != nil {
			if n > 0 {
				c.Die(1, "short read")
			}
			return c.Status
		}
		if h[58] != '`' || h[59] != '\n' {
			c.Die(1, "invalid ar header")
		}
		field := func(from, n, base int) int64 {
			v, _ := strconv.ParseInt(strings.TrimSpace(string(h[from:from+n])), base, 64)
			return v
		}
		name := strings.TrimRight(string(h[:16]), " ")
		size := field(48, 10, 10)
		if size < 0 {
			c.Die(1, "invalid ar header")
		}
		body := io.LimitReader(r, size)
		switch {
		case name == "//":
			if longNames, err = io.ReadAll(io.LimitReader(body, 1<<20)); err != nil {
				c.Die(1, "short read")
			}
			io.Copy(io.Discard, body)
			continue
		case name == "/" || name == "/SYM64/":
			io.Copy(io.Discard, body)
			continue
		case strings.HasPrefix(name, "/"):
			at, err := strconv.Atoi(name[1:])
			if err != nil || at >= len(longNames) || at < 0 {
				c.Die(1, "can't resolve long filename")
			}
			long, _, _ := bytes.Cut(longNames[at:], []byte("\n"))
			name = string(long)
		}
		name = strings.TrimSuffix(name, "/")
		mtime := time.Unix(field(16, 12, 10), 0)
		mode := linux.Mode(field(40, 8, 8))
		if len(c.Args) > 1 && !slices.Contains(c.Args[1:], name) {
			io.Copy(io.Discard, body)
			continue
		}
		switch what {
		case 't':
			if verbose {
				c.Printf("%s %d/%d%7d %s ", mode.String()[1:], field(28, 6, 10), field(34, 6, 10), size,
					datetime.Format("%b %e %H:%M %Y", mtime.In(datetime.Zone(c.Getenv("TZ")))))
			}
			c.Print(name, "\n")
		case 'p':
			if _, err := io.Copy(c.Out, body); err != nil {
				c.Die(1, "%v", err)
			}
		case 'x':
			if verbose {
				c.Print("x - ", name, "\n")
			}
			if err := arExtract(c, name, mode, body); err != nil {
				c.Die(1, "%v", err)
			}
			if times {
				c.Utimes(name, &mtime, &mtime, true)
			}
		}
		io.Copy(io.Discard, body)
	}
}

func arExtract(c *prog.Ctx, name string, mode linux.Mode, body io.Reader) error {
	if strings.Contains(name, "/") {
		return fmt.Errorf("can't open '%s': %w", name, linux.ENOENT)
	}
	c.Unlink(name)
	f, err := c.OpenFile(name, linux.O_WRONLY|linux.O_CREAT|linux.O_EXCL, mode.Perm()&0o777)
	if err != nil {
		return fmt.Errorf("can't open '%s': %w", name, err)
	}
	defer f.Close()
	if _, err := io.Copy(f, body); err != nil {
		return err
	}
	return c.Fchmod(f.Fd, mode.Perm())
}
