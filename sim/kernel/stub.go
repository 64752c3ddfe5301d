// Package kernel is the lab's one kernel: processes, descriptors, signals, terminals, the clock.
//
// PLACEHOLDER: signatures only, so that programs compile until the kernel itself lands. Whoever
// lands it deletes this file; nothing else refers to it.
package kernel

import (
	"io"
	"net/netip"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

type Program func(p *Proc) int

type Loader func(p *Proc, f *Executable) (Program, error)

type Executable struct {
	Path   string
	Argv0  string
	Stat   vfs.Stat
	Head   []byte
	ReadAt func(b []byte, off int64) (int, error)
	Key    any
}

type Kernel struct{}
type Sandbox struct{}
type Terminal struct{}

type Status struct {
	Code   int
	Signal linux.Signal
	Core   bool
}

func (s Status) ExitCode() int {
	if s.Signal != 0 {
		return 128 + int(s.Signal)
	}
	return s.Code
}

type SpawnOpts struct {
	Files      map[int]int
	Dir        string
	Pgid       int
	Foreground bool
	Ignore     []linux.Signal
	Default    []linux.Signal
}

type PollFd struct {
	Fd              int
	Events, Revents int16
}

const (
	POLLIN  int16 = 1
	POLLPRI int16 = 2
	POLLOUT int16 = 4
	POLLERR int16 = 8
	POLLHUP int16 = 16
)

const (
	WNOHANG   = 1
	WUNTRACED = 2
)

type Disposition int

const (
	Default Disposition = iota
	Ignore
	Catch
)

type Termios struct {
	Echo, Canon, Isig, Icrnl, Onlcr, Opost, Ixon bool
	Intr, Quit, Susp, Eof, Erase, Kill, Werase   byte
	Min, Time                                    byte
}

type Utsname struct{ Sysname, Nodename, Release, Version, Machine, Domainname string }

type Proc struct{}

func (p *Proc) Args() []string                                { return nil }
func (p *Proc) Env() []string                                 { return nil }
func (p *Proc) Exe() string                                   { return "" }
func (p *Proc) Comm() string                                  { return "" }
func (p *Proc) SetComm(string)                                {}
func (p *Proc) SetCmdline([]string)                           {}
func (p *Proc) Pid() int                                      { return 0 }
func (p *Proc) Ppid() int                                     { return 0 }
func (p *Proc) Pgid() int                                     { return 0 }
func (p *Proc) Sid() int                                      { return 0 }
func (p *Proc) Cred() vfs.Cred                                { return vfs.Cred{} }
func (p *Proc) Setuid(id uint32) error                        { return linux.ENOSYS }
func (p *Proc) Setgid(id uint32) error                        { return linux.ENOSYS }
func (p *Proc) Setresuid(r, e, s uint32) error                { return linux.ENOSYS }
func (p *Proc) Setresgid(r, e, s uint32) error                { return linux.ENOSYS }
func (p *Proc) Setgroups(gs []uint32) error                   { return linux.ENOSYS }
func (p *Proc) Step(n int)                                    {}
func (p *Proc) Now() time.Time                                { return time.Time{} }
func (p *Proc) Sleep(d time.Duration) error                   { return linux.ENOSYS }
func (p *Proc) Times() (user, sys, cuser, csys time.Duration) { return }
func (p *Proc) Exit(code int)                                 { panic("stub") }
func (p *Proc) Sandbox() *Sandbox                             { return nil }
func (p *Proc) Kernel() *Kernel                               { return nil }
func (p *Proc) Open(path string, flags int, perm linux.Mode) (int, error) {
	return -1, linux.ENOSYS
}
func (p *Proc) Close(fd int) error                                 { return linux.ENOSYS }
func (p *Proc) Read(fd int, b []byte) (int, error)                 { return 0, linux.ENOSYS }
func (p *Proc) Write(fd int, b []byte) (int, error)                { return 0, linux.ENOSYS }
func (p *Proc) Pread(fd int, b []byte, off int64) (int, error)     { return 0, linux.ENOSYS }
func (p *Proc) Pwrite(fd int, b []byte, off int64) (int, error)    { return 0, linux.ENOSYS }
func (p *Proc) Lseek(fd int, off int64, whence int) (int64, error) { return 0, linux.ENOSYS }
func (p *Proc) Dup(fd, min int) (int, error)                       { return -1, linux.ENOSYS }
func (p *Proc) Dup2(old, new int) error                            { return linux.ENOSYS }
func (p *Proc) Cloexec(fd int, on bool) error                      { return linux.ENOSYS }
func (p *Proc) IsCloexec(fd int) bool                              { return false }
func (p *Proc) Fds() []int                                         { return nil }
func (p *Proc) Nonblock(fd int, on bool) error                     { return linux.ENOSYS }
func (p *Proc) Pipe() (r, w int, err error)                        { return -1, -1, linux.ENOSYS }
func (p *Proc) Poll(fds []PollFd, timeout time.Duration) (int, error) {
	return 0, linux.ENOSYS
}
func (p *Proc) Reader(fd int) io.Reader                                 { return nil }
func (p *Proc) Writer(fd int) io.Writer                                 { return nil }
func (p *Proc) Fstat(fd int) (vfs.Stat, error)                          { return vfs.Stat{}, linux.ENOSYS }
func (p *Proc) Ftruncate(fd int, n int64) error                         { return linux.ENOSYS }
func (p *Proc) Fchmod(fd int, perm linux.Mode) error                    { return linux.ENOSYS }
func (p *Proc) Fchown(fd int, uid, gid uint32) error                    { return linux.ENOSYS }
func (p *Proc) Futimes(fd int, atime, mtime *time.Time) error           { return linux.ENOSYS }
func (p *Proc) Fsync(fd int) error                                      { return linux.ENOSYS }
func (p *Proc) Flock(fd int, how int) error                             { return linux.ENOSYS }
func (p *Proc) FdPath(fd int) string                                    { return "" }
func (p *Proc) Stat(path string) (vfs.Stat, error)                      { return vfs.Stat{}, linux.ENOSYS }
func (p *Proc) Lstat(path string) (vfs.Stat, error)                     { return vfs.Stat{}, linux.ENOSYS }
func (p *Proc) ReadDir(path string) ([]vfs.Dirent, error)               { return nil, linux.ENOSYS }
func (p *Proc) Readlink(path string) (string, error)                    { return "", linux.ENOSYS }
func (p *Proc) Mkdir(path string, perm linux.Mode) error                { return linux.ENOSYS }
func (p *Proc) Rmdir(path string) error                                 { return linux.ENOSYS }
func (p *Proc) Unlink(path string) error                                { return linux.ENOSYS }
func (p *Proc) Rename(old, new string) error                            { return linux.ENOSYS }
func (p *Proc) Link(old, new string) error                              { return linux.ENOSYS }
func (p *Proc) Symlink(target, path string) error                       { return linux.ENOSYS }
func (p *Proc) Mknod(path string, mode linux.Mode, dev linux.Dev) error { return linux.ENOSYS }
func (p *Proc) Mkfifo(path string, perm linux.Mode) error               { return linux.ENOSYS }
func (p *Proc) Chmod(path string, perm linux.Mode) error                { return linux.ENOSYS }
func (p *Proc) Chown(path string, uid, gid uint32) error                { return linux.ENOSYS }
func (p *Proc) Lchown(path string, uid, gid uint32) error               { return linux.ENOSYS }
func (p *Proc) Utimes(path string, atime, mtime *time.Time, nofollow bool) error {
	return linux.ENOSYS
}
func (p *Proc) Truncate(path string, n int64) error        { return linux.ENOSYS }
func (p *Proc) Access(path string, mode int) error         { return linux.ENOSYS }
func (p *Proc) Chdir(path string) error                    { return linux.ENOSYS }
func (p *Proc) Fchdir(fd int) error                        { return linux.ENOSYS }
func (p *Proc) Getwd() (string, error)                     { return "", linux.ENOSYS }
func (p *Proc) Chroot(path string) error                   { return linux.ENOSYS }
func (p *Proc) Umask(mask linux.Mode) linux.Mode           { return 0 }
func (p *Proc) Statfs(path string) (vfs.Statfs, error)     { return vfs.Statfs{}, linux.ENOSYS }
func (p *Proc) Uname() Utsname                             { return Utsname{} }
func (p *Proc) SetHostname(name string) error              { return linux.ENOSYS }
func (p *Proc) View() *vfs.View                            { return nil }
func (p *Proc) Fork(body func(c *Proc) int) (int, error)   { return 0, linux.ENOSYS }
func (p *Proc) Exec(path string, argv, env []string) error { return linux.ENOSYS }
func (p *Proc) Spawn(path string, argv, env []string, o *SpawnOpts) (int, error) {
	return 0, linux.ENOSYS
}
func (p *Proc) Wait(pid int, opts int) (int, Status, error)        { return 0, Status{}, linux.ENOSYS }
func (p *Proc) Kill(pid int, sig linux.Signal) error               { return linux.ENOSYS }
func (p *Proc) Setpgid(pid, pgid int) error                        { return linux.ENOSYS }
func (p *Proc) Setsid() (int, error)                               { return 0, linux.ENOSYS }
func (p *Proc) Tcsetpgrp(fd, pgid int) error                       { return linux.ENOSYS }
func (p *Proc) Tcgetpgrp(fd int) (int, error)                      { return 0, linux.ENOSYS }
func (p *Proc) Signal(sig linux.Signal, d Disposition) Disposition { return Default }
func (p *Proc) TakeSignal() (linux.Signal, bool)                   { return 0, false }
func (p *Proc) Sigwait() linux.Signal                              { return 0 }
func (p *Proc) Isatty(fd int) bool                                 { return false }
func (p *Proc) Ttyname(fd int) string                              { return "" }
func (p *Proc) Winsize(fd int) (rows, cols int, err error)         { return 0, 0, linux.ENOTTY }
func (p *Proc) Tcgetattr(fd int) (Termios, error)                  { return Termios{}, linux.ENOTTY }
func (p *Proc) Tcsetattr(fd int, t Termios) error                  { return linux.ENOTTY }
func (p *Proc) Listen(network string, addr netip.AddrPort) (int, error) {
	return -1, linux.ENOSYS
}
func (p *Proc) Accept(fd int) (int, netip.AddrPort, error) {
	return -1, netip.AddrPort{}, linux.ENOSYS
}
func (p *Proc) Dial(network string, addr netip.AddrPort) (int, error) { return -1, linux.ENOSYS }
func (p *Proc) DialUnix(path string) (int, error)                     { return -1, linux.ENOSYS }
func (p *Proc) ListenUnix(path string) (int, error)                   { return -1, linux.ENOSYS }
func (p *Proc) Shutdown(fd, how int) error                            { return linux.ENOSYS }
func (p *Proc) SockName(fd int) netip.AddrPort                        { return netip.AddrPort{} }
func (p *Proc) PeerName(fd int) netip.AddrPort                        { return netip.AddrPort{} }
func (p *Proc) Resolve(name string) ([]netip.Addr, error)             { return nil, linux.ENOSYS }
