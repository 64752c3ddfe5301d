package vfs

import (
	"slices"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// Caps is a set of capabilities(7), bit N for capability N.
type Caps uint64

// The capabilities that the lab's kernel asks for.
const (
	CapChown          Caps = 1 << 0
	CapDacOverride    Caps = 1 << 1
	CapDacReadSearch  Caps = 1 << 2
	CapFowner         Caps = 1 << 3
	CapFsetid         Caps = 1 << 4
	CapKill           Caps = 1 << 5
	CapSetgid         Caps = 1 << 6
	CapSetuid         Caps = 1 << 7
	CapSetpcap        Caps = 1 << 8
	CapNetBindService Caps = 1 << 10
	CapNetAdmin       Caps = 1 << 12
	CapNetRaw         Caps = 1 << 13
	CapSysChroot      Caps = 1 << 18
	CapSysPtrace      Caps = 1 << 19
	CapSysAdmin       Caps = 1 << 21
	CapSysNice        Caps = 1 << 23
	CapSysTime        Caps = 1 << 25
	CapMknod          Caps = 1 << 27
	CapAuditWrite     Caps = 1 << 29
	CapSetfcap        Caps = 1 << 31

	// CapsAll is what root has on the lab's host and in a privileged container.
	CapsAll Caps = 1<<41 - 1
	// CapsContainer is what root has in a container, Docker's default list
	// (https://docs.docker.com/engine/security/#linux-kernel-capabilities).
	CapsContainer = CapChown | CapDacOverride | CapFowner | CapFsetid | CapKill | CapSetgid | CapSetuid | CapSetpcap |
		CapNetBindService | CapNetRaw | CapSysChroot | CapMknod | CapAuditWrite | CapSetfcap
)

// Cred is who a process is.
type Cred struct {
	UID, GID   uint32 // effective, which is also what files are judged by
	RUID, RGID uint32 // real
	SUID, SGID uint32 // saved
	Groups     []uint32
	Effective  Caps // what it may do now
	Bounding   Caps // what a set-user-ID root program may gain
}

// Root is root with the given capabilities.
func Root(caps Caps) Cred { return Cred{Effective: caps, Bounding: caps} }

// User is an ordinary user who may gain the given capabilities from set-user-ID programs only.
func User(uid, gid uint32, groups []uint32, bounding Caps) Cred {
	c := Cred{UID: uid, GID: gid, RUID: uid, RGID: gid, SUID: uid, SGID: gid, Groups: groups, Bounding: bounding}
	if uid == 0 {
		c.Effective = bounding
	}
	return c
}

// Has says whether all capabilities of want are effective.
func (c Cred) Has(want Caps) bool { return c.Effective&want == want }

// InGroup says whether gid is the effective or a supplementary group.
func (c Cred) InGroup(gid uint32) bool { return c.GID == gid || slices.Contains(c.Groups, gid) }

// May says whether a file with this owner and mode may be used as want (a sum of linux.R_OK,
// W_OK and X_OK) by the rules of path_resolution(7).
func (c Cred) May(st *Stat, want int) bool {
	var bits linux.Mode
	switch {
	case c.UID == st.UID:
		bits = st.Mode >> 6
	case c.InGroup(st.GID):
		bits = st.Mode >> 3
	default:
		bits = st.Mode
	}
	if int(bits)&7&want == want {
		return true
	}
	if c.Has(CapDacOverride) {
		return want&linux.X_OK == 0 || st.Mode.IsDir() || st.Mode&0o111 != 0
	}
	if c.Has(CapDacReadSearch) && want&linux.W_OK == 0 {
		return st.Mode.IsDir() || want == linux.R_OK
	}
	return false
}

// Owns says whether c may change the mode and times of the file.
func (c Cred) Owns(st *Stat) bool { return c.UID == st.UID || c.Has(CapFowner) }
