package text

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// digests are the programs that print checksums.
var digests = map[string]struct {
	new func() hash.Hash
	tag string
}{
	"md5sum": {md5.New, "MD5"}, "sha1sum": {sha1.New, "SHA1"}, "sha224sum": {sha256.New224, "SHA224"}, "sha256sum": {sha256.New, "SHA256"},
	"sha384sum": {sha512.New384, "SHA384"}, "sha512sum": {sha512.New, "SHA512"},
}

const (
	sumIgnoreMissing = prog.LongOnly + iota
	sumQuiet
	sumStatus
	sumStrict
	sumTag
)

// summer is one run of md5sum and its kind.
type summer struct {
	c                                           *prog.Ctx
	new                                         func() hash.Hash
	tag                                         string
	binary, tagged, zero                        bool
	ignoreMissing, quiet, status, strict, warnI bool
}

func digest(c *prog.Ctx) int {
	d := digests[c.Program]
	s := &summer{c: c, new: d.new, tag: d.tag}
	check := false
	short, long := "bctwz", []prog.Long{{Name: "binary", Val: 'b'}, {Name: "check", Val: 'c'}, {Name: "text", Val: 't'}, {Name: "warn", Val: 'w'}, {Name: "zero", Val: 'z'},
		{Name: "ignore-missing", Val: sumIgnoreMissing}, {Name: "quiet", Val: sumQuiet}, {Name: "status", Val: sumStatus}, {Name: "strict", Val: sumStrict}, {Name: "tag", Val: sumTag}}
	if !c.GNU() {
		short, long = "scwbt", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'b':
			s.binary = c.GNU()
		case 'c':
			check = true
		case 's', sumStatus:
			s.status = true
		case 't':
			s.binary = false
		case 'w':
			s.warnI = true
		case 'z':
			s.zero = true
		case sumIgnoreMissing:
			s.ignoreMissing = true
		case sumQuiet:
			s.quiet = true
		case sumStrict:
			s.strict = true
		case sumTag:
			s.tagged, s.binary = true, true
		}
	}
	if c.GNU() && !check {
		for _, o := range []struct {
			on   bool
			name string
		}{{s.ignoreMissing, "--ignore-missing"}, {s.status, "--status"}, {s.warnI, "--warn"}, {s.quiet, "--quiet"}, {s.strict, "--strict"}} {
			if o.on {
				c.Warn("the %s option is meaningful only when verifying checksums", o.name)
				c.Usage()
			}
		}
	}
	if !c.GNU() && !check && (s.status || s.warnI) {
		c.Die(1, "-%s is meaningful only with -c", "s, -w")
	}
	for _, name := range orStdin(c.Args) {
		if check {
			s.check(name)
			continue
		}
		sum, err := s.sum(name)
		if err != nil {
			if c.GNU() {
				c.Fail("%s: %v", c.QuoteColon(name), err)
			} else {
				cannotRead(c, name, err)
			}
			continue
		}
		s.print(sum, name)
	}
	return c.Status
}

// cannotRead words what Busybox says of a file that it cannot open or read.
func cannotRead(c *prog.Ctx, name string, err error) {
	if st, e := c.Stat(name); e == nil && st.Mode.IsDir() {
		c.Fail("can't read '%s': %v", name, err)
		return
	}
	c.Fail("can't open '%s': %v", name, err)
}

func (s *summer) sum(name string) (string, error) {
	f, err := input(s.c, name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := s.new()
	if _, err := io.Copy(h, &stepReader{s.c, f}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// stepReader counts steps for what is read.
type stepReader struct {
	c *prog.Ctx
	r io.Reader
}

func (s *stepReader) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	s.c.Step(1 + n/256)
	return n, err
}

func (s *summer) print(sum, name string) {
	end := "\n"
	shown, mark := name, ""
	if s.zero {
		end = "\x00"
	} else if s.c.GNU() && strings.ContainsAny(name, "\\\n\r") {
		mark = "\\"
		shown = strings.NewReplacer("\\", "\\\\", "\n", "\\n", "\r", "\\r").Replace(name)
	}
	if s.tagged {
		s.c.Print(mark, s.tag, " (", shown, ") = ", sum, end)
		return
	}
	kind := " "
	if s.binary {
		kind = "*"
	}
	s.c.Print(mark, sum, " ", kind, shown, end)
}

// check verifies the sums listed in a file.
func (s *summer) check(list string) {
	c := s.c
	f, err := input(c, list)
	if err != nil {
		if c.GNU() {
			c.Fail("%s: %v", c.QuoteColon(list), err)
		} else {
			c.Fail("%s: %v", list, err)
		}
		return
	}
	defer f.Close()
	if list == "-" && c.GNU() {
		list = "'standard input'"
	}
	in := newLines(c, f, '\n')
	size := s.new().Size() * 2
	lines, good, bad, unreadable, malformed, matched := 0, 0, 0, 0, 0, false
	for {
		raw, err := in.next()
		if err != nil {
			if err != io.EOF {
				c.Fail("%s: read error: %v", list, err)
			}
			break
		}
		lines++
		b, _ := in.chomp(raw)
		sum, name, ok := s.parse(string(b), size)
		if !ok {
			if strings.HasPrefix(string(b), "#") && c.GNU() {
				continue
			}
			malformed++
			if s.warnI {
				if c.GNU() {
					c.Warn("%s: %d: improperly formatted %s checksum line", list, lines, s.tag)
				} else {
					c.Warn("invalid format")
				}
			}
			continue
		}
		good++
		got, err := s.sum(name)
		switch {
		case err != nil && s.ignoreMissing && err.Error() == "No such file or directory":
			continue
		case err != nil:
			unreadable++
			if c.GNU() {
				c.Warn("%s: %v", c.QuoteColon(name), err)
				if !s.status {
					c.Print(name, ": FAILED open or read\n")
				}
			} else {
				cannotRead(c, name, err)
				if !s.status {
					c.Print(name, ": FAILED\n")
				}
				bad++
			}
		case !strings.EqualFold(got, sum):
			bad++
			if !s.status {
				c.Print(name, ": FAILED\n")
			}
		default:
			matched = true
			if !s.status && !s.quiet {
				c.Print(name, ": OK\n")
			}
		}
	}
	if !c.GNU() {
		if lines == 0 {
			c.Fail("%s: no checksum lines found", list)
			return
		}
		if bad += malformed; bad > 0 {
			c.Status = 1
			if !s.status {
				c.Warn("WARNING: %d of %d computed checksums did NOT match", bad, lines)
			}
		}
		return
	}
	plural := func(n int, one, many string) string {
		if n == 1 {
			return one
		}
		return many
	}
	if good == 0 {
		c.Fail("%s: no properly formatted checksum lines found", list)
		return
	}
	if !s.status {
		if malformed > 0 {
			c.Warn("WARNING: %d %s improperly formatted", malformed, plural(malformed, "line is", "lines are"))
		}
		if unreadable > 0 {
			c.Warn("WARNING: %d listed %s could not be read", unreadable, plural(unreadable, "file", "files"))
		}
		if bad > 0 {
			c.Warn("WARNING: %d computed %s did NOT match", bad, plural(bad, "checksum", "checksums"))
		}
	}
	if s.ignoreMissing && !matched {
		if !s.status {
			c.Warn("%s: no file was verified", list)
		}
		c.Status = 1
	}
	if bad > 0 || unreadable > 0 || s.strict && malformed > 0 {
		c.Status = 1
	}
}

// parse reads a line of a list.
func (s *summer) parse(line string, size int) (sum, name string, ok bool) {
	line = strings.TrimSuffix(line, "\r")
	escaped := false
	if s.c.GNU() {
		line = strings.TrimLeft(line, " \t")
		if strings.HasPrefix(line, "\\") {
			escaped, line = true, line[1:]
		}
		if rest, tag := strings.CutPrefix(line, s.tag+" ("); tag {
			i := strings.LastIndex(rest, ") = ")
			if i < 0 {
				return "", "", false
			}
			name, sum = rest[:i], rest[i+4:]
			return sum, name, len(sum) == size
		}
	}
	if len(line) < size+2 || line[size] != ' ' || strings.Trim(strings.ToLower(line[:size]), "0123456789abcdef") != "" {
		return "", "", false
	}
	sum, name = line[:size], line[size+1:]
	if name[0] == ' ' || name[0] == '*' {
		name = name[1:]
	} else if !s.c.GNU() {
		return "", "", false
	}
	if escaped {
		name = strings.NewReplacer("\\\\", "\\", "\\n", "\n", "\\r", "\r").Replace(name)
	}
	return sum, name, name != ""
}

// crcTable is POSIX cksum's.
var crcTable = func() (t [256]uint32) {
	for i := range t {
		c := uint32(i) << 24
		for range 8 {
			if c&(1<<31) != 0 {
				c = c<<1 ^ 0x04c11db7
			} else {
				c <<= 1
			}
		}
		t[i] = c
	}
	return t
}()

func cksum(c *prog.Ctx) int {
	for range c.Getopt("", nil) {
	}
	for _, name := range orStdin(c.Args) {
		f := plainOpen(c, name)
		if f == nil {
			continue
		}
		crc, size := uint32(0), int64(0)
		buf := make([]byte, 16384)
		var err error
		for {
			var n int
			n, err = f.Read(buf)
			c.Step(n / 128)
			for _, b := range buf[:n] {
				crc = crc<<8 ^ crcTable[byte(crc>>24)^b]
			}
			size += int64(n)
			if err != nil {
				break
			}
		}
		f.Close()
		if err != io.EOF {
			readFailed(c, name, err)
			continue
		}
		for n := size; n > 0; n >>= 8 {
			crc = crc<<8 ^ crcTable[byte(crc>>24)^byte(n)]
		}
		c.Printf("%d %d", ^crc, size)
		if len(c.Args) > 0 {
			c.Print(" ", name)
		}
		c.Print("\n")
	}
	return c.Status
}

func sum(c *prog.Ctx) int {
	sysv := false
	for o := range c.Getopt("rs", []prog.Long{{Name: "sysv", Val: 's'}}) {
		sysv = o.Val == 's'
	}
	for _, name := range orStdin(c.Args) {
		f := plainOpen(c, name)
		if f == nil {
			continue
		}
		b, err := readLimited(f)
		f.Close()
		if err != nil {
			readFailed(c, name, err)
			continue
		}
		c.Step(len(b) / 64)
		shown := ""
		if len(c.Args) > 1 || sysv && len(c.Args) > 0 || c.GNU() && len(c.Args) > 0 {
			shown = " " + name
		}
		if sysv {
			s := uint32(0)
			for _, x := range b {
				s += uint32(x)
			}
			r := s&0xffff + s>>16
			c.Printf("%d %d%s\n", r&0xffff+r>>16, (len(b)+511)/512, shown)
			continue
		}
		s := uint32(0)
		for _, x := range b {
			s = s>>1 + s&1<<15
			s = (s + uint32(x)) & 0xffff
		}
		c.Printf("%05d %5d%s\n", s, (len(b)+1023)/1024, shown)
	}
	return c.Status
}
