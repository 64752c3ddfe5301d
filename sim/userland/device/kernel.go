package device

import (
	"encoding/binary"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// swapPage is the size of a page; the first holds the signature, the next ten or more are swap.
const swapPage = 4096

// mkswap makes a file or a device into swap space.
func mkswap(c *prog.Ctx) int {
	label := ""
	for o := range c.Getopt("L:", nil) {
		label = o.Arg
	}
	if len(c.Args) < 1 || len(c.Args) > 2 {
		c.Usage()
	}
	f := open(c, c.Args[0], linux.O_WRONLY)
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		c.Die(1, "%v", err)
	}
	size := st.Size
	if len(c.Args) > 1 {
		kib, err := strconv.ParseInt(c.Args[1], 10, 32)
		if err != nil || kib < 0 {
			c.Die(1, "invalid number '%s'", c.Args[1])
		}
		size = kib * 1024
	}
	pages := size / swapPage
	if pages < 10 {
		c.Die(1, "image is too small")
	}
	var uuid [16]byte
	for i := range uuid {
		uuid[i] = byte(c.Kernel().Rand().Uint32())
	}
	uuid[6], uuid[8] = uuid[6]&0x0f|0x40, uuid[8]&0x3f|0x80
	// version, last page, bad pages, UUID, label; at the end of the page its name.
	head := make([]byte, 1024)
	binary.LittleEndian.PutUint32(head, 1)
	binary.LittleEndian.PutUint32(head[4:], uint32(pages-1))
	copy(head[12:28], uuid[:])
	copy(head[28:43], label)
	if _, err := c.Pwrite(f.Fd, head, 1024); err != nil {
		c.Die(1, "write error: %v", err)
	}
	if _, err := c.Pwrite(f.Fd, []byte("SWAPSPACE2"), swapPage-10); err != nil {
		c.Die(1, "write error: %v", err)
	}
	c.Printf("Setting up swapspace version 1, size = %d bytes\nUUID=%x-%x-%x-%x-%x\n", (pages-1)*swapPage, uuid[:4], uuid[4:6], uuid[6:8], uuid[8:10], uuid[10:])
	return 0
}

func lsmod(c *prog.Ctx) int {
	c.Print("Module                  Size  Used by")
	b, err := c.ReadFile("/proc/modules")
	if err != nil {
		c.Errorf("lsmod: /proc/modules: %v\n", err)
	}
	c.Print("    Not tainted\n", string(b))
	return 0
}

// adjtimex shows how the kernel steers its clock, and may not change it.
func adjtimex(c *prog.Ctx) int {
	quiet, set := false, false
	for o := range c.Getopt("qo:f:p:t:", nil) {
		if o.Val == 'q' {
			quiet = true
			continue
		}
		set = true
		if _, err := strconv.ParseInt(o.Arg, 10, 64); err != nil {
			c.Die(1, "invalid number '%s'", o.Arg)
		}
	}
	if len(c.Args) > 0 {
		c.Usage()
	}
	if set {
		c.Die(1, "adjtimex: %v", linux.EPERM)
	}
	if quiet {
		return 0
	}
	now := c.Now()
	c.Printf("    mode:         0\n-o  offset:       0 us\n-f  freq.adjust:  0 (65536 = 1ppm)\n    maxerror:     16000000\n    esterror:     16000000\n    status:       64 (UNSYNC)\n"+
		"-p  timeconstant: 2\n    precision:    1 us\n    tolerance:    32768000\n-t  tick:         10000 us\n    time.tv_sec:  %d\n    time.tv_usec: %d\n    return value: 5 (clock not synchronized)\n",
		now.Unix(), now.Nanosecond()/1000)
	return 0
}

const (
	setprivInherit = prog.LongOnly + iota
	setprivAmbient
	setprivNoNew
)

// setpriv shows what a process may, or runs a program that may less.
func setpriv(c *prog.Ctx) int {
	dump := false
	for o := range c.Getopt("+d", []prog.Long{{Name: "dump", Val: 'd'}, {Name: "nnp", Val: setprivNoNew}, {Name: "no-new-privs", Val: setprivNoNew},
		{Name: "inh-caps", Arg: prog.ReqArg, Val: setprivInherit}, {Name: "ambient-caps", Arg: prog.ReqArg, Val: setprivAmbient}}) {
		switch o.Val {
		case 'd':
			dump = true
		case setprivNoNew:
			c.SetNoNewPrivs()
		case setprivInherit, setprivAmbient:
			for _, name := range strings.Split(o.Arg, ",") {
				if name == "" || name[0] != '+' && name[0] != '-' {
					c.Die(1, "invalid capability '%s'", name)
				}
				if !slices.Contains(capNames, name[1:]) {
					c.Die(1, "unknown capability '%s'", name[1:])
				}
				if name[0] == '+' {
					c.Die(1, "capset: %v", linux.EPERM)
				}
			}
		}
	}
	if dump {
		return setprivDump(c)
	}
	if len(c.Args) == 0 {
		c.Usage()
	}
	return run(c, c.Args)
}

// capNames are the capabilities by their bits.
var capNames = strings.Fields("chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service net_broadcast net_admin " +
	"net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease " +
	"audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore")

func setprivDump(c *prog.Ctx) int {
	cr := c.Cred()
	c.Printf("uid: %d\neuid: %d\ngid: %d\negid: %d\nSupplementary groups: ", cr.RUID, cr.UID, cr.RGID, cr.GID)
	groups := cr.Groups
	if len(groups) == 0 {
		groups = []uint32{cr.GID}
	}
	for i, g := range groups {
		if i > 0 {
			c.Print(",")
		}
		c.Print(strconv.Itoa(int(g)))
	}
	c.Print("\nno_new_privs: 0\nInheritable capabilities: [none]\nAmbient capabilities: [none]\nCapability bounding set: ")
	var bounding []string
	for bit, name := range capNames {
		if cr.Bounding&(1<<bit) != 0 {
			bounding = append(bounding, name)
		}
	}
	if len(bounding) == 0 {
		bounding = []string{"[none]"}
	}
	c.Print(strings.Join(bounding, ","), "\n")
	return 0
}

// run replaces the program by another, found on PATH.
func run(c *prog.Ctx, argv []string) int {
	full, err := c.Sandbox().LookPath(argv[0], c.Getenv("PATH"), prog.WorkDir(c), c.Cred())
	if err == nil {
		c.Out.Flush()
		err = c.Exec(full, argv, c.Env())
	}
	c.Warn("can't execute '%s': %v", argv[0], err)
	if err == linux.ENOENT {
		return 127
	}
	return 126
}

// taskset shows or sets the processors that a process may run on. The lab's kernel runs one
// process at a time, so that a mask is shown and kept nowhere.
func taskset(c *prog.Ctx) int {
	byPid, list := false, false
	for o := range c.Getopt("+pca", nil) {
		switch o.Val {
		case 'p':
			byPid = true
		case 'c':
			list = true
		case 'a':
		}
	}
	if len(c.Args) == 0 || !byPid && len(c.Args) < 2 {
		c.Usage()
	}
	want, given := uint64(0), false
	if !byPid || len(c.Args) > 1 {
		given = true
		var err error
		if list {
			want, err = parseList(c.Args[0])
		} else {
			want, err = strconv.ParseUint(strings.TrimPrefix(c.Args[0], "0x"), 16, 64)
		}
		if err != nil {
			if list {
				c.Die(1, "invalid number '%s'", c.Args[0])
			}
			c.Die(1, "bad mask '%s'", c.Args[0])
		}
		c.Args = c.Args[1:]
	}
	if !byPid {
		return run(c, c.Args)
	}
	pid, err := strconv.Atoi(c.Args[0])
	if err != nil || pid < 0 {
		c.Die(1, "invalid number '%s'", c.Args[0])
	}
	if _, err := c.Stat(path.Join("/proc", c.Args[0])); err != nil {
		c.Die(1, "can't get pid %d's affinity: %v", pid, linux.ESRCH)
	}
	kind, now, then := "mask", fmt.Sprintf("%x", allProcessors), fmt.Sprintf("%x", want)
	if list {
		kind, now, then = "list", "0,1", formatList(want)
	}
	c.Printf("pid %d's current affinity %s: %s\n", pid, kind, now)
	if given {
		c.Printf("pid %d's new affinity %s: %s\n", pid, kind, then)
	}
	return 0
}

// allProcessors is the mask of the lab's two.
const allProcessors = 3

// parseList reads "0,2-3".
func parseList(s string) (mask uint64, err error) {
	for _, part := range strings.Split(s, ",") {
		from, to, isRange := strings.Cut(part, "-")
		a, err := strconv.ParseUint(from, 10, 6)
		if err != nil {
			return 0, err
		}
		b := a
		if isRange {
			if b, err = strconv.ParseUint(to, 10, 6); err != nil {
				return 0, err
			}
		}
		for ; a <= b; a++ {
			mask |= 1 << a
		}
	}
	return mask, nil
}

func formatList(mask uint64) string {
	var parts []string
	for i := range 64 {
		if mask>>i&1 != 0 {
			parts = append(parts, strconv.Itoa(i))
		}
	}
	return strings.Join(parts, ",")
}
