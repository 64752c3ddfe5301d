package archive

import (
	"bufio"
	"errors"
	"io"
	"path"
	"strings"
	"time"

	"github.com/ulikunitz/xz"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// packer is one run of gzip, bzip2, xz and what they are called for decompressing.
type packer struct {
	c                                     *prog.Ctx
	codec                                 *codec
	writer                                func(w io.Writer, level int) (io.WriteCloser, error) // nil: the codec's
	decompress, stdout, force, keep       bool
	test, list, recursive, quiet, verbose bool
	noName, name                          bool
	level                                 int
	suffix                                string
	listed                                bool
	totalPacked, totalPlain               int64
}

var gzipLong = []prog.Long{{Name: "ascii", Val: 'a'}, {Name: "to-stdout", Val: 'c'}, {Name: "stdout", Val: 'c'}, {Name: "decompress", Val: 'd'}, {Name: "uncompress", Val: 'd'},
	{Name: "force", Val: 'f'}, {Name: "help", Val: 'h'}, {Name: "keep", Val: 'k'}, {Name: "list", Val: 'l'}, {Name: "no-name", Val: 'n'}, {Name: "name", Val: 'N'},
	{Name: "quiet", Val: 'q'}, {Name: "silent", Val: 'q'}, {Name: "synchronous", Val: prog.LongOnly}, {Name: "recursive", Val: 'r'}, {Name: "suffix", Arg: prog.ReqArg, Val: 'S'},
	{Name: "test", Val: 't'}, {Name: "verbose", Val: 'v'}, {Name: "version", Val: 'V'}, {Name: "fast", Val: '1'}, {Name: "best", Val: '9'}, {Name: "rsyncable", Val: prog.LongOnly}}

var bzip2Long = []prog.Long{{Name: "help", Val: 'h'}, {Name: "decompress", Val: 'd'}, {Name: "compress", Val: 'z'}, {Name: "keep", Val: 'k'}, {Name: "force", Val: 'f'}, {Name: "test", Val: 't'},
	{Name: "stdout", Val: 'c'}, {Name: "quiet", Val: 'q'}, {Name: "verbose", Val: 'v'}, {Name: "small", Val: 's'}, {Name: "fast", Val: '1'}, {Name: "best", Val: '9'}, {Name: "version", Val: 'V'}}

var xzLong = []prog.Long{{Name: "compress", Val: 'z'}, {Name: "decompress", Val: 'd'}, {Name: "test", Val: 't'}, {Name: "list", Val: 'l'}, {Name: "keep", Val: 'k'}, {Name: "force", Val: 'f'},
	{Name: "stdout", Val: 'c'}, {Name: "extreme", Val: 'e'}, {Name: "threads", Arg: prog.ReqArg, Val: 'T'}, {Name: "format", Arg: prog.ReqArg, Val: 'F'}, {Name: "check", Arg: prog.ReqArg, Val: 'C'},
	{Name: "suffix", Arg: prog.ReqArg, Val: 'S'}, {Name: "quiet", Val: 'q'}, {Name: "verbose", Val: 'v'}, {Name: "help", Val: 'h'}, {Name: "version", Val: 'V'}}

func compressor(c *prog.Ctx) int {
	p := &packer{c: c, level: 6}
	switch c.Program {
	case "gunzip":
		p.codec, p.decompress = gzipCodec, true
	case "zcat":
		p.codec, p.decompress, p.stdout = gzipCodec, true, true
	case "bzip2":
		p.codec, p.level = bzip2Codec, 9
	case "bunzip2":
		p.codec, p.decompress = bzip2Codec, true
	case "bzcat":
		p.codec, p.decompress, p.stdout = bzip2Codec, true, true
	case "xz":
		p.codec = xzCodec
	case "unxz":
		p.codec, p.decompress = xzCodec, true
	case "xzcat":
		p.codec, p.decompress, p.stdout = xzCodec, true, true
	case "lzma":
		p.codec = lzmaCodec
	case "unlzma":
		p.codec, p.decompress = lzmaCodec, true
	case "lzcat":
		p.codec, p.decompress, p.stdout = lzmaCodec, true, true
	case "uncompress":
		if p.codec, p.decompress = compressCodec, true; c.GNU() {
			p.codec = gzipCodec // another name of gunzip
		}
	default:
		p.codec = gzipCodec
	}
	p.suffix = p.codec.suffix[0]
	short, long := "cfkdtvq", []prog.Long{}
	if c.GNU() {
		switch p.codec {
		case gzipCodec:
			if c.Program != "gzip" { // scripts that run gzip
				c.Name, c.Program = "gzip", "gzip"
			}
			short, long = "ab:cdfhH?klLmMnNqrS:tvVZ123456789", gzipLong
			c.OnUsage = func() { c.Errorf("Try `%s --help' for more information.\n", c.Name) }
		case bzip2Codec:
			short, long = "cdfhkLqstvVz123456789", bzip2Long
		case xzCodec, lzmaCodec:
			short, long = "cC:defF:hHkl0123456789qQS:tT:vVz", xzLong
			c.OnUsage = func() { c.Errorf("%s: Try `%s --help' for more information.\n", c.Name, c.Name) }
		}
	} else {
		switch c.Program {
		case "gzip":
			short += "n123456789"
		case "gunzip", "zcat":
			short += "n"
		case "bzip2":
			short += "zs123456789"
		case "uncompress":
			short = "cf"
		}
	}
	opts := c.GetoptOnly(short, long)
	if !c.GNU() {
		opts = c.Getopt(short, nil)
	}
	for o := range opts {
		switch o.Val {
		case 'c':
			p.stdout = true
		case 'd':
			p.decompress = true
		case 'z':
			p.decompress = false
		case 'f':
			p.force = true
		case 'h', 'H', '?':
			c.Help()
		case 'k':
			p.keep = true
		case 'l':
			p.list, p.decompress = true, true
		case 'L', 'V':
			c.Version()
		case 'n', 'm':
			p.noName, p.name = true, false
		case 'N', 'M':
			p.name, p.noName = true, false
		case 'q', 'Q':
			p.quiet, p.verbose = true, false
		case 'r':
			p.recursive = true
		case 'S':
			p.suffix = o.Arg
		case 't':
			p.test, p.decompress = true, true
		case 'v':
			p.verbose, p.quiet = true, false
		case 'a':
			c.Warn("option --ascii ignored on this system")
		case 'F':
			p.format(o.Arg)
		case 'C':
			p.check(o.Arg)
		case 'b', 's', 'e', 'T', '0', prog.LongOnly:
			// They say how to work, not what comes of it; the lab's coders have one way.
		case 'Z':
			c.Die(1, "-Z not supported in this version")
		default:
			p.level = o.Val - '0'
		}
	}
	if !c.GNU() && (c.Program == "xz" || c.Program == "lzma") && !p.decompress {
		c.Usage() // Busybox's only decompresses
	}
	files := c.Args
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, f := range files {
		p.file(f)
	}
	if p.list && len(files) > 1 {
		c.Printf("%19d %19d %5.1f%% (totals)\n", p.totalPacked, p.totalPlain, p.ratio(p.totalPlain, p.totalPacked))
	}
	return c.Status
}

// status raises the exit code: 1 is an error, 2 a warning.
// format is xz's --format.
func (p *packer) format(name string) {
	switch name {
	case "auto", "xz":
		p.codec = xzCodec
	case "lzma", "alone":
		p.codec, p.suffix = lzmaCodec, lzmaCodec.suffix[0]
	default:
		p.c.Die(1, "%s: Unknown file format type", name)
	}
}

// check is xz's --check.
func (p *packer) check(name string) {
	sums := map[string]byte{"none": 0, "crc32": xz.CRC32, "crc64": xz.CRC64, "sha256": xz.SHA256}
	sum, ok := sums[name]
	if !ok {
		p.c.Die(1, "%s: Unsupported integrity check type", name)
	}
	p.writer = func(w io.Writer, level int) (io.WriteCloser, error) {
		return xz.WriterConfig{CheckSum: sum, NoCheckSum: name == "none"}.NewWriter(w)
	}
}

func (p *packer) status(n int) {
	if p.c.Status != 1 {
		p.c.Status = n
	}
}

func (p *packer) fail(n int, format string, args ...any) {
	p.status(n)
	if n == 2 && p.quiet {
		return
	}
	p.c.Warn(format, args...)
}

// bare is how xz and bzip2 word what gzip does otherwise.
func (p *packer) is(k *codec) bool { return p.codec == k && p.c.GNU() }

func (p *packer) file(name string) {
	c := p.c
	if name == "-" {
		if !p.decompress && !p.force && c.Isatty(1) && c.GNU() {
			switch p.codec {
			case gzipCodec:
				c.Errorf("gzip: compressed data not written to a terminal. Use -f to force compression.\nFor help, type: gzip -h\n")
			default:
				c.Warn("Compressed data cannot be written to a terminal")
			}
			c.Exit(1)
		}
		p.stream(c.In, c.Out, "stdin", vfs.Stat{})
		return
	}
	st, err := c.Lstat(name)
	if err != nil && p.decompress && c.GNU() && p.codec == gzipCodec && err == linux.ENOENT {
		for _, s := range p.codec.suffix {
			if t, e := c.Lstat(name + s); e == nil {
				name, st, err = name+s, t, nil
				break
			}
		}
		if err != nil && !strings.HasSuffix(name, ".gz") {
			p.fail(1, "%s.gz: %v", name, err)
			return
		}
	}
	if err != nil {
		switch {
		case p.is(bzip2Codec):
			p.fail(1, "Can't open input file %s: %v.", name, err)
		default:
			p.fail(1, "%s: %v", name, err)
		}
		return
	}
	if st.Mode.IsSymlink() && (p.stdout || p.force || !c.GNU()) {
		st, err = c.Stat(name)
		if err != nil {
			p.fail(1, "%s: %v", name, err)
			return
		}
	}
	if st.Mode.IsDir() {
		if p.recursive {
			entries, err := c.ReadDir(name)
			if err != nil {
				p.fail(1, "%s: %v", name, err)
				return
			}
			for _, e := range entries {
				p.file(prog.JoinPath(name, e.Name))
			}
			return
		}
		switch {
		case !c.GNU():
			if p.decompress && !p.stdout {
				p.fail(1, "%s: unknown suffix - ignored", name)
			} else if p.stdout {
				p.fail(1, "read error: %v", linux.EISDIR)
			} else if p.codec == bzip2Codec {
				p.fail(1, "read error: %v", linux.EISDIR)
			} else {
				p.fail(1, "can't remove file '%s': %v", name, linux.EISDIR)
			}
		case p.codec == gzipCodec:
			p.fail(2, "%s is a directory -- ignored", name)
		case p.codec == bzip2Codec:
			p.fail(1, "Input file %s is a directory.", name)
		default:
			p.fail(2, "%s: Is a directory, skipping", name)
		}
		return
	}
	if !st.Mode.IsRegular() && !p.stdout && c.GNU() {
		switch p.codec {
		case gzipCodec:
			if st.Mode.IsSymlink() {
				p.fail(1, "%s: %v", name, linux.ELOOP)
				return
			}
			p.fail(2, "%s is not a directory or a regular file - ignored", name)
		case bzip2Codec:
			p.fail(1, "Input file %s is not a normal file.", name)
		default:
			p.fail(2, "%s: Not a regular file, skipping", name)
		}
		return
	}
	if st.Nlink > 1 && !p.force && !p.stdout && !p.test && !p.list && c.GNU() {
		n, s := st.Nlink-1, "s"
		if n == 1 {
			s = ""
		}
		switch p.codec {
		case gzipCodec:
			p.fail(2, "%s has %d other link%s -- file ignored", name, n, s)
		case bzip2Codec:
			p.fail(1, "Input file %s has %d other link%s.", name, n, s)
		default:
			p.fail(2, "%s: Input file has more than one hard link, skipping", name)
		}
		return
	}
	out, ok := p.outName(name)
	if !ok {
		return
	}
	f, err := c.OpenFile(name, linux.O_RDONLY, 0)
	if err != nil {
		p.fail(1, "%s: %v", name, err)
		return
	}
	defer f.Close()
	if p.stdout || p.test || p.list {
		p.stream(f, c.Out, name, st)
		return
	}
	flags := linux.O_WRONLY | linux.O_CREAT | linux.O_EXCL
	if p.force {
		c.Unlink(out)
	}
	w, err := c.OpenFile(out, flags, 0o600)
	if err != nil {
		switch {
		case !c.GNU():
			p.fail(1, "can't open '%s': %v", out, err)
		case err == linux.EEXIST && p.codec == gzipCodec:
			p.status(2)
			if !p.quiet {
				c.Errorf("%s: %s already exists;", c.Name, out)
				if c.Isatty(0) {
					c.Errorf(" do you wish to overwrite (y or n)? ")
					line, _ := c.In.ReadString('\n')
					if strings.HasPrefix(strings.ToLower(line), "y") {
						c.Unlink(out)
						p.c.Status = 0
						p.file(name)
						return
					}
				}
				c.Errorf("\tnot overwritten\n")
			}
		case err == linux.EEXIST && p.codec == bzip2Codec:
			p.fail(1, "Output file %s already exists.", out)
		case err == linux.EEXIST:
			p.fail(1, "%s: File exists", out)
		default:
			p.fail(1, "%s: %v", out, err)
		}
		return
	}
	good := p.stream(f, w, name, st)
	if !good {
		w.Close()
		c.Unlink(out)
		return
	}
	c.Fchown(w.Fd, st.UID, st.GID)
	c.Fchmod(w.Fd, st.Mode.Perm())
	w.Close()
	if c.GNU() {
		c.Utimes(out, &st.Atime, &st.Mtime, false)
	}
	if !p.keep {
		c.Unlink(name)
	}
	if p.verbose && !c.GNU() {
		// Busybox counts only what bzip2 and the decompressors read and write.
		percent := uint32(100)
		if o, err := c.Stat(out); err == nil && o.Size > 0 && (p.decompress || p.codec == bzip2Codec) {
			percent -= uint32(st.Size * 100 / o.Size)
		}
		c.Errorf("%s: %d%% - replaced with %s\n", name, percent, out)
	}
	if p.verbose && c.GNU() {
		verb := "replaced"
		if p.keep {
			verb = "created"
		}
		o, _ := c.Stat(out)
		if p.codec == gzipCodec {
			plain, packed := st.Size, o.Size
			if p.decompress {
				plain, packed = packed, plain
			}
			prep := "with"
			if p.keep {
				prep = ""
				c.Errorf("%s:\t%5.1f%% -- %s %s\n", name, p.ratio(plain, packed), verb, out)
				return
			}
			c.Errorf("%s:\t%5.1f%% -- %s %s %s\n", name, p.ratio(plain, packed), verb, prep, out)
		}
	}
}

// ratio is what was saved, in percent.
func (p *packer) ratio(plain, packed int64) float64 {
	if plain == 0 {
		return 0
	}
	return 100 * float64(plain-packed+18) / float64(plain)
}

// outName is the name of the result, and reports one that there cannot be.
func (p *packer) outName(name string) (string, bool) {
	c := p.c
	if p.stdout || p.test || p.list {
		return "", true
	}
	suffixes := append([]string{p.suffix}, p.codec.suffix...)
	if !p.decompress {
		for _, s := range suffixes {
			if strings.HasSuffix(name, s) && c.GNU() {
				switch p.codec {
				case gzipCodec:
					if p.verbose || !p.quiet {
						c.Warn("%s already has %s suffix -- unchanged", name, s)
					}
				case bzip2Codec:
					p.fail(1, "Input file %s already has %s suffix.", name, s)
				default:
					p.fail(2, "%s: File already has `%s' suffix, skipping", name, s)
				}
				return "", false
			}
		}
		return name + p.suffix, true
	}
	for _, s := range suffixes {
		base, ok := strings.CutSuffix(name, s)
		if !ok || path.Base(name) == s {
			continue
		}
		if strings.HasPrefix(s, ".t") {
			base += ".tar"
		}
		return base, true
	}
	switch {
	case !c.GNU():
		p.fail(1, "%s: unknown suffix - ignored", name)
	case p.codec == gzipCodec:
		p.fail(2, "%s: unknown suffix -- ignored", name)
	case p.codec == bzip2Codec:
		c.Warn("Can't guess original name for %s -- using %s.out", name, name)
		return name + ".out", true
	default:
		if b, err := c.ReadFile(name); err == nil && sniff(b) != p.codec {
			p.fail(1, "%s: File format not recognized", name)
			return "", false
		}
		p.fail(2, "%s: Filename has an unknown suffix, skipping", name)
	}
	return "", false
}

// stepReader counts steps for what is read.
type stepReader struct {
	c *prog.Ctx
	r io.Reader
	n int64
}

func (s *stepReader) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	s.n += int64(n)
	s.c.Step(1 + n/32)
	return n, err
}

// counter counts what is written, and stops when the output cannot be.
type counter struct {
	c *prog.Ctx
	w io.Writer
	n int64
}

func (k *counter) Write(b []byte) (int, error) {
	k.n += int64(len(b))
	k.c.Step(1 + len(b)/128)
	return k.w.Write(b)
}

// stream packs or unpacks one stream; false: it failed, and was reported.
func (p *packer) stream(r io.Reader, w io.Writer, name string, st vfs.Stat) bool {
	c := p.c
	in := &stepReader{c: c, r: r}
	out := &counter{c: c, w: w}
	if !p.decompress {
		return p.pack(in, out, name, st)
	}
	if p.test || p.list {
		out.w = io.Discard
	}
	br := bufio.NewReader(in)
	head, _ := br.Peek(6)
	k := p.codec
	if z := sniff(head); !c.GNU() && k == gzipCodec && z == compressCodec {
		k = z // Busybox's gunzip and zcat know it too
	}
	// gzip reads no other format, but with -cdf it copies what is none.
	if len(head) >= 2 && sniff(head) != k && p.force && p.stdout {
		io.Copy(out, br)
		return true
	}
	if len(head) == 0 {
		switch {
		case c.GNU() && k == gzipCodec:
			c.Errorf("\n")
			p.fail(1, "%s: unexpected end of file", name)
			return false
		case !c.GNU() && k != lzmaCodec:
			p.fail(1, "invalid magic")
			return false
		}
	}
	if k != lzmaCodec && sniff(head) != k {
		switch {
		case !c.GNU() && k == xzCodec:
			return true // Busybox takes what is no xz for an empty one
		case !c.GNU() && k == bzip2Codec && string(head[:min(2, len(head))]) == "BZ":
			p.fail(1, "bunzip error %d", bunzipNotBzip2)
		case !c.GNU():
			p.fail(1, "invalid magic")
		case k == gzipCodec:
			c.Errorf("\n")
			p.fail(1, "%s: not in gzip format", name)
		case k == bzip2Codec:
			p.fail(2, "%s is not a bzip2 file.", map[bool]string{true: "(stdin)", false: name}[name == "stdin"])
		default:
			p.fail(1, "%s: File format not recognized", map[bool]string{true: "(stdin)", false: name}[name == "stdin"])
		}
		return false
	}
	dec, err := k.reader(br)
	if err == nil {
		_, err = io.Copy(out, dec)
	}
	if p.list {
		p.row(name, in.n, out.n, dec)
		return true
	}
	if err != nil {
		return p.broken(name, err)
	}
	if p.test && p.verbose && k == gzipCodec && c.GNU() {
		c.Errorf("%s:\t OK\n", name)
	}
	return true
}

// How Busybox's bunzip2 numbers what went wrong.
const (
	bunzipNotBzip2 = -2
	bunzipShort    = -3
	bunzipData     = -5
)

// broken words a stream that could not be unpacked; what is behind a whole one is only a warning.
func (p *packer) broken(name string, err error) bool {
	c := p.c
	if n, ok := err.(linux.Errno); ok {
		if !p.c.GNU() {
			p.fail(1, "%v", n)
		} else {
			p.fail(1, "stdout: %v", n)
		}
		return false
	}
	switch {
	case p.codec == bzip2Codec && strings.HasSuffix(err.Error(), "bad magic value in continuation file"):
		if c.GNU() {
			c.Errorf("\n")
			c.Warn("%s: trailing garbage after EOF ignored", map[bool]string{true: "(stdin)", false: name}[name == "stdin"])
		}
		return true
	case errors.Is(err, errTrailing):
		if c.GNU() {
			c.Errorf("\n")
			p.fail(2, "%s: decompression OK, trailing garbage ignored", name)
		}
		return true
	case !c.GNU():
		switch {
		case p.codec == bzip2Codec && errors.Is(err, io.ErrUnexpectedEOF):
			p.fail(1, "bunzip error %d", bunzipShort)
		case p.codec == bzip2Codec:
			p.fail(1, "bunzip error %d", bunzipData)
		case errors.Is(err, errLZMAHeader), errors.Is(err, errShortRead):
			p.fail(1, "%v", err)
		case errors.Is(err, io.ErrUnexpectedEOF) && (p.codec == lzmaCodec || p.codec == compressCodec):
			p.fail(1, "unexpected end of file")
		case errors.Is(err, io.ErrUnexpectedEOF):
			c.Warn("unexpected end of file") // and Busybox thinks no more of it
		case errors.Is(err, errCRC):
			p.fail(1, "crc error")
		default:
			p.fail(1, "corrupted data")
		}
	case p.codec == gzipCodec:
		c.Errorf("\n")
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			p.fail(1, "%s: unexpected end of file", name)
		case errors.Is(err, errCRC):
			p.fail(1, "%s: invalid compressed data--crc error", name)
		default:
			p.fail(1, "%s: invalid compressed data--format violated", name)
		}
	case p.codec == bzip2Codec:
		if errors.Is(err, io.ErrUnexpectedEOF) {
			p.fail(2, "Compressed file ends unexpectedly;\n\tperhaps it is corrupted?  *Possible* reason follows.")
		} else {
			p.fail(2, "Data integrity error when decompressing.")
		}
	default:
		if errors.Is(err, io.ErrUnexpectedEOF) {
			p.fail(1, "%s: Unexpected end of input", name)
		} else {
			p.fail(1, "%s: Compressed data is corrupt", name)
		}
	}
	return false
}

func (p *packer) pack(in *stepReader, out *counter, name string, st vfs.Stat) bool {
	c := p.c
	var w io.WriteCloser
	var err error
	switch p.codec {
	case gzipCodec:
		base, mtime := "", uint32(0)
		if name != "stdin" && !p.noName {
			base = path.Base(name)
			if st.Mode.IsRegular() {
				mtime = uint32(st.Mtime.Unix())
			}
			if !c.GNU() {
				base = ""
			}
		}
		w, err = newGzipWriter(out, p.level, base, mtime)
	default:
		writer := p.codec.writer
		if p.writer != nil {
			writer = p.writer
		}
		w, err = writer(out, max(p.level, 1))
	}
	if err == nil {
		if _, err = io.Copy(w, in); err == nil {
			err = w.Close()
		}
	}
	if err != nil {
		if n, ok := err.(linux.Errno); ok {
			p.fail(1, "%s: %v", name, n)
		} else {
			p.fail(1, "%v", err)
		}
		return false
	}
	return true
}

// row is gzip -l.
func (p *packer) row(name string, packed, plain int64, dec io.Reader) {
	c := p.c
	if !p.listed {
		p.listed = true
		if p.verbose {
			c.Print("method  crc     date  time  ")
		}
		if !p.quiet {
			c.Print("         compressed        uncompressed  ratio uncompressed_name\n")
		}
	}
	p.totalPacked += packed
	p.totalPlain += plain
	shown := strings.TrimSuffix(name, ".gz")
	if g, ok := dec.(*gunzipReader); ok {
		if p.name && g.name != "" {
			shown = g.name
		}
		if p.verbose {
			c.Printf("defla %08x %s ", g.crc, time.Unix(int64(g.mtime), 0).UTC().Format("Jan _2 15:04"))
		}
		// The name and the header do not count.
		head := int64(18)
		if g.name != "" {
			head += int64(len(g.name)) + 1
		}
		ratio := 0.0
		if plain > 0 {
			ratio = 100 * float64(plain-(packed-head)) / float64(plain)
		}
		c.Printf("%19d %19d %5.1f%% %s\n", packed, plain, ratio, shown)
		return
	}
	c.Printf("%19d %19d %5.1f%% %s\n", packed, plain, p.ratio(plain, packed), shown)
}
