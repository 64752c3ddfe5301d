package text

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"strconv"
	"strings"

	"golang.org/x/crypto/blake2b"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/text/sm3"
)

// An algorithm is one that sums with hexadecimal digits.
type algorithm struct {
	name  string // as cksum -a has it
	tag   string // as it stands before a name in parentheses
	bytes int    // of a sum; of the longest, if sized
	sized bool   // sums may be shorter, of any number of bytes
	new   func(bytes int) hash.Hash
}

func fixed(f func() hash.Hash) func(int) hash.Hash { return func(int) hash.Hash { return f() } }

var algorithms = []algorithm{
	{"md5", "MD5", md5.Size, false, fixed(md5.New)},
	{"sha1", "SHA1", sha1.Size, false, fixed(sha1.New)},
	{"sha224", "SHA224", sha256.Size224, false, fixed(sha256.New224)},
	{"sha256", "SHA256", sha256.Size, false, fixed(sha256.New)},
	{"sha384", "SHA384", sha512.Size384, false, fixed(sha512.New384)},
	{"sha512", "SHA512", sha512.Size, false, fixed(sha512.New)},
	{"blake2b", "BLAKE2b", blake2b.Size, true, func(bytes int) hash.Hash {
		h, err := blake2b.New(bytes, nil)
		if err != nil {
			panic(err) // a size that was checked, and no key
		}
		return h
	}},
	{"sm3", "SM3", sm3.Size, false, fixed(sm3.New)},
}

// algorithmOf finds an algorithm by its name, or "md5sum" and its like.
func algorithmOf(name string) *algorithm {
	name = strings.TrimSuffix(name, "sum")
	if name == "b2" {
		name = "blake2b"
	}
	for i := range algorithms {
		if algorithms[i].name == name {
			return &algorithms[i]
		}
	}
	return nil
}

const (
	sumIgnoreMissing = prog.LongOnly + iota
	sumQuiet
	sumStatus
	sumStrict
	sumTag
	sumUntagged
	sumDebug
)

// summer is one run of md5sum and its kind.
type summer struct {
	c                                           *prog.Ctx
	alg                                         *algorithm // nil: what the tag of a line says
	bytes                                       int        // of a sum
	binary, tagged, zero                        bool
	ignoreMissing, quiet, status, strict, warnI bool
}

var digestLong = []prog.Long{{Name: "check", Val: 'c'}, {Name: "warn", Val: 'w'}, {Name: "zero", Val: 'z'}, {Name: "ignore-missing", Val: sumIgnoreMissing},
	{Name: "quiet", Val: sumQuiet}, {Name: "status", Val: sumStatus}, {Name: "strict", Val: sumStrict}, {Name: "tag", Val: sumTag}}

func digest(c *prog.Ctx) int {
	s := &summer{c: c, alg: algorithmOf(c.Program)}
	check, length := false, ""
	short, long := "bctwz", append([]prog.Long{{Name: "binary", Val: 'b'}, {Name: "text", Val: 't'}}, digestLong...)
	switch {
	case !c.GNU():
		short, long = "scwbt", nil
	case s.alg.sized:
		short, long = "l:bctwz", append(long, prog.Long{Name: "length", Arg: prog.ReqArg, Val: 'l'})
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'b':
			s.binary = c.GNU()
		case 'c':
			check = true
		case 'l':
			length = o.Arg
		case 's', sumStatus:
			s.status = true
		case 't':
			s.binary = false
		case sumTag:
			s.tagged, s.binary = true, true
		default:
			s.option(o.Val)
		}
	}
	s.length(length)
	switch {
	case c.GNU() && !check:
		s.onlyChecking()
	case check && s.tagged:
		c.Warn("the --tag option is meaningless when verifying checksums")
		c.Usage()
	}
	if !c.GNU() && !check && (s.status || s.warnI) {
		c.Die(1, "-%s is meaningful only with -c", "s, -w")
	}
	return s.files(check)
}

// option takes an option that all of the programs have.
func (s *summer) option(val int) {
	switch val {
	case 'w':
		s.warnI = true
	case 'z':
		s.zero = true
	case sumIgnoreMissing:
		s.ignoreMissing = true
	case sumQuiet:
		s.quiet = true
	case sumStatus:
		s.status = true
	case sumStrict:
		s.strict = true
	}
}

// length sets the number of bytes of a sum from a number of bits.
func (s *summer) length(text string) {
	if s.alg != nil {
		s.bytes = s.alg.bytes
	}
	if text == "" {
		return
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		s.c.Die(1, "invalid length: %s", s.c.Quote(text))
	}
	if n%8 != 0 {
		s.c.Warn("invalid length: %s", s.c.Quote(text))
		s.c.Die(1, "length is not a multiple of 8")
	}
	if int(n) > s.alg.bytes*8 {
		s.c.Warn("invalid length: %s", s.c.Quote(text))
		s.c.Die(1, "maximum digest length for %s is %d bits", s.c.Quote(s.alg.tag), s.alg.bytes*8)
	}
	if n > 0 {
		s.bytes = int(n / 8)
	}
}

// onlyChecking refuses the options that are for -c.
func (s *summer) onlyChecking() {
	for _, o := range []struct {
		on   bool
		name string
	}{{s.ignoreMissing, "--ignore-missing"}, {s.status, "--status"}, {s.warnI, "--warn"}, {s.quiet, "--quiet"}, {s.strict, "--strict"}} {
		if o.on {
			s.c.Warn("the %s option is meaningful only when verifying checksums", o.name)
			s.c.Usage()
		}
	}
}

// files sums or checks the operands.
func (s *summer) files(check bool) int {
	c := s.c
	for _, name := range orStdin(c.Args) {
		if check {
			s.check(name)
			continue
		}
		sum, err := s.sum(name, s.alg, s.bytes)
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

func (s *summer) sum(name string, alg *algorithm, bytes int) (string, error) {
	f, err := input(s.c, name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := alg.new(bytes)
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
		tag := s.alg.tag
		if s.bytes != s.alg.bytes {
			tag += "-" + strconv.Itoa(s.bytes*8)
		}
		s.c.Print(mark, tag, " (", shown, ") = ", sum, end)
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
		list = "standard input"
	}
	in := newLines(c, f, '\n')
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
		sum, name, alg, ok := s.parse(string(b))
		if !ok {
			if strings.HasPrefix(string(b), "#") && c.GNU() {
				continue
			}
			malformed++
			if s.warnI {
				if c.GNU() {
					c.Warn("%s: %d: improperly formatted %s checksum line", list, lines, tagOf(s.alg))
				} else {
					c.Warn("invalid format")
				}
			}
			continue
		}
		good++
		got, err := s.sum(name, alg, len(sum)/2)
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
		c.Fail("%s: no properly formatted checksum lines found", c.QuoteColon(list))
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

func tagOf(a *algorithm) string {
	if a == nil {
		return "checksum"
	}
	return a.tag
}

// parse reads a line of a list.
func (s *summer) parse(line string) (sum, name string, alg *algorithm, ok bool) {
	line = strings.TrimSuffix(line, "\r")
	escaped := false
	if s.c.GNU() {
		line = strings.TrimLeft(line, " \t")
		if strings.HasPrefix(line, "\\") {
			escaped, line = true, line[1:]
		}
	}
	if tag, rest, found := strings.Cut(line, " ("); found && s.c.GNU() {
		if alg = s.tagAlgorithm(tag); alg != nil {
			i := strings.LastIndex(rest, ") = ")
			if i < 0 {
				return "", "", nil, false
			}
			name, sum = rest[:i], rest[i+4:]
			return sum, name, alg, alg.holds(sum)
		}
	}
	if s.alg == nil {
		return "", "", nil, false
	}
	i := strings.IndexByte(line, ' ')
	if i < 0 || !s.alg.holds(line[:i]) || len(line) < i+2 {
		return "", "", nil, false
	}
	sum, name = line[:i], line[i+1:]
	if name[0] == ' ' || name[0] == '*' {
		name = name[1:]
	} else if !s.c.GNU() {
		return "", "", nil, false
	}
	if escaped {
		name = strings.NewReplacer("\\\\", "\\", "\\n", "\n", "\\r", "\r").Replace(name)
	}
	return sum, name, s.alg, name != ""
}

// tagAlgorithm is the algorithm that a tag names, if it is the one that is looked for.
func (s *summer) tagAlgorithm(tag string) *algorithm {
	for i := range algorithms {
		a := &algorithms[i]
		if s.alg != nil && s.alg != a {
			continue
		}
		if base, _, _ := strings.Cut(tag, "-"); tag == a.tag || a.sized && base == a.tag {
			return a
		}
	}
	return nil
}

// holds says whether sum may be one of a's.
func (a *algorithm) holds(sum string) bool {
	if strings.Trim(strings.ToLower(sum), "0123456789abcdef") != "" {
		return false
	}
	if a.sized {
		return len(sum) > 0 && len(sum)%2 == 0 && len(sum) <= 2*a.bytes
	}
	return len(sum) == 2*a.bytes
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

var cksumLong = append([]prog.Long{{Name: "algorithm", Arg: prog.ReqArg, Val: 'a'}, {Name: "length", Arg: prog.ReqArg, Val: 'l'},
	{Name: "untagged", Val: sumUntagged}, {Name: "debug", Val: sumDebug}}, digestLong...)

// cksum is POSIX's sum and, in the GNU family, every other by -a.
func cksum(c *prog.Ctx) int {
	s := &summer{c: c, tagged: true}
	name, given, length, check := "crc", false, "", false
	if !c.GNU() {
		for range c.Getopt("", nil) {
		}
		return crcSums(c, "\n")
	}
	for o := range c.Getopt("a:cl:wz", cksumLong) {
		switch o.Val {
		case 'a':
			valid := []string{"bsd", "sysv", "crc"}
			for _, a := range algorithms {
				valid = append(valid, a.name)
			}
			name, given = c.Choose("--algorithm", o.Arg, valid...), true
			s.alg = algorithmOf(name)
		case 'c':
			check = true
		case 'l':
			length = o.Arg
		case sumTag:
			s.tagged = true
		case sumUntagged:
			s.tagged = false
		case sumDebug: // the real one tells which instructions of the processor it uses
		default:
			s.option(o.Val)
		}
	}
	if n, err := strconv.ParseUint(length, 10, 31); err == nil && n%8 != 0 {
		c.Warn("invalid length: %s", c.Quote(length))
		c.Die(1, "length is not a multiple of 8")
	}
	if length != "" && name != "blake2b" {
		c.Die(1, "--length is only supported with --algorithm=blake2b")
	}
	s.length(length)
	old := s.alg == nil
	if check && old && given {
		c.Die(1, "--check is not supported with --algorithm={bsd,sysv,crc}")
	}
	if !check {
		s.onlyChecking()
	}
	switch {
	case check || !old:
		return s.files(check)
	case name == "crc" && s.zero:
		return crcSums(c, "\x00")
	case name == "crc":
		return crcSums(c, "\n")
	}
	return oldSums(c, name == "sysv")
}

// crcSums prints POSIX's sums of the operands.
func crcSums(c *prog.Ctx, end string) int {
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
		if err != io.EOF && !(c.GNU() && err == linux.EISDIR) { // GNU's sums a directory as nothing
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
		c.Print(end)
	}
	return c.Status
}

func sum(c *prog.Ctx) int {
	sysv := false
	for o := range c.Getopt("rs", []prog.Long{{Name: "sysv", Val: 's'}}) {
		sysv = o.Val == 's'
	}
	return oldSums(c, sysv)
}

// oldSums prints the sums of System V or of BSD.
func oldSums(c *prog.Ctx, sysv bool) int {
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
