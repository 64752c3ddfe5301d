package files

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// blockSize is st_blksize and f_bsize of the lab's file systems, in bytes.
const blockSize = 4096

const (
	statPrintf = prog.LongOnly + iota
	statCached
)

var statLong = []prog.Long{
	{Name: "dereference", Val: 'L'}, {Name: "file-system", Val: 'f'}, {Name: "format", Arg: prog.ReqArg, Val: 'c'}, {Name: "printf", Arg: prog.ReqArg, Val: statPrintf},
	{Name: "terse", Val: 't'}, {Name: "cached", Arg: prog.ReqArg, Val: statCached},
}

// The formats that stand for -t and for no format at all.
const (
	statTerse        = "%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %W %o\n"
	statTerseBusybox = "%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %o\n"
	statHead         = "  File: %N\n  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\n"
	statTail         = "Access: (%04a/%10.10A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\nAccess: %x\nModify: %y\nChange: %z\n"
	fsTerse          = "%n %i %l %t %s %S %b %f %a %c %d\n"
	fsTerseBusybox   = "%n %i %l %t %s %b %f %a %c %d\n"
	fsFormat         = "  File: \"%n\"\n    ID: %-8i Namelen: %-7l Type: %T\nBlock size: %-10s Fundamental block size: %S\nBlocks: Total: %-10b Free: %-10f Available: %a\nInodes: Total: %-10c Free: %d\n"
	fsFormatBusybox  = "  File: \"%n\"\n    ID: %-8i Namelen: %-7l Type: %T\nBlock size: %-10s\nBlocks: Total: %-10b Free: %-10f Available: %a\nInodes: Total: %-10c Free: %d\n"
)

// statter is one run of stat.
type statter struct {
	*prog.Ctx
	follow, fs, terse bool
	db                *userdb.DB
}

func stat(c *prog.Ctx) int {
	s := &statter{Ctx: c}
	format, custom, newline := "", false, true
	short, long := "c:fLt", statLong
	if !c.GNU() {
		short, long = "ftLc:", nil
	}
	escapes := false
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'c':
			format, custom, newline, escapes = o.Arg, true, true, false
		case statPrintf:
			format, custom, newline, escapes = o.Arg, true, false, true
		case 'f':
			s.fs = true
		case 'L':
			s.follow = true
		case 't':
			s.terse = true
		case statCached:
			c.Choose("--cached", o.Arg, "default", "never", "always")
		}
	}
	if len(c.Args) == 0 {
		missingOperand(c)
	}
	if custom && newline {
		format += "\n"
	}
	s.db = userdb.Load(c)
	for _, name := range c.Args {
		if s.fs {
			s.filesystem(name, format, custom, escapes)
		} else {
			s.file(name, format, custom, escapes)
		}
	}
	return c.Status
}

func (s *statter) file(name, format string, custom, escapes bool) {
	var st vfs.Stat
	var err error
	switch {
	case name == "-" && s.GNU():
		st, err = s.Fstat(0)
	case s.follow:
		st, err = s.Stat(name)
	default:
		st, err = s.Lstat(name)
	}
	if err != nil {
		switch {
		case !s.GNU():
			s.Fail("can't stat '%s': %v", name, err)
		case name == "-":
			s.Fail("cannot stat standard input: %v", err)
		default:
			s.Fail("cannot statx %s: %v", s.QuoteFile(name), err)
		}
		return
	}
	if !custom {
		device := "Device: %Hd,%Ld\tInode: %-10i  Links: "
		if !s.GNU() {
			device = "Device: %Dh/%dd\tInode: %-10i  Links: "
		}
		special := st.Mode.Type() == linux.S_IFCHR || st.Mode.Type() == linux.S_IFBLK
		switch {
		case special && s.GNU():
			device += "%-5h Device type: %Hr,%Lr\n"
		case special:
			device += "%-5h Device type: %t,%T\n"
		default:
			device += "%h\n"
		}
		switch {
		case s.terse && s.GNU():
			format = statTerse
		case s.terse:
			format = statTerseBusybox
		case s.GNU():
			format = statHead + device + statTail + " Birth: %w\n"
		default:
			format = statHead + device + statTail
		}
	}
	s.print(format, escapes, func(verb byte, mod byte, flags string) (string, bool) { return s.fileVerb(verb, mod, name, st, custom) })
}

func (s *statter) filesystem(name, format string, custom, escapes bool) {
	if name == "-" && s.GNU() {
		s.Fail("using %s to denote standard input does not work in file system mode", s.QuoteFile(name))
		return
	}
	f, err := s.Statfs(name)
	if err != nil {
		if s.GNU() {
			s.Fail("cannot read file system information for %s: %v", s.QuoteFile(name), err)
		} else {
			s.Fail("can't read file system information for '%s': %v", name, err)
		}
		return
	}
	if !custom {
		switch {
		case s.terse && s.GNU():
			format = fsTerse
		case s.terse:
			format = fsTerseBusybox
		case s.GNU():
			format = fsFormat
		default:
			format = fsFormatBusybox
		}
	}
	kind := ""
	if m, err := s.MountOf(name); err == nil {
		kind = m.FS.Type()
	}
	var fsid string
	if st, err := s.Stat(name); err == nil {
		h := fnv.New64a()
		fmt.Fprint(h, st.Dev)
		fsid = strconv.FormatUint(h.Sum64(), 16)
	}
	s.print(format, escapes, func(verb, mod byte, flags string) (string, bool) {
		n := func(v int64) (string, bool) { return strconv.FormatInt(v, 10), true }
		switch verb {
		case 'a', 'f':
			return n(f.BytesFree / blockSize)
		case 'b':
			return n(f.Bytes / blockSize)
		case 'c':
			return n(f.Inodes)
		case 'd':
			return n(f.InodesFree)
		case 'i':
			return fsid, true
		case 'l':
			return n(linux.NAME_MAX)
		case 'n':
			return name, true
		case 's', 'S':
			return n(blockSize)
		case 't':
			return strconv.FormatUint(magic(kind), 16), true
		case 'T':
			return s.fsName(kind), true
		}
		return "", false
	})
}

// magic is a file system type's number in statfs(2).
func magic(kind string) uint64 {
	switch kind {
	case "overlay":
		return 0x794c7630
	case "tmpfs":
		return 0x01021994
	case "proc":
		return 0x9fa0
	case "devpts":
		return 0x1cd1
	case "sysfs":
		return 0x62656572
	case "ext4":
		return 0xef53
	}
	return 0
}

func (s *statter) fsName(kind string) string {
	switch kind {
	case "overlay":
		if s.GNU() {
			return "overlayfs"
		}
		return "UNKNOWN"
	case "ext4":
		return "ext2/ext3"
	case "":
		return "UNKNOWN"
	}
	return kind
}

// print writes a format: "%", flags, width, precision, H or L, and a letter that verb knows.
func (s *statter) print(format string, escapes bool, verb func(verb, mod byte, flags string) (string, bool)) {
	for i := 0; i < len(format); i++ {
		switch {
		case format[i] == '\\' && escapes:
			n, text := unescape(format[i:])
			if n == 1 && i+1 < len(format) && s.GNU() {
				s.Warn("warning: unrecognized escape '%s'", format[i:i+2])
				text = ""
			}
			s.Print(text)
			i += n - 1
			continue
		case format[i] != '%':
			s.Out.WriteByte(format[i])
			continue
		}
		start := i
		i++
		flags := ""
		for i < len(format) && strings.IndexByte("#0-+ 'I", format[i]) >= 0 {
			flags += format[i : i+1]
			i++
		}
		number := func() int {
			n := 0
			for i < len(format) && format[i] >= '0' && format[i] <= '9' {
				n = min(n*10+int(format[i]-'0'), 1<<16)
				i++
			}
			return n
		}
		width, prec := number(), -1
		if i < len(format) && format[i] == '.' {
			i++
			digits := i
			if prec = number(); i == digits {
				prec = 9
			}
		}
		var mod byte
		if i+1 < len(format) && s.GNU() && (format[i] == 'H' || format[i] == 'L') && (format[i+1] == 'd' || format[i+1] == 'r') {
			mod = format[i]
			i++
		}
		if i >= len(format) || format[i] == '\n' && i == len(format)-1 {
			s.Print(format[start:i])
			i--
			continue
		}
		if format[i] == '%' {
			s.Print("%")
			continue
		}
		text, ok := verb(format[i], mod, flags)
		if !ok {
			if s.GNU() {
				s.Print("?")
			} else {
				s.Print(format[i : i+1])
			}
			continue
		}
		if strings.IndexByte("XYZW", format[i]) >= 0 && s.GNU() && prec >= 0 && strings.Contains(text, ".") {
			secs, frac, _ := strings.Cut(text, ".")
			text = secs
			if prec > 0 {
				text += "." + (frac + strings.Repeat("0", prec))[:prec]
			}
		} else if strings.IndexByte("XYZW", format[i]) >= 0 {
			text, _, _ = strings.Cut(text, ".")
		} else if prec >= 0 && prec < len(text) && strings.IndexByte("nNFAUGxyzwmC", format[i]) >= 0 {
			text = text[:prec]
		}
		if strings.Contains(flags, "#") {
			switch format[i] {
			case 'a':
				text = "0" + text
			case 'f', 'D', 't', 'T':
				text = "0x" + text
			}
		}
		if pad := width - len(text); pad > 0 {
			switch {
			case strings.Contains(flags, "-"):
				text += strings.Repeat(" ", pad)
			case strings.Contains(flags, "0") && strings.IndexByte("nNFAUGxyzwmC", format[i]) < 0:
				text = strings.Repeat("0", pad) + text
			default:
				text = strings.Repeat(" ", pad) + text
			}
		}
		s.Print(text)
	}
}

// unescape reads one backslash escape of stat --printf and find -printf: how many bytes of s it
// takes, and what it stands for.
func unescape(s string) (n int, text string) {
	if len(s) < 2 {
		return 1, `\`
	}
	if i := strings.IndexByte("abfnrtv", s[1]); i >= 0 {
		return 2, "\a\b\f\n\r\t\v"[i : i+1]
	}
	switch ch := s[1]; {
	case ch == '\\' || ch == '"':
		return 2, s[1:2]
	case ch == 'e':
		return 2, "\x1b"
	case ch >= '0' && ch <= '7':
		n, v := 1, 0
		for n < len(s) && n < 4 && s[n] >= '0' && s[n] <= '7' {
			v = v*8 + int(s[n]-'0')
			n++
		}
		return n, string([]byte{byte(v)})
	case ch == 'x' && len(s) > 2 && strings.IndexByte("0123456789abcdefABCDEF", s[2]) >= 0:
		n := 3
		if len(s) > 3 && strings.IndexByte("0123456789abcdefABCDEF", s[3]) >= 0 {
			n = 4
		}
		v, _ := strconv.ParseUint(s[2:n], 16, 8)
		return n, string([]byte{byte(v)})
	}
	return 1, `\`
}

// birth is when a file came to be. The lab's file systems do not record it, so it is the earliest
// time that they know of the file.
func birth(st vfs.Stat) time.Time {
	t := st.Ctime
	for _, o := range []time.Time{st.Atime, st.Mtime} {
		if o.Before(t) {
			t = o
		}
	}
	return t
}

func (s *statter) fileVerb(verb, mod byte, name string, st vfs.Stat, custom bool) (string, bool) {
	dec := func(n uint64) (string, bool) { return strconv.FormatUint(n, 10), true }
	hex := func(n uint64) (string, bool) { return strconv.FormatUint(n, 16), true }
	stamp := func(t time.Time) (string, bool) {
		return datetime.Format("%Y-%m-%d %H:%M:%S.%N %z", t.In(s.Zone())), true
	}
	secs := func(t time.Time) (string, bool) {
		if s.GNU() {
			return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()), true
		}
		return strconv.FormatInt(t.Unix(), 10), true
	}
	switch verb {
	case 'a':
		return strconv.FormatUint(uint64(st.Mode.Perm()), 8), true
	case 'A':
		return st.Mode.String(), true
	case 'b':
		return dec(uint64(st.Blocks))
	case 'B':
		return dec(512)
	case 'd':
		switch mod {
		case 'H':
			return dec(uint64(st.Dev.Major()))
		case 'L':
			return dec(uint64(st.Dev.Minor()))
		}
		return dec(uint64(st.Dev))
	case 'D':
		return hex(uint64(st.Dev))
	case 'f':
		return hex(uint64(st.Mode))
	case 'F':
		return kindOf(st), true
	case 'g':
		return dec(uint64(st.GID))
	case 'G':
		if g, ok := s.db.GID(st.GID); ok {
			return g.Name, true
		}
		return "UNKNOWN", true
	case 'h':
		return dec(uint64(st.Nlink))
	case 'i':
		return dec(uint64(st.Ino))
	case 'm':
		if s.GNU() {
			return s.mountPoint(name), true
		}
	case 'n':
		return name, true
	case 'C':
		if s.GNU() {
			s.Fail("failed to get security context of %s: %v", s.QuoteFile(name), linux.ENODATA)
		}
		return "?", true
	case 'N':
		q := s.QuoteFile
		if !s.GNU() {
			q = func(s string) string { return s }
			if st.Mode.IsSymlink() {
				q = func(s string) string { return "'" + s + "'" }
			}
		} else if !custom {
			q = func(n string) string { return prog.QuoteShell(n, false) }
		}
		if !st.Mode.IsSymlink() {
			return q(name), true
		}
		to, err := s.Readlink(name)
		if err != nil {
			s.Fail("cannot read symbolic link %s: %v", s.QuoteFile(name), err)
			return q(name), true
		}
		return q(name) + " -> " + q(to), true
	case 'o':
		return dec(blockSize)
	case 'r':
		if s.GNU() {
			switch mod {
			case 'H':
				return dec(uint64(st.Rdev.Major()))
			case 'L':
				return dec(uint64(st.Rdev.Minor()))
			}
			return dec(uint64(st.Rdev))
		}
	case 'R':
		if s.GNU() {
			return hex(uint64(st.Rdev))
		}
	case 's':
		return dec(uint64(st.Size))
	case 't':
		return hex(uint64(st.Rdev.Major()))
	case 'T':
		return hex(uint64(st.Rdev.Minor()))
	case 'u':
		return dec(uint64(st.UID))
	case 'U':
		if u, ok := s.db.UID(st.UID); ok {
			return u.Name, true
		}
		return "UNKNOWN", true
	case 'w':
		if s.GNU() {
			return stamp(birth(st))
		}
	case 'W':
		if s.GNU() {
			return secs(birth(st))
		}
	case 'x':
		return stamp(st.Atime)
	case 'X':
		return secs(st.Atime)
	case 'y':
		return stamp(st.Mtime)
	case 'Y':
		return secs(st.Mtime)
	case 'z':
		return stamp(st.Ctime)
	case 'Z':
		return secs(st.Ctime)
	}
	return "", false
}

func (s *statter) mountPoint(name string) string {
	if m, err := s.MountOf(name); err == nil && m.Path != "" {
		return m.Path
	}
	return "/"
}
