// Package vfs joins file systems into the one tree that a process sees: mounts, path walking,
// symbolic links and permission checks, as path_resolution(7) has them.
//
// A Filesystem knows inodes and names, and nothing of users or paths; a Namespace mounts
// Filesystems; a View looks at a Namespace with one root, working directory and set of
// credentials, and is what a process of the kernel holds. View.Afero makes an afero.Fs of it.
//
// Nothing here locks: the kernel runs one process at a time (see sim/kernel), and whoever is
// outside of it enters the kernel first.
package vfs

import (
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// Ino names an inode of one Filesystem. Zero is no inode.
type Ino uint64

// Stat is what stat(2) tells of an inode.
type Stat struct {
	Dev    linux.Dev // the mount's; a Filesystem leaves it zero
	Ino    Ino
	Mode   linux.Mode // type and permission bits
	Nlink  uint32
	UID    uint32
	GID    uint32
	Rdev   linux.Dev // of device nodes
	Size   int64     // bytes; of a symlink, its target's length
	Blocks int64     // 512-byte blocks, what du counts
	Atime  time.Time
	Mtime  time.Time
	Ctime  time.Time
}

// Dirent is one entry of a directory.
type Dirent struct {
	Name string
	Ino  Ino
	Mode linux.Mode // the type bits only
}

// Attr is a change to an inode: of each field, nil leaves what is there. Every change sets ctime.
type Attr struct {
	Mode         *linux.Mode // permission bits only
	UID, GID     *uint32
	Atime, Mtime *time.Time
	Size         *int64 // truncates or extends with zeros
	Touch        bool   // both times become those of now, by the Filesystem's own clock
}

// Node is what Create makes.
type Node struct {
	Mode   linux.Mode // type and permission bits, umask already applied
	UID    uint32
	GID    uint32
	Rdev   linux.Dev
	Target string // of a symlink
}

// Filesystem is a tree of inodes. Errors are linux.Errno values: ENOENT, EEXIST, ENOTDIR, EISDIR,
// ENOTEMPTY, EXDEV, EROFS, ENOSPC, EINVAL, ESTALE. Names are single path components, never empty,
// "." or "..". Permissions are not the Filesystem's business.
type Filesystem interface {
	// Type is the name in /proc/mounts: "overlay", "tmpfs", "proc".
	Type() string
	// Root is the inode of the root directory.
	Root() Ino
	// Lookup finds name in the directory dir.
	Lookup(dir Ino, name string) (Ino, error)
	// Parent is the directory that holds the directory dir; the root is its own parent.
	Parent(dir Ino) (Ino, error)
	// Stat describes an inode.
	Stat(ino Ino) (Stat, error)
	// ReadDir lists a directory in the Filesystem's own order, without "." and "..".
	ReadDir(dir Ino) ([]Dirent, error)
	// Readlink gives a symlink's target.
	Readlink(ino Ino) (string, error)

	// CopyUp makes the file that is name in dir one that may be changed, and returns its inode,
	// which may be a new one: a union copies a lower file up here (and its parents first), and
	// breaks its hard links in doing so. Callers that go on to write, truncate or SetAttr by name
	// call it first. For a Filesystem without layers it is Lookup. CopyUp of the root directory
	// has dir 0 and name "".
	CopyUp(dir Ino, name string) (Ino, error)

	// Create makes a file, directory, symlink or special file.
	Create(dir Ino, name string, n Node) (Ino, error)
	// Link makes name in dir another name of what oldName in oldDir is.
	Link(oldDir Ino, oldName string, dir Ino, name string) error
	// Unlink removes a name that is no directory. An inode that is pinned lives on without a name.
	Unlink(dir Ino, name string) error
	// Rmdir removes an empty directory.
	Rmdir(dir Ino, name string) error
	// Rename is rename(2) within the Filesystem; a union answers EXDEV for a directory that is
	// not purely its upper's.
	Rename(oldDir Ino, oldName string, dir Ino, name string) error

	// SetAttr changes an inode that is already the upper's.
	SetAttr(ino Ino, a Attr) error
	// ReadAt reads a regular file; at the end of it, n < len(p) and err is io.EOF.
	ReadAt(ino Ino, p []byte, off int64) (n int, err error)
	// WriteAt writes a regular file that is already the upper's.
	WriteAt(ino Ino, p []byte, off int64) (n int, err error)
	// Pin keeps an inode alive while a file of it is open; Unpin ends that.
	Pin(ino Ino)
	Unpin(ino Ino)
	// Statfs gives the size of the file system and what is left of it, in bytes and inodes.
	Statfs() Statfs
}

// Copier is a Filesystem in which copying up gives a file another inode.
type Copier interface {
	// Copied gives the inode that a file has now which was ino when it was found as name in dir, and
	// has been pinned since.
	Copied(dir Ino, name string, ino Ino) Ino
	// OneFile says whether all names of an inode are known to be those of one file. Of a file that
	// was never copied up they are not.
	OneFile(ino Ino) bool
}

// Statfs is what statfs(2) tells of a Filesystem.
type Statfs struct {
	Bytes, BytesFree   int64
	Inodes, InodesFree int64
}
