package text

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// uuDigits are the digits of the encoding that is uuencode's own; a blank also stands for zero.
const uuDigits = "`!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_"

// uuLine is how many bytes a line holds.
const uuLine = 45

func uuencode(c *prog.Ctx) int {
	encoded := false
	for range c.Getopt("m", nil) {
		encoded = true
	}
	if len(c.Args) < 1 || len(c.Args) > 2 {
		c.Usage()
	}
	var in io.Reader = c.In
	mode := linux.Mode(0o666) &^ umask(c)
	if len(c.Args) == 2 {
		f, err := c.OpenFile(c.Args[0], linux.O_RDONLY, 0)
		if err != nil {
			c.Die(1, "can't open '%s': %v", c.Args[0], err)
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			c.Die(1, "%v", err)
		}
		in, mode = f, st.Mode&0o777
	}
	word, end := "begin", "`\nend\n"
	if encoded {
		word, end = "begin-base64", "====\n"
	}
	c.Printf("%s %o %s", word, mode, c.Args[len(c.Args)-1])
	buf := make([]byte, uuLine)
	for {
		n, err := io.ReadFull(in, buf)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			c.Die(1, "read error: %v", err)
		}
		c.Print("\n")
		if n == 0 {
			break
		}
		c.Step(1)
		if encoded {
			c.Print(base64.StdEncoding.EncodeToString(buf[:n]))
		} else {
			c.Print(string(uuDigits[n]), uuGroups(buf[:n]))
		}
	}
	c.Print(end)
	return c.Status
}

// umask is the process's.
func umask(c *prog.Ctx) linux.Mode {
	m := c.Umask(0)
	c.Umask(m)
	return m
}

// uuGroups writes each three bytes as four digits, the last group filled up with zeros.
func uuGroups(b []byte) string {
	var out strings.Builder
	for len(b) > 0 {
		var g [3]byte
		b = b[copy(g[:], b):]
		v := int(g[0])<<16 | int(g[1])<<8 | int(g[2])
		for shift := 18; shift >= 0; shift -= 6 {
			out.WriteByte(uuDigits[v>>shift&63])
		}
	}
	return out.String()
}

var errShortFile = errors.New("short file")

func uudecode(c *prog.Ctx) int {
	to := ""
	for o := range c.Getopt("o:", nil) {
		to = o.Arg
	}
	in := c.In
	if len(c.Args) > 0 && c.Args[0] != "-" {
		f, err := c.OpenFile(c.Args[0], linux.O_RDONLY, 0)
		if err != nil {
			c.Die(1, "%s: %v", c.Args[0], err)
		}
		defer f.Close()
		in = bufio.NewReader(f)
	}
	r := newLines(c, in, '\n')
	for {
		raw, err := r.next()
		if err != nil {
			c.Die(1, "no 'begin' line")
		}
		line, _ := r.chomp(raw)
		rest, encoded := strings.CutPrefix(string(line), "begin-base64 ")
		if !encoded {
			var ok bool
			if rest, ok = strings.CutPrefix(string(line), "begin "); !ok {
				continue
			}
		}
		digits, name, ok := strings.Cut(rest, " ")
		if !ok {
			continue
		}
		mode := leadingOctal(digits)
		if name = strings.TrimSpace(name); to != "" {
			name = to
		}
		if err := uuWrite(c, r, name, mode, encoded); err != nil {
			c.Die(1, "%v", err)
		}
		return 0
	}
}

// leadingOctal reads the octal digits that s begins with.
func leadingOctal(s string) linux.Mode {
	s = s[:len(s)-len(strings.TrimLeft(s, "01234567"))]
	n, _ := strconv.ParseUint(s, 8, 16)
	return linux.Mode(n)
}

// uuWrite decodes what follows a begin line into the file name.
func uuWrite(c *prog.Ctx, r *lines, name string, mode linux.Mode, encoded bool) error {
	var out io.Writer = c.Out
	if name != "-" && name != "/dev/stdout" {
		f, err := c.CreateFile(name)
		if err != nil {
			return fmt.Errorf("can't open '%s': %w", name, err)
		}
		defer f.Close()
		if err := c.Fchmod(f.Fd, mode&0o7777); err != nil && !errors.Is(err, linux.EPERM) {
			return err
		}
		out = f
	}
	write := func(b []byte) error {
		_, err := out.Write(b)
		return err
	}
	if encoded {
		return uuBase64(r, write)
	}
	for {
		raw, err := r.next()
		if err != nil {
			return errShortFile
		}
		line, _ := r.chomp(raw)
		line = bytes.TrimRight(line, "\r")
		if string(line) == "end" {
			return nil
		}
		if len(line) == 0 {
			continue
		}
		n := int(line[0]-' ') & 63
		if n == 0 {
			continue
		}
		b, ok := uuBytes(line[1:], n)
		if !ok {
			return errShortFile
		}
		if err := write(b); err != nil {
			return err
		}
	}
}

// uuBytes reads n bytes of a line's digits.
func uuBytes(digits []byte, n int) (b []byte, ok bool) {
	for len(b) < n {
		if len(digits) < 2 {
			return b, false
		}
		var g [4]byte
		for i := range copy(g[:], digits) {
			g[i] = (g[i] - ' ') & 63
		}
		b = append(b, g[0]<<2|g[1]>>4, g[1]<<4|g[2]>>2, g[2]<<6|g[3])
		digits = digits[min(4, len(digits)):]
	}
	return b[:n], true
}

// uuBase64 decodes lines of base64 up to the one of four equals signs.
func uuBase64(r *lines, write func([]byte) error) error {
	var digits []byte
	flush := func() error {
		n := len(digits) &^ 3
		b := make([]byte, base64.StdEncoding.DecodedLen(n))
		k, err := base64.StdEncoding.Decode(b, digits[:n])
		digits = digits[n:]
		if err != nil {
			return errShortFile
		}
		return write(b[:k])
	}
	for {
		raw, err := r.next()
		if err != nil {
			return flush() // without complaint
		}
		line, _ := r.chomp(raw)
		if bytes.HasPrefix(line, []byte("====")) {
			return flush()
		}
		digits = append(digits, bytes.TrimSpace(line)...)
		if len(digits) >= 4096 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
}
