package archive

import (
	"archive/zip"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// unzipper is one run of unzip, Busybox's or Info-ZIP's.
type unzipper struct {
	c                   *prog.Ctx
	archive             string
	list, verbose, test bool
	stdout, quiet, junk bool
	headless            bool // -l with a second -q
	never, always       bool
	dir                 string
	only, except        []string
	warnedSlash         bool
	matched             map[string]bool
	linked              [][2]string // links that Info-ZIP tells of at the end
}

func unzip(c *prog.Ctx) int {
	u := &unzipper{c: c, matched: map[string]bool{}}
	if c.GNU() {
		c.UsageStatus = 10
	}
	excluding, quiets := false, 0
	short := "-d:lnotpqxjv"
	if c.GNU() {
		short = "-d:lnotpqxjvZhuC"
		if len(c.Args) == 0 {
			c.Print(infoZipUsage)
			return 0
		}
	}
	for o := range c.Getopt(short, nil) {
		switch o.Val {
		case prog.Operand:
			switch {
			case u.archive == "":
				u.archive = o.Arg
			case excluding:
				u.except = append(u.except, o.Arg)
			default:
				u.only = append(u.only, o.Arg)
			}
		case 'd':
			u.dir = o.Arg
		case 'l':
			u.list = true
		case 'v':
			u.list, u.verbose = true, true
		case 'n':
			u.never, u.always = true, false
		case 'o':
			u.always, u.never = true, false
		case 't':
			u.test = true
		case 'p':
			u.stdout, u.quiet = true, true
		case 'q':
			quiets++
			u.quiet = true
		case 'x':
			excluding = true
		case 'j':
			u.junk = true
		default:
			c.Die(10, "-%c: this option is not part of the lab", o.Val)
		}
	}
	u.headless = quiets > 1
	if u.archive == "" {
		c.Usage()
	}
	z, err := u.open()
	if err != nil {
		return u.notZip(err)
	}
	if u.dir != "" {
		if err := c.Mkdir(u.dir, 0o777); err != nil && err != linux.EEXIST {
			if c.GNU() {
				c.Errorf("checkdir:  cannot create extraction directory: %s\n           %v\n", u.dir, err)
				return 2
			}
			c.Die(1, "can't change directory to '%s': %v", u.dir, err)
		}
	}
	if u.list {
		return u.listing(z)
	}
	for _, f := range z.File {
		if !u.wants(f.Name) {
			continue
		}
		c.Step(1)
		if err := u.member(f); err != nil {
			if c.GNU() {
				c.Errorf("%v\n", err)
				c.Status = max(c.Status, 2)
				continue
			}
			c.Die(1, "%v", err)
		}
	}
	if c.GNU() {
		if len(u.linked) > 0 && !u.quiet {
			c.Print("finishing deferred symbolic links:\n")
			for _, l := range u.linked {
				c.Printf("  %-22s -> %s\n", l[0], l[1])
			}
		}
		if u.test && c.Status == 0 {
			c.Printf("No errors detected in compressed data of %s.\n", u.archive)
		}
		for _, p := range u.only {
			if !u.matched[p] {
				c.Errorf("caution: filename not matched:  %s\n", p)
				c.Status = 11
			}
		}
	}
	return c.Status
}

// open finds the archive under its name or with ".zip" behind it.
func (u *unzipper) open() (*zip.Reader, error) {
	var f *prog.File
	var err error
	if u.archive == "-" && !u.c.GNU() {
		u.header()
		b, err := io.ReadAll(io.LimitReader(u.c.In, 64<<20))
		if err != nil {
			return nil, err
		}
		u.never = u.never || !u.always // there is nobody to ask
		return u.reader(strings.NewReader(string(b)), int64(len(b)))
	}
	for _, suffix := range []string{"", ".zip", ".ZIP"} {
		if f, err = u.c.OpenFile(u.archive+suffix, linux.O_RDONLY, 0); err == nil {
			u.archive += suffix
			break
		}
	}
	if err != nil {
		return nil, err
	}
	u.c.AtExit(func() { f.Close() })
	if !u.test || u.c.GNU() {
		u.header()
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return u.reader(f, st.Size)
}

func (u *unzipper) header() {
	if !u.quiet {
		u.c.Print("Archive:  ", u.archive, "\n")
	}
}

func (u *unzipper) reader(r io.ReaderAt, size int64) (*zip.Reader, error) {
	z, err := zip.NewReader(r, size)
	if err != nil && err != zip.ErrInsecurePath {
		return nil, errShortRead
	}
	z.RegisterDecompressor(12, func(r io.Reader) io.ReadCloser { return io.NopCloser(bzip2.NewReader(r)) })
	z.RegisterDecompressor(14, func(r io.Reader) io.ReadCloser { return io.NopCloser(&zipLZMA{r: r}) })
	z.RegisterDecompressor(95, func(r io.Reader) io.ReadCloser {
		x, err := xz.NewReader(r)
		if err != nil {
			return io.NopCloser(failing{err})
		}
		return io.NopCloser(x)
	})
	return z, nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// zipLZMA reads a member of method 14: a version, the size of LZMA's properties, those, the data.
type zipLZMA struct {
	r   io.Reader
	dec io.Reader
}

func (z *zipLZMA) Read(b []byte) (int, error) {
	if z.dec == nil {
		var h [9]byte
		if _, err := io.ReadFull(z.r, h[:]); err != nil {
			return 0, err
		}
		if binary.LittleEndian.Uint16(h[2:]) != 5 || binary.LittleEndian.Uint32(h[5:]) > 64<<20 {
			return 0, errors.New("corrupted data")
		}
		head := append(h[4:9:9], 255, 255, 255, 255, 255, 255, 255, 255)
		dec, err := lzma.NewReader(io.MultiReader(strings.NewReader(string(head)), z.r))
		if err != nil {
			return 0, err
		}
		z.dec = dec
	}
	return z.dec.Read(b)
}

// notZip says why there is nothing to unpack.
func (u *unzipper) notZip(err error) int {
	c := u.c
	var errno linux.Errno
	switch {
	case !c.GNU() && errors.As(err, &errno) && errno == linux.ENOENT:
		c.Die(1, "can't open %s[.zip]", u.archive)
	case !c.GNU():
		c.Die(1, "%v", err)
	case errors.As(err, &errno):
		c.Errorf("unzip:  cannot find or open %s, %s.zip or %s.ZIP.\n", u.archive, u.archive, u.archive)
		return 9
	}
	c.Errorf("  End-of-central-directory signature not found.  Either this file is not\n  a zipfile, or it constitutes one disk of a multi-part archive.  In the\n" +
		"  latter case the central directory and zipfile comment will be found on\n  the last disk(s) of this archive.\n")
	c.Errorf("unzip:  cannot find zipfile directory in one of %s or\n        %s.zip, and cannot find %s.ZIP, period.\n", u.archive, u.archive, u.archive)
	return 9
}

func (u *unzipper) wants(name string) bool {
	match := func(p string) bool { return fnmatch.Match(p, name, 0) }
	if slices.ContainsFunc(u.except, match) {
		return false
	}
	if len(u.only) == 0 {
		return true
	}
	ok := false
	for _, p := range u.only {
		if match(p) {
			u.matched[p], ok = true, true
		}
	}
	return ok
}

// percent is how much smaller a member is packed, as Busybox rounds it.
func percent(packed, plain uint64) int {
	if plain == 0 || packed >= plain {
		return 0
	}
	return int((plain - packed) * 100 / plain)
}

var zipMethods = map[uint16]string{0: "Stored", 8: "Defl:N", 12: "BZip2", 14: "LZMA", 95: "xz"}

func (u *unzipper) listing(z *zip.Reader) int {
	c := u.c
	var plain, packed uint64
	n := 0
	dateForm := "01-02-2006 15:04"
	if c.GNU() {
		dateForm = "2006-01-02 15:04"
	}
	if !u.headless {
		switch {
		case u.verbose:
			c.Print(" Length   Method    Size  Cmpr    Date    Time   CRC-32   Name\n--------  ------  ------- ---- ---------- ----- --------  ----\n")
		default:
			c.Print("  Length      Date    Time    Name\n---------  ---------- -----   ----\n")
		}
	}
	for _, f := range z.File {
		if !c.GNU() {
			n++
		}
		if !u.wants(f.Name) {
			continue
		}
		if c.GNU() {
			n++
		}
		plain += f.UncompressedSize64
		packed += f.CompressedSize64
		date := f.Modified.UTC().Format(dateForm)
		if f.ModifiedDate != 0 {
			date = dosTime(f.ModifiedDate, f.ModifiedTime, c.GNU())
		}
		if u.verbose {
			c.Printf("%8d  %-6s%9d%4d%% %s %08x  %s\n", f.UncompressedSize64, zipMethods[f.Method], f.CompressedSize64,
				percent(f.CompressedSize64, f.UncompressedSize64), date, f.CRC32, f.Name)
		} else {
			c.Printf("%9d  %s   %s\n", f.UncompressedSize64, date, f.Name)
		}
	}
	if u.headless {
		return c.Status
	}
	files := fmt.Sprintf("%d files", n)
	if c.GNU() && n == 1 {
		files = "1 file"
	}
	switch {
	case u.verbose:
		if c.GNU() {
			c.Print("--------          -------  ---                            -------\n")
		} else {
			c.Print("--------          ------- ----                            ----\n")
		}
		c.Printf("%8d%17d%4d%%                            %s\n", plain, packed, percent(packed, plain), files)
	case c.GNU():
		c.Printf("---------                     -------\n%9d                     %s\n", plain, files)
	default:
		c.Printf(" --------                     -------\n%9d                     %s\n", plain, files)
	}
	if c.GNU() && len(u.only) > 0 {
		for _, p := range u.only {
			if !u.matched[p] {
				c.Errorf("caution: filename not matched:  %s\n", p)
				c.Status = 11
			}
		}
	}
	return c.Status
}

// dosTime writes a member's time as it stands in the archive.
func dosTime(date, clock uint16, iso bool) string {
	y, m, d := int(date>>9)+1980, int(date>>5&15), int(date&31)
	if iso {
		return fmt.Sprintf("%04d-%02d-%02d %02d:%02d", y, m, d, clock>>11, clock>>5&63)
	}
	return fmt.Sprintf("%02d-%02d-%04d %02d:%02d", m, d, y, clock>>11, clock>>5&63)
}

// say tells what is done with a member.
func (u *unzipper) say(what, name string) {
	if u.quiet {
		return
	}
	pad := ""
	if u.c.GNU() && what != "   creating: " {
		pad = strings.Repeat(" ", max(0, 22-len(name))) + "  "
	}
	u.c.Print(what, name, pad, "\n")
}

func (u *unzipper) member(f *zip.File) error {
	c := u.c
	name := f.Name
	if strings.HasPrefix(name, "/") {
		if !c.GNU() && !u.warnedSlash {
			c.Warn("removing leading '/' from member names")
		}
		u.warnedSlash = true
		name = strings.TrimLeft(name, "/")
	}
	if slices.Contains(strings.Split(name, "/"), "..") {
		if !c.GNU() {
			return fmt.Errorf("skipping/failing unsafe name '%s'", name)
		}
		name = strings.ReplaceAll(name, "../", "")
	}
	isDir := strings.HasSuffix(name, "/")
	if u.test {
		return u.testMember(f, name, isDir)
	}
	if u.stdout {
		if isDir {
			return nil
		}
		return u.copy(c.Out, f)
	}
	if u.junk {
		if isDir {
			return nil
		}
		name = path.Base(name)
	}
	target := name
	if u.dir != "" {
		target = prog.JoinPath(u.dir, name)
	}
	if isDir {
		return u.makeDir(strings.TrimSuffix(target, "/"), f)
	}
	u.mkParents(target)
	for {
		st, err := c.Lstat(target)
		if err != nil {
			break
		}
		replace, to := u.ask(target)
		if !replace {
			return nil
		}
		if to == "" {
			if !st.Mode.IsRegular() && !c.GNU() {
				return fmt.Errorf("'%s' exists but is not a regular file", target)
			}
			c.Unlink(target)
			break
		}
		target = to
	}
	if f.Mode()&fs.ModeSymlink != 0 {
		return u.link(f, target)
	}
	what := "  inflating: "
	if f.Method == 0 && c.GNU() {
		what = " extracting: "
	}
	u.say(what, target)
	perm := linux.ModeOf(f.Mode()).Perm()
	if perm == 0 {
		perm = 0o644
	}
	out, err := c.OpenFile(target, linux.O_WRONLY|linux.O_CREAT|linux.O_TRUNC, perm)
	if err != nil {
		return fmt.Errorf("can't open '%s': %w", target, err)
	}
	err = u.copy(out, f)
	if c.GNU() {
		c.Fchmod(out.Fd, perm)
	}
	out.Close()
	if t := f.Modified; c.GNU() && err == nil {
		c.Utimes(target, &t, &t, true)
	}
	return err
}

func (u *unzipper) makeDir(target string, f *zip.File) error {
	c := u.c
	if _, err := c.Stat(target); err == nil {
		return nil
	}
	u.mkParents(target)
	u.say("   creating: ", target+"/")
	if err := c.Mkdir(target, 0o777); err != nil {
		return fmt.Errorf("can't create directory '%s': %w", target+"/", err)
	}
	if perm := linux.ModeOf(f.Mode()).Perm(); perm&0o700 == 0o700 {
		c.Chmod(target, perm)
	}
	return nil
}

func (u *unzipper) mkParents(name string) {
	dir := path.Dir(name)
	if dir == "." || dir == "/" {
		return
	}
	if _, err := u.c.Stat(dir); err == nil {
		return
	}
	u.mkParents(dir)
	u.c.Mkdir(dir, 0o777)
}

// ask decides on a file that is there: whether to replace it, or under which other name to go on.
func (u *unzipper) ask(name string) (replace bool, to string) {
	c := u.c
	switch {
	case u.always:
		return true, ""
	case u.never:
		return false, ""
	}
	for {
		prompt := "replace " + name + "? [y]es, [n]o, [A]ll, [N]one, [r]ename: "
		if c.GNU() {
			c.Errorf("%s", prompt)
		} else {
			c.Print(prompt)
			c.Out.Flush()
		}
		line, err := c.In.ReadString('\n')
		if err != nil && line == "" {
			if c.GNU() {
				c.Errorf(" NULL\n(EOF or read error, treating as \"[N]one\" ...)\n")
				u.never = true
				return false, ""
			}
			c.Die(1, "can't read standard input")
		}
		switch line[0] {
		case 'A':
			u.always = true
			return true, ""
		case 'y':
			return true, ""
		case 'N':
			u.never = true
			return false, ""
		case 'n':
			return false, ""
		case 'r':
			if c.GNU() {
				c.Errorf("new name: ")
			} else {
				c.Print("new name: ")
				c.Out.Flush()
			}
			line, err := c.In.ReadString('\n')
			if err != nil && line == "" {
				c.Die(1, "can't read standard input")
			}
			return true, strings.TrimSuffix(line, "\n")
		}
		if c.GNU() {
			c.Errorf("error:  invalid response [%s]\n", strings.TrimSuffix(line, "\n"))
		} else {
			c.Printf("error: invalid response [%c]\n", line[0])
		}
	}
}

// link makes a symbolic link of a member that holds its target.
func (u *unzipper) link(f *zip.File, name string) error {
	r, err := f.Open()
	if err != nil {
		return errCorrupt
	}
	defer r.Close()
	target, err := io.ReadAll(io.LimitReader(r, 4096))
	if err != nil {
		return u.corrupt(f, err)
	}
	if u.c.GNU() {
		u.say("    linking: ", name)
		u.linked = append(u.linked, [2]string{name, string(target)})
	} else {
		u.say("  inflating: ", name)
	}
	if err := u.c.Symlink(string(target), name); err != nil {
		return fmt.Errorf("can't create symlink '%s' to '%s': %w", name, target, err)
	}
	return nil
}

// errCorrupt ends Busybox's unzip, after a line of its own on what went wrong.
var errCorrupt = errors.New("inflate error")

// copy unpacks a member.
func (u *unzipper) copy(w io.Writer, f *zip.File) error {
	r, err := f.Open()
	if err != nil {
		return u.corrupt(f, err)
	}
	defer r.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		u.c.Step(1 + n/256)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return u.corrupt(f, err)
		}
	}
}

// corrupt words a member that does not unpack.
func (u *unzipper) corrupt(f *zip.File, err error) error {
	switch {
	case u.c.GNU() && err == zip.ErrChecksum:
		return fmt.Errorf("  error:  bad CRC (should be %08x)", f.CRC32)
	case u.c.GNU() && err == zip.ErrAlgorithm:
		return fmt.Errorf("   skipping: %-22s  unsupported compression method %d", f.Name, f.Method)
	case u.c.GNU():
		return errors.New("  error:  invalid compressed data to inflate")
	case f.Flags&1 != 0:
		return errors.New("zip flag 1 (encryption) is not supported")
	case err == zip.ErrAlgorithm:
		return fmt.Errorf("unsupported method %d", f.Method)
	case err == zip.ErrChecksum:
		return errors.New("crc error")
	}
	u.c.Warn("corrupted data")
	return errCorrupt
}

// testMember unpacks a member to nowhere.
func (u *unzipper) testMember(f *zip.File, name string, isDir bool) error {
	if u.c.GNU() && !u.quiet {
		u.c.Printf("    testing: %-22s  ", name)
	}
	if !isDir {
		if err := u.copy(io.Discard, f); err != nil {
			return err
		}
	}
	if u.c.GNU() && !u.quiet {
		u.c.Print(" OK\n")
	}
	return nil
}

// infoZipUsage is what Info-ZIP's unzip says when it is given nothing.
const infoZipUsage = `UnZip 6.00 of 20 April 2009, by Debian. Original by Info-ZIP.

Usage: unzip [-Z] [-opts[modifiers]] file[.zip] [list] [-x xlist] [-d exdir]
  Default action is to extract files in list, except those in xlist, to exdir;
  file[.zip] may be a wildcard.  -Z => ZipInfo mode ("unzip -Z" for usage).

  -p  extract files to pipe, no messages     -l  list files (short format)
  -f  freshen existing files, create none    -t  test compressed archive data
  -u  update files, create if necessary      -z  display archive comment only
  -v  list verbosely/show version info       -T  timestamp archive to latest
  -x  exclude files that follow (in xlist)   -d  extract files into exdir
modifiers:
  -n  never overwrite existing files         -q  quiet mode (-qq => quieter)
  -o  overwrite files WITHOUT prompting      -a  auto-convert any text files
  -j  junk paths (do not make directories)   -aa treat ALL files as text
  -U  use escapes for all non-ASCII Unicode  -UU ignore any Unicode fields
  -C  match filenames case-insensitively     -L  make (some) names lowercase
  -X  restore UID/GID info                   -V  retain VMS version numbers
  -K  keep setuid/setgid/tacky permissions   -M  pipe through "more" pager
  -O CHARSET  specify a character encoding for DOS, Windows and OS/2 archives
  -I CHARSET  specify a character encoding for UNIX and other archives

See "unzip -hh" or unzip.txt for more help.  Examples:
  unzip data1 -x joe   => extract all files except joe from zipfile data1.zip
  unzip -p foo | more  => send contents of foo.zip via pipe into more
  unzip -fo foo ReadMe => quietly replace existing ReadMe if archive file newer
`
