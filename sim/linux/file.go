package linux

import "io/fs"

// Mode is st_mode: the type of a file and its twelve permission bits.
type Mode uint32

// Types and bits of a Mode.
const (
	S_IFMT   Mode = 0o170000
	S_IFSOCK Mode = 0o140000
	S_IFLNK  Mode = 0o120000
	S_IFREG  Mode = 0o100000
	S_IFBLK  Mode = 0o060000
	S_IFDIR  Mode = 0o040000
	S_IFCHR  Mode = 0o020000
	S_IFIFO  Mode = 0o010000
	S_ISUID  Mode = 0o4000
	S_ISGID  Mode = 0o2000
	S_ISVTX  Mode = 0o1000
)

// Type is the S_IF part.
func (m Mode) Type() Mode { return m & S_IFMT }

// Perm is the twelve permission bits: set-id, sticky, rwx.
func (m Mode) Perm() Mode { return m & 0o7777 }

func (m Mode) IsDir() bool     { return m.Type() == S_IFDIR }
func (m Mode) IsRegular() bool { return m.Type() == S_IFREG }
func (m Mode) IsSymlink() bool { return m.Type() == S_IFLNK }

// String is the ten letters that ls prints: "drwxr-xr-x".
func (m Mode) String() string {
	b := []byte("?rwxrwxrwx")
	switch m.Type() {
	case S_IFREG:
		b[0] = '-'
	case S_IFDIR:
		b[0] = 'd'
	case S_IFLNK:
		b[0] = 'l'
	case S_IFCHR:
		b[0] = 'c'
	case S_IFBLK:
		b[0] = 'b'
	case S_IFIFO:
		b[0] = 'p'
	case S_IFSOCK:
		b[0] = 's'
	}
	for i := range 9 {
		if m&(1<<(8-i)) == 0 {
			b[1+i] = '-'
		}
	}
	special := func(bit Mode, at int, c byte) {
		if m&bit == 0 {
			return
		}
		if b[at] == '-' {
			c -= 'a' - 'A'
		}
		b[at] = c
	}
	special(S_ISUID, 3, 's')
	special(S_ISGID, 6, 's')
	special(S_ISVTX, 9, 't')
	return string(b)
}

// FileMode is the same as Go's fs.FileMode.
func (m Mode) FileMode() fs.FileMode {
	f := fs.FileMode(m & 0o777)
	switch m.Type() {
	case S_IFDIR:
		f |= fs.ModeDir
	case S_IFLNK:
		f |= fs.ModeSymlink
	case S_IFCHR:
		f |= fs.ModeDevice | fs.ModeCharDevice
	case S_IFBLK:
		f |= fs.ModeDevice
	case S_IFIFO:
		f |= fs.ModeNamedPipe
	case S_IFSOCK:
		f |= fs.ModeSocket
	}
	if m&S_ISUID != 0 {
		f |= fs.ModeSetuid
	}
	if m&S_ISGID != 0 {
		f |= fs.ModeSetgid
	}
	if m&S_ISVTX != 0 {
		f |= fs.ModeSticky
	}
	return f
}

// ModeOf is the Mode of a Go fs.FileMode.
func ModeOf(f fs.FileMode) Mode {
	m := Mode(f.Perm())
	switch f.Type() {
	case fs.ModeDir:
		m |= S_IFDIR
	case fs.ModeSymlink:
		m |= S_IFLNK
	case fs.ModeDevice | fs.ModeCharDevice:
		m |= S_IFCHR
	case fs.ModeDevice:
		m |= S_IFBLK
	case fs.ModeNamedPipe:
		m |= S_IFIFO
	case fs.ModeSocket:
		m |= S_IFSOCK
	default:
		m |= S_IFREG
	}
	if f&fs.ModeSetuid != 0 {
		m |= S_ISUID
	}
	if f&fs.ModeSetgid != 0 {
		m |= S_ISGID
	}
	if f&fs.ModeSticky != 0 {
		m |= S_ISVTX
	}
	return m
}

// Flags of open(2).
const (
	O_RDONLY    = 0
	O_WRONLY    = 1
	O_RDWR      = 2
	O_ACCMODE   = 3
	O_CREAT     = 0o100
	O_EXCL      = 0o200
	O_NOCTTY    = 0o400
	O_TRUNC     = 0o1000
	O_APPEND    = 0o2000
	O_NONBLOCK  = 0o4000
	O_DIRECTORY = 0o200000
	O_NOFOLLOW  = 0o400000
	O_CLOEXEC   = 0o2000000
	O_PATH      = 0o10000000
)

// Whence of lseek(2).
const (
	SEEK_SET = 0
	SEEK_CUR = 1
	SEEK_END = 2
)

// Bits of access(2).
const (
	F_OK = 0
	X_OK = 1
	W_OK = 2
	R_OK = 4
)

// Limits that programs meet.
const (
	NAME_MAX    = 255
	PATH_MAX    = 4096
	MaxSymlinks = 40
)

// Dev is a device number.
type Dev uint64

// Mkdev makes a device number from major and minor.
func Mkdev(major, minor uint32) Dev {
	return Dev(minor&0xff) | Dev(major&0xfff)<<8 | Dev(minor&^0xff)<<12 | Dev(major&^0xfff)<<32
}

// Major is the major number of the device.
func (d Dev) Major() uint32 { return uint32(d>>8)&0xfff | uint32(d>>32)&^0xfff }

// Minor is the minor number of the device.
func (d Dev) Minor() uint32 { return uint32(d)&0xff | uint32(d>>12)&^0xff }
