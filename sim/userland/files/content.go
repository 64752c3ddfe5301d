package files

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/human"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// The programs that make and unmake the contents of files without looking at them: truncate, dd,
// shred, sync.

func truncate(c *prog.Ctx) int {
	noCreate, ioBlocks, reference, sizeText := false, false, "", ""
	short, long := "cor:s:", []prog.Long{{Name: "no-create", Val: 'c'}, {Name: "io-blocks", Val: 'o'}, {Name: "reference", Arg: prog.ReqArg, Val: 'r'}, {Name: "size", Arg: prog.ReqArg, Val: 's'}}
	if !c.GNU() {
		short, long = "cs:", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'c':
			noCreate = true
		case 'o':
			ioBlocks = true
		case 'r':
			reference = o.Arg
		case 's':
			if sizeText = o.Arg; sizeText == "" && c.GNU() {
				c.Die(1, "Invalid number: ''")
			}
		}
	}
	var kind byte
	var size int64
	if sizeText != "" {
		t := strings.TrimLeft(sizeText, " \t")
		if t != "" && strings.IndexByte("<>/%", t[0]) >= 0 {
			kind, t = t[0], t[1:]
		}
		sign := int64(1)
		if t != "" && (t[0] == '+' || t[0] == '-') && c.GNU() {
			if kind != 0 {
				c.Fail("multiple relative modifiers specified")
				c.Usage()
			}
			kind = t[0]
			if t[0] == '-' {
				sign = -1
			}
			t = t[1:]
		}
		n, _, ok := human.ParseSize(t)
		if !ok || n > math.MaxInt64 || t == "" || t[0] < '0' || t[0] > '9' {
			if c.GNU() {
				c.Die(1, "Invalid number: %s", c.Quote(strings.TrimLeft(sizeText, "/%<>")))
			}
			c.Die(1, "invalid number '%s'", sizeText)
		}
		size = sign * int64(n)
		if (kind == '/' || kind == '%') && size == 0 {
			c.Die(1, "division by zero")
		}
	}
	switch {
	case sizeText == "" && reference == "":
		if c.GNU() {
			c.Fail("you must specify either %s or %s", c.Quote("--size"), c.Quote("--reference"))
		}
		c.Usage()
	case reference != "" && sizeText != "" && kind == 0:
		c.Fail("you must specify a relative %s with %s", c.Quote("--size"), c.Quote("--reference"))
		c.Usage()
	case ioBlocks && sizeText == "":
		c.Fail("%s was specified but %s was not", c.Quote("--io-blocks"), c.Quote("--size"))
		c.Usage()
	}
	if len(c.Args) == 0 {
		missingFile(c)
	}
	refSize := int64(-1)
	if reference != "" {
		st, err := c.Stat(reference)
		if err != nil {
			c.Die(1, "cannot stat %s: %v", c.QuoteFile(reference), err)
		}
		refSize = st.Size
	}
	for _, name := range c.Args {
		flags := linux.O_WRONLY | linux.O_NONBLOCK
		if !noCreate {
			flags |= linux.O_CREAT
		}
		f, err := c.OpenFile(name, flags, 0o666)
		if err != nil {
			if noCreate && err == linux.ENOENT {
				continue
			}
			if c.GNU() {
				c.Fail("cannot open %s for writing: %v", c.QuoteFile(name), err)
			} else {
				c.Fail("%s: open: %v", name, err)
			}
			continue
		}
		st, _ := f.Stat()
		n := size
		if ioBlocks {
			n *= blockSize
		}
		base := st.Size
		if refSize >= 0 {
			base = refSize
		}
		switch {
		case sizeText == "":
			n = refSize
		case kind == '+' || kind == '-':
			n = max(base+n, 0)
		case kind == '<':
			n = min(base, n)
		case kind == '>':
			n = max(base, n)
		case kind == '/':
			n = base / n * n
		case kind == '%':
			n = (base + n - 1) / n * n
		}
		if err := c.Ftruncate(f.Fd, n); err != nil {
			if c.GNU() {
				c.Fail("failed to truncate %s at %d bytes: %v", c.QuoteFile(name), n, err)
			} else {
				c.Fail("%s: truncate: %v", name, err)
			}
		}
		f.Close()
	}
	return c.Status
}

// copyJob is one run of dd.
type copyJob struct {
	*prog.Ctx
	in, out                                    string
	ibs, obs, cbs                              int64
	skip, seek, count                          int64
	skipBytes, seekBytes, countBytes           bool
	conv                                       map[string]bool
	iflag, oflag                               map[string]bool
	status                                     string
	full, part, outFull, outPart, bytes, trunc int64
	start                                      time.Time
	recoder                                    *recoder
}

// maxBlock is the largest block that dd holds in memory, in bytes.
const maxBlock = 32 << 20

var (
	ddConvs = []string{"ascii", "ebcdic", "ibm", "block", "unblock", "lcase", "ucase", "sparse", "swab", "noerror", "nocreat", "excl", "notrunc", "sync", "fdatasync", "fsync"}
	ddFlags = []string{"append", "binary", "cio", "direct", "directory", "dsync", "noatime", "nocache", "noctty", "nofollow", "nolinks", "nonblock", "sync", "text", "fullblock", "count_bytes", "skip_bytes", "seek_bytes"}
)

func dd(c *prog.Ctx) int {
	d := &copyJob{Ctx: c, ibs: 512, obs: 512, count: -1, conv: map[string]bool{}, iflag: map[string]bool{}, oflag: map[string]bool{}}
	if c.GNU() {
		for range c.Getopt("+", nil) {
		}
	}
	for _, a := range c.Args {
		if a == "--" && !c.GNU() {
			continue
		}
		d.operand(a)
	}
	for _, rival := range [][]string{{"ascii", "ebcdic", "ibm"}, {"block", "unblock"}, {"lcase", "ucase"}, {"excl", "nocreat"}} {
		n := 0
		for _, name := range rival {
			if d.conv[name] {
				n++
			}
		}
		switch {
		case n > 1 && len(rival) == 3:
			c.Die(1, "cannot combine any two of {%s}", strings.Join(rival, ","))
		case n > 1:
			c.Die(1, "cannot combine %s", strings.Join(rival, " and "))
		}
	}
	d.recoder = newRecoder(d.conv, d.cbs)
	return d.run()
}

func (d *copyJob) operand(a string) {
	key, val, ok := strings.Cut(a, "=")
	if !ok {
		if d.GNU() {
			d.Fail("unrecognized operand %s", d.Quote(a))
		}
		d.Usage()
	}
	num := func() int64 {
		n, bytes, ok := ddNumber(val)
		switch {
		case ok:
		case !d.GNU():
			d.Die(1, "invalid number '%s'", val)
		case val != "" && strings.Trim(val, "0123456789") == "":
			d.Die(1, "invalid number: %s: %v", d.Quote(val), linux.EOVERFLOW)
		default:
			d.Die(1, "invalid number: %s", d.Quote(val))
		}
		switch key {
		case "count":
			d.countBytes = bytes && d.GNU()
		case "skip", "iseek":
			d.skipBytes = bytes && d.GNU()
		case "seek", "oseek":
			d.seekBytes = bytes && d.GNU()
		}
		return n
	}
	size := func() int64 {
		n := num()
		if n <= 0 || n > maxBlock {
			if n > maxBlock {
				d.Die(1, "memory exhausted by input buffer of size %d bytes (%s)", n, human.GNU(uint64(n), 1024)+"iB")
			}
			if d.GNU() {
				d.Die(1, "invalid number: %s", d.Quote(val))
			}
			d.Die(1, "number %s is not in 1..9223372036854775807 range", val)
		}
		return n
	}
	switch key {
	case "if":
		d.in = val
	case "of":
		d.out = val
	case "bs":
		d.ibs = size()
		d.obs = d.ibs
		d.conv["bs"] = true
	case "ibs":
		d.ibs = size()
	case "obs":
		d.obs = size()
	case "cbs":
		d.cbs = size()
	case "skip":
		d.skip = num()
	case "seek":
		d.seek = num()
	case "iseek", "oseek":
		if !d.GNU() {
			d.Usage()
		}
		if key == "iseek" {
			d.skip = num()
		} else {
			d.seek = num()
		}
	case "count":
		d.count = num()
	case "conv":
		known := ddConvs
		if !d.GNU() {
			known = []string{"notrunc", "sync", "noerror", "fsync", "swab"}
		}
		d.words(val, d.conv, known, "conversion")
	case "iflag":
		d.words(val, d.iflag, ddFlags, "input flag")
	case "oflag":
		d.words(val, d.oflag, ddFlags, "output flag")
	case "status":
		if val != "none" && val != "noxfer" && val != "progress" || val == "progress" && !d.GNU() {
			if d.GNU() {
				d.Fail("invalid status level: %s", d.Quote(val))
				d.Usage()
			}
			d.Die(1, "invalid argument '%s' to 'status'", val)
		}
		d.status = val
	default:
		if d.GNU() {
			d.Fail("unrecognized operand %s", d.Quote(a))
		}
		d.Usage()
	}
}

func (d *copyJob) words(val string, into map[string]bool, known []string, what string) {
	for _, w := range strings.Split(val, ",") {
		ok := false
		for _, k := range known {
			ok = ok || k == w
		}
		if !ok {
			if d.GNU() {
				d.Fail("invalid %s: %s", what, d.Quote(w))
				d.Usage()
			}
			key := map[string]string{"conversion": "conv", "input flag": "iflag", "output flag": "oflag"}[what]
			d.Die(1, "invalid argument '%s' to '%s'", w, key)
		}
		into[w] = true
	}
}

// ddNumber reads "2", "4k", "2x512", "1M", "3B" (which counts bytes).
func ddNumber(s string) (n int64, bytes, ok bool) {
	total := uint64(1)
	parts := strings.Split(s, "x")
	for _, part := range parts {
		if b, isBytes := strings.CutSuffix(part, "B"); isBytes && b != "" && b[len(b)-1] >= '0' && b[len(b)-1] <= '9' {
			part, bytes = b, true
		}
		if part == "" || part[0] < '0' || part[0] > '9' {
			return 0, false, false
		}
		v, _, ok := human.ParseSize(part)
		if !ok || v != 0 && total > math.MaxInt64/v {
			return 0, false, false
		}
		total *= v
	}
	return int64(total), bytes, true
}

func (d *copyJob) failed(what string, err error) int {
	if d.GNU() {
		d.Fail("%s: %v", what, err)
	} else {
		d.Fail("%s: %v", strings.Trim(what, "'"), err)
	}
	return 1
}

func (d *copyJob) run() int {
	in, out := d.FD(0), d.FD(1)
	inName, outName := "'standard input'", "'standard output'"
	if d.in != "" {
		f, err := d.OpenFile(d.in, linux.O_RDONLY|openFlags(d.iflag), 0)
		if err != nil {
			if d.GNU() {
				return d.failed("failed to open "+d.QuoteFile(d.in), err)
			}
			d.Fail("can't open '%s': %v", d.in, err)
			return 1
		}
		in, inName = f, d.QuoteFile(d.in)
	}
	if d.out != "" {
		flags := linux.O_WRONLY
		if !d.conv["nocreat"] {
			flags |= linux.O_CREAT
		}
		if d.conv["excl"] {
			flags |= linux.O_EXCL
		}
		flags |= openFlags(d.oflag)
		trunc := !d.conv["notrunc"]
		if trunc && (d.seek == 0 || d.GNU() && (d.seekBytes || d.oflag["seek_bytes"]) && d.seek < d.obs) {
			flags |= linux.O_TRUNC // less than a block counts as nothing here
		}
		f, err := d.OpenFile(d.out, flags, 0o666)
		if err != nil {
			if d.GNU() {
				return d.failed("failed to open "+d.QuoteFile(d.out), err)
			}
			d.Fail("can't open '%s': %v", d.out, err)
			return 1
		}
		out, outName = f, d.QuoteFile(d.out)
		if trunc && d.seek > 0 {
			at := d.seek
			if !d.seekBytes && !d.oflag["seek_bytes"] {
				at *= d.obs
			}
			if err := d.Ftruncate(out.Fd, at); err != nil {
				if st, e := out.Stat(); e == nil && st.Mode.IsRegular() {
					return d.failed(fmt.Sprintf("failed to truncate to %d bytes in output file %s", at, outName), err)
				}
			}
		}
	}
	d.start = d.Now()
	d.Signal(linux.SIGUSR1, kernel.Catch)
	status := d.copy(in, out, inName, outName)
	if d.conv["fsync"] || d.conv["fdatasync"] {
		d.Fsync(out.Fd)
	}
	if err := out.Close(); err != nil && status == 0 {
		status = d.failed("closing output file "+outName, err)
	}
	d.report()
	return status
}

func (d *copyJob) copy(in, out *prog.File, inName, outName string) int {
	buf := make([]byte, d.ibs)
	skip := d.skip
	if !d.skipBytes && !d.iflag["skip_bytes"] {
		skip *= d.ibs
	}
	if skip > 0 {
		if st, err := in.Stat(); err == nil && st.Mode.IsRegular() {
			at, _ := in.Seek(skip, linux.SEEK_CUR)
			if at > st.Size && d.GNU() && d.status != "none" {
				d.Warn("%s: cannot skip to specified offset", strings.Trim(inName, "'"))
			}
		} else if _, err := in.Seek(skip, linux.SEEK_CUR); err != nil {
			for skip > 0 {
				n, err := d.Proc.Read(in.Fd, buf[:min(int64(len(buf)), skip)])
				if err != nil {
					return d.failed("error reading "+inName, err)
				}
				if n == 0 {
					break
				}
				skip -= int64(n)
			}
		}
	}
	if d.seek > 0 {
		at := d.seek
		if !d.seekBytes && !d.oflag["seek_bytes"] {
			at *= d.obs
		}
		if _, err := out.Seek(at, linux.SEEK_CUR); err != nil {
			zeros := make([]byte, min(at, 1<<16))
			for at > 0 {
				n, err := out.Write(zeros[:min(at, int64(len(zeros)))])
				if err != nil {
					return d.failed(outName+": cannot seek", err)
				}
				at -= int64(n)
			}
		}
	}
	var pending []byte
	write := func(b []byte) error {
		if _, err := out.Write(b); err != nil {
			return err
		}
		if int64(len(b)) == d.obs {
			d.outFull++
		} else {
			d.outPart++
		}
		d.bytes += int64(len(b))
		return nil
	}
	left := d.count
	inBytes := d.countBytes || d.iflag["count_bytes"]
	for d.count < 0 || left > 0 {
		if sig, ok := d.TakeSignal(); ok && sig == linux.SIGUSR1 {
			d.report()
		}
		want := buf
		if inBytes && d.count >= 0 && left < int64(len(buf)) {
			want = buf[:left]
		}
		n := 0
		for n < len(want) {
			k, err := d.Proc.Read(in.Fd, want[n:])
			if err == linux.EINTR {
				continue
			}
			if err != nil {
				d.failed("error reading "+inName, err)
				if !d.conv["noerror"] {
					return 1
				}
				break
			}
			n += k
			if k == 0 || !d.iflag["fullblock"] {
				break
			}
		}
		if n == 0 {
			break
		}
		if int64(n) == d.ibs {
			d.full++
		} else {
			d.part++
		}
		if inBytes {
			left -= int64(n)
		} else {
			left--
		}
		b := want[:n]
		if d.conv["sync"] && n < len(buf) {
			clear(buf[n:])
			if d.recoder.block || d.recoder.unblock {
				copy(buf[n:], bytes.Repeat([]byte{' '}, len(buf)-n))
			}
			b = buf
		}
		d.convert(b)
		b = d.recoder.convert(b)
		d.Step(len(b) >> 8)
		if d.recoder.idle() && (d.conv["bs"] || d.ibs == d.obs && len(pending) == 0 && int64(len(b)) == d.obs) {
			if err := write(b); err != nil {
				d.Fail("error writing %s: %v", d.plain(outName), err)
				return 1
			}
			continue
		}
		pending = append(pending, b...)
		for int64(len(pending)) >= d.obs {
			if err := write(pending[:d.obs]); err != nil {
				d.Fail("error writing %s: %v", d.plain(outName), err)
				return 1
			}
			pending = append(pending[:0], pending[d.obs:]...)
		}
	}
	pending = append(pending, d.recoder.rest()...)
	if len(pending) > 0 {
		if err := write(pending); err != nil {
			d.Fail("error writing %s: %v", d.plain(outName), err)
			return 1
		}
	}
	return d.Status
}

// openFlags is what flags of iflag and oflag mean to open(2). The lab's files have no cache to go
// around, so that direct, sync and their like are met as they are.
func openFlags(words map[string]bool) (flags int) {
	for word, flag := range map[string]int{"append": linux.O_APPEND, "directory": linux.O_DIRECTORY, "nofollow": linux.O_NOFOLLOW, "nonblock": linux.O_NONBLOCK} {
		if words[word] {
			flags |= flag
		}
	}
	return flags
}

func (d *copyJob) plain(q string) string {
	if d.GNU() {
		return q
	}
	return "'" + strings.Trim(q, "'") + "'"
}

func (d *copyJob) convert(b []byte) {
	switch {
	case d.conv["lcase"]:
		for i, ch := range b {
			if ch >= 'A' && ch <= 'Z' {
				b[i] = ch + 'a' - 'A'
			}
		}
	case d.conv["ucase"]:
		for i, ch := range b {
			if ch >= 'a' && ch <= 'z' {
				b[i] = ch + 'A' - 'a'
			}
		}
	}
	if d.conv["swab"] {
		for i := 0; i+1 < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
	}
}

func (d *copyJob) report() {
	if d.status == "none" {
		return
	}
	d.Errorf("%d+%d records in\n%d+%d records out\n", d.full, d.part, d.outFull, d.outPart)
	if d.status == "noxfer" || !d.GNU() && !d.Alpine {
		return // Debian's Busybox has no third line
	}
	secs := d.Now().Sub(d.start).Seconds()
	if n := d.recoder.truncated; n == 1 {
		d.Errorf("1 truncated record\n")
	} else if n > 1 {
		d.Errorf("%d truncated records\n", n)
	}
	if d.GNU() {
		plural := "s"
		if d.bytes == 1 {
			plural = ""
		}
		sizes := ""
		if d.bytes >= 1000 {
			sizes = " (" + siSize(float64(d.bytes)) + "B"
			if d.bytes >= 1024 {
				sizes += ", " + iecSize(float64(d.bytes)) + "B"
			}
			sizes += ")"
		}
		rate := "Infinity B"
		if secs > 0 {
			if rate = siSize(float64(d.bytes)/secs) + "B"; float64(d.bytes)/secs < 1000 {
				rate = strconv.FormatFloat(float64(d.bytes)/secs/1000, 'f', 1, 64) + " kB"
			}
		}
		d.Errorf("%d byte%s%s copied, %s s, %s/s\n", d.bytes, plural, sizes, trimFloat(secs), rate)
		return
	}
	rate := "0B"
	if secs > 0 {
		rate = human.Busybox(uint64(float64(d.bytes)/secs)) + "B"
	} else {
		rate = human.Busybox(uint64(float64(d.bytes)*1e6)) + "B"
	}
	d.Errorf("%d bytes (%sB) copied, %f seconds, %s/s\n", d.bytes, human.Busybox(uint64(d.bytes)), secs, rate)
}

func trimFloat(f float64) string { return strconv.FormatFloat(f, 'g', 6, 64) }

func siSize(n float64) string  { return scaled(n, 1000, []string{"", "k", "M", "G", "T", "P"}) }
func iecSize(n float64) string { return scaled(n, 1024, []string{"", "Ki", "Mi", "Gi", "Ti", "Pi"}) }

// scaled is gnulib's human-readable size with a blank: "10 MB", "9.5 MiB".
func scaled(n, base float64, units []string) string {
	i := 0
	for n >= base && i < len(units)-1 {
		n /= base
		i++
	}
	if i > 0 && n < 9.95 {
		return strconv.FormatFloat(n, 'f', 1, 64) + " " + units[i]
	}
	return strconv.FormatFloat(math.RoundToEven(n), 'f', 0, 64) + " " + units[i]
}

func syncFS(c *prog.Ctx) int {
	data, fsOnly := false, false
	short, long := "df", []prog.Long{{Name: "data", Val: 'd'}, {Name: "file-system", Val: 'f'}}
	if !c.GNU() {
		long = nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'd':
			data = true
		case 'f':
			fsOnly = true
		}
	}
	if c.GNU() {
		if data && fsOnly {
			c.Die(1, "cannot specify both --data and --file-system")
		}
		if data && len(c.Args) == 0 {
			c.Die(1, "--data needs at least one argument")
		}
	}
	for _, name := range c.Args {
		f, err := c.OpenFile(name, linux.O_RDONLY|linux.O_NONBLOCK, 0)
		if err != nil {
			if c.GNU() {
				c.Fail("error opening %s: %v", c.QuoteFile(name), err)
			} else {
				c.Fail("can't open '%s': %v", name, err)
			}
			continue
		}
		f.Close()
	}
	return c.Status
}

const (
	shredRandom = prog.LongOnly + iota
	shredRemove
)

func shred(c *prog.Ctx) int {
	force, exact, verbose, zero, remove, source := false, false, false, false, "", ""
	passes, size := 3, int64(-1)
	short, long := "fn:s:uvxz", []prog.Long{
		{Name: "exact", Val: 'x'}, {Name: "force", Val: 'f'}, {Name: "iterations", Arg: prog.ReqArg, Val: 'n'}, {Name: "size", Arg: prog.ReqArg, Val: 's'},
		{Name: "random-source", Arg: prog.ReqArg, Val: shredRandom}, {Name: "remove", Arg: prog.OptArg, Val: shredRemove}, {Name: "verbose", Val: 'v'}, {Name: "zero", Val: 'z'},
	}
	if !c.GNU() {
		short, long = "fzuxn:vs:", nil
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'f':
			force = true
		case 'n':
			n, err := strconv.Atoi(o.Arg)
			if err != nil || n < 0 || n > 1000 {
				if c.GNU() {
					c.Die(1, "invalid number of passes: %s", c.Quote(o.Arg))
				}
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			passes = n
		case 's':
			n, _, ok := human.ParseSize(o.Arg)
			if !ok || n > math.MaxInt64 {
				c.Die(1, "invalid file size: %s", c.Quote(o.Arg))
			}
			size = int64(n)
		case 'u':
			remove = "wipesync"
		case shredRemove:
			remove = "wipesync"
			if o.Has {
				remove = c.Choose("--remove", o.Arg, "unlink", "wipe", "wipesync")
			}
		case shredRandom:
			source = o.Arg
		case 'v':
			verbose = true
		case 'x':
			exact = true
		case 'z':
			zero = true
		}
	}
	if len(c.Args) == 0 {
		missingFile(c)
	}
	random := c.RandomSource(source, 1)
	for _, name := range c.Args {
		f, err := c.OpenFile(name, linux.O_WRONLY, 0)
		if err == linux.EACCES && force && c.Chmod(name, 0o200) == nil {
			f, err = c.OpenFile(name, linux.O_WRONLY, 0)
		}
		if err != nil {
			if c.GNU() {
				c.Fail("%s: failed to open for writing: %v", c.QuoteColon(name), err)
			} else {
				c.Fail("can't open '%s': %v", name, err)
			}
			continue
		}
		st, _ := f.Stat()
		shredOne(c, f, random, name, st, passes, size, exact, zero, verbose)
		f.Close()
		if remove != "" {
			if verbose && c.GNU() {
				c.Errorf("%s: %s: removing\n", c.Name, name)
			}
			last := name
			if remove != "unlink" && c.GNU() {
				last = wipeName(c, name, verbose)
			}
			if err := c.Unlink(last); err != nil {
				c.Fail("%s: failed to remove: %v", c.QuoteColon(name), err)
			} else if verbose && c.GNU() {
				c.Errorf("%s: %s: removed\n", c.Name, name)
			}
		}
	}
	return c.Status
}

// wipeName renames a file to ever shorter names of zeros, so that the last tells nothing, and gives
// that name.
func wipeName(c *prog.Ctx, name string, verbose bool) string {
	dir, base := path.Split(name)
	for n := len(base); n > 0; n-- {
		next := dir + strings.Repeat("0", n)
		if exists(c, next) || c.Rename(name, next) != nil {
			continue
		}
		if verbose {
			c.Errorf("%s: %s: renamed to %s\n", c.Name, name, next)
		}
		name = next
	}
	return name
}

func shredOne(c *prog.Ctx, f *prog.File, random io.Reader, name string, st vfs.Stat, passes int, size int64, exact, zero, verbose bool) {
	n := size
	if n < 0 {
		n = st.Size
		if !exact && st.Mode.IsRegular() && c.GNU() {
			n = (n + blockSize - 1) / blockSize * blockSize
		}
	}
	total := passes
	if zero {
		total++
	}
	buf := make([]byte, 1<<14)
	for pass := 1; pass <= total; pass++ {
		kind := "random"
		if zero && pass == total {
			kind = "000000"
		}
		if verbose && c.GNU() {
			c.Errorf("%s: %s: pass %d/%d (%s)...\n", c.Name, name, pass, total, kind)
		}
		f.Seek(0, linux.SEEK_SET)
		for at := int64(0); at < n; {
			b := buf[:min(int64(len(buf)), n-at)]
			if kind == "random" {
				if _, err := io.ReadFull(random, b); err != nil {
					c.Fail("%s: end of file", c.QuoteColon(name))
					return
				}
			} else {
				clear(b)
			}
			k, err := f.Write(b)
			if err != nil {
				c.Fail("%s: error writing at offset %d: %v", c.QuoteColon(name), at, err)
				return
			}
			at += int64(k)
		}
	}
}
