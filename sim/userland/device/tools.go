package device

import (
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// blockTools look after disks and what is on them.
var blockTools = []tool{
	{"blkdiscard", "o:l:sf", nil, 1, 1, func(c *prog.Ctx, _ options) int {
		open(c, c.Args[0], linux.O_RDWR)
		c.Die(1, "BLKGETSIZE64: %v", linux.ENOTTY)
		return 1
	}},
	{"blockdev", "+", nil, 2, 3, func(c *prog.Ctx, _ options) int { return blockdev(c) }},
	{"fatattr", "+", nil, 1, -1, fatattr},
	{"freeramdisk", "+", nil, 1, 1, opens("%f")},
	{"partprobe", "", nil, 0, -1, func(c *prog.Ctx, _ options) int {
		if len(c.Args) == 0 {
			return 0
		}
		return opens("%f")(c, nil)
	}},
	{"fstrim", "o:l:m:v", nil, 1, 1, func(c *prog.Ctx, _ options) int {
		if st, err := c.Stat(c.Args[0]); err != nil {
			c.Die(1, "%s: %v", c.Args[0], err)
		} else if !st.Mode.IsDir() {
			c.Die(1, "%s: not a block device", c.Args[0])
		}
		c.Die(1, "FITRIM: %v", linux.ENOTTY)
		return 1
	}},
	{"fsfreeze", "", []prog.Long{{Name: "freeze", Val: prog.LongOnly}, {Name: "unfreeze", Val: prog.LongOnly + 1}}, 1, 1, func(c *prog.Ctx, o options) int {
		if len(o) != 1 {
			c.Usage()
		}
		open(c, c.Args[0], linux.O_RDONLY)
		c.Die(1, "(opts & 1) ? FIFREEZE : FITHAW: %v", linux.EPERM)
		return 1
	}},
	{"fdisk", "C:H:S:b:lu", nil, 0, -1, func(c *prog.Ctx, o options) int {
		if o.has('l') && len(c.Args) == 0 {
			return 0 // /proc/partitions names no disk that is in /dev
		}
		if len(c.Args) == 0 || !o.has('l') && len(c.Args) > 1 {
			c.Usage()
		}
		f, err := c.OpenFile(c.Args[0], linux.O_RDWR, 0)
		if err != nil {
			if o.has('l') {
				c.Die(1, "can't open '%s': %v", c.Args[0], err)
			}
			c.Die(1, "can't open '%s'", c.Args[0])
		}
		if st, err := f.Stat(); err == nil && st.Size < 512 {
			c.Die(1, "can't read '%s'", c.Args[0])
		}
		c.Die(1, "%s: %v", c.Args[0], linux.ENOTTY)
		return 1
	}},
	{"findfs", "+", nil, 1, 1, func(c *prog.Ctx, _ options) int {
		switch {
		case strings.HasPrefix(c.Args[0], "LABEL="), strings.HasPrefix(c.Args[0], "UUID="):
			return 1
		case strings.HasPrefix(c.Args[0], "/dev/"):
			c.Print(c.Args[0], "\n")
			return 0
		}
		c.Usage()
		return 1
	}},
	{"losetup", "rPacdo:f", nil, 0, 2, func(c *prog.Ctx, o options) int {
		switch {
		case o.has('a') && len(c.Args) == 0:
			return 0
		case o.has('f') && len(c.Args) == 0:
			c.Print("/dev/loop0\n")
			return 0
		case len(c.Args) == 1 && !o.has('d') && !o.has('f'):
			c.Die(1, "%s: %v", c.Args[0], linux.ENOENT)
		case len(c.Args) == 0:
			c.Usage()
		}
		file := c.Args[len(c.Args)-1]
		if o.has('d') {
			c.Die(1, "%s: %v", file, linux.ENOENT)
		}
		c.Die(1, "%s: %v", file, linux.ENOENT)
		return 1
	}},
	{"mke2fs", "cl:b:f:i:I:J:G:N:m:o:g:L:M:O:r:E:T:U:jnqvFS", nil, 0, 2, func(c *prog.Ctx, o options) int {
		if len(c.Args) == 0 {
			c.Die(1, "can't open '(null)': %v", linux.EFAULT)
		}
		st, err := c.Stat(c.Args[0])
		if err != nil {
			c.Die(1, "can't open '%s': %v", c.Args[0], err)
		}
		if st.Mode.Type() != linux.S_IFBLK && !o.has('F') {
			c.Die(1, "%s: not a block device", c.Args[0])
		}
		c.Die(1, "%s: %v", c.Args[0], linux.ENOTTY)
		return 1
	}},
	{"swapon", "ade", nil, 0, -1, swapOnOff},
	{"swapoff", "ae", nil, 0, -1, swapOnOff},
	{"resume", "", nil, 1, 2, func(c *prog.Ctx, _ options) int {
		c.Die(1, "invalid resume device: %s", c.Args[0])
		return 1
	}},
	{"ubirename", "+", nil, 3, -1, func(c *prog.Ctx, _ options) int {
		c.Die(1, "not an UBI device: '%s'", c.Args[0])
		return 1
	}},
	{"hwclock", "lurswtvf:", []prog.Long{{Name: "localtime", Val: 'l'}, {Name: "utc", Val: 'u'}, {Name: "show", Val: 'r'}, {Name: "hctosys", Val: 's'},
		{Name: "systohc", Val: 'w'}, {Name: "systz", Val: 't'}, {Name: "rtc", Arg: prog.ReqArg, Val: 'f'}}, 0, 0, func(c *prog.Ctx, o options) int {
		path := "/dev/misc/rtc"
		if o.has('f') {
			path = o['f']
		}
		if o.has('t') {
			c.Die(1, "settimeofday: %v", linux.EPERM)
		}
		return needs(path)(c, o)
	}},
	{"lsscsi", "+", nil, 0, -1, enters("/sys/bus/scsi/devices")},
	{"mt", "+", nil, 1, -1, func(c *prog.Ctx, _ options) int {
		tape := "/dev/tape"
		if c.Args[0] == "-f" { // before the operation, or it is taken for one
			if len(c.Args) < 3 {
				c.Usage()
			}
			tape, c.Args = c.Args[1], c.Args[2:]
		}
		for _, op := range []string{"bsf", "bsfm", "bsr", "bss", "datacompression", "eom", "erase", "fsf", "fsfm", "fsr", "fss", "load", "lock", "mkpart", "nop", "offline", "rewoffline",
			"ras1", "ras2", "ras3", "reset", "retension", "rewind", "seek", "setblk", "setdensity", "drvbuffer", "setpart", "tell", "wset", "unload", "unlock", "eof", "weof"} {
			if op == c.Args[0] {
				return needs(tape)(c, nil)
			}
		}
		c.Die(1, "unrecognized opcode %s", c.Args[0])
		return 1
	}},
	{"devmem", "+", nil, 1, 3, needs("/dev/mem")},
	{"watchdog", "Ft:T:", nil, 1, 1, func(c *prog.Ctx, o options) int {
		if o.has('F') {
			open(c, c.Args[0], linux.O_WRONLY)
		}
		return 0 // in the background, where nobody hears it fail
	}},
	{"microcom", "Xs:d:t:", nil, 1, 1, func(c *prog.Ctx, _ options) int {
		if _, err := c.Stat(c.Args[0]); err != nil {
			c.Die(1, "can't open '%s': %v", c.Args[0], linux.EPERM)
		}
		return opens("can't tcsetattr for %f")(c, nil)
	}},
	{"i2cdetect", "yarqlF", nil, 0, 3, func(c *prog.Ctx, o options) int {
		if o.has('l') {
			return needs("/sys/class/i2c-dev")(c, o)
		}
		if len(c.Args) == 0 {
			c.Usage()
		}
		return bus(c, o)
	}},
	{"i2cdump", "fyr:", nil, 2, 3, bus},
	{"i2cget", "fy", nil, 2, 4, bus},
	{"i2cset", "fyrm:", nil, 3, -1, bus},
	{"i2ctransfer", "fya", nil, 2, -1, bus},
}

// blockdevQuestions are what blockdev asks of a device, and whether the answer to be set follows.
var blockdevQuestions = map[string]bool{"--setro": false, "--setrw": false, "--getro": false, "--getss": false, "--getbsz": false, "--setbsz": true, "--getsize": false,
	"--getsz": false, "--getsize64": false, "--flushbufs": false, "--rereadpt": false}

// blockdev reads its options itself: each is one question.
func blockdev(c *prog.Ctx) int {
	value, ok := blockdevQuestions[c.Args[0]]
	want := 2
	if value {
		want = 3
	}
	if !ok || len(c.Args) != want {
		c.Usage()
	}
	file := c.Args[want-1]
	open(c, file, linux.O_RDONLY)
	c.Die(1, "%s: %v", file, linux.ENOTTY)
	return 1
}

// fatattr changes attributes, written as chattr's are, of files that have them only on FAT.
func fatattr(c *prog.Ctx, _ options) int {
	files := c.Args
	for len(files) > 0 && strings.ContainsAny(files[0][:min(1, len(files[0]))], "+-") {
		for _, letter := range files[0][1:] {
			if !strings.ContainsRune("rhsvda", letter) {
				c.Die(1, "invalid character '%c'", letter)
			}
		}
		files = files[1:]
	}
	if len(files) == 0 {
		c.Usage()
	}
	c.Args = files
	return opens("FAT_IOCTL_GET_ATTRIBUTES")(c, nil)
}

// bus opens an I2C bus by its number.
func bus(c *prog.Ctx, o options) int {
	number(c, c.Args[0])
	return needs("/dev/i2c/"+c.Args[0])(c, o)
}

func swapOnOff(c *prog.Ctx, o options) int {
	if len(c.Args) == 0 && !o.has('a') {
		c.Usage()
	}
	if o.has('a') {
		open(c, "/etc/fstab", linux.O_RDONLY)
		return 0
	}
	for _, name := range c.Args {
		if _, err := c.Stat(name); err != nil {
			c.Fail("%s: %v", name, err)
			continue
		}
		c.Fail("%s: %v", name, linux.EPERM)
	}
	return c.Status
}

const noConsole = "can't open console"

// consoleTools change the virtual consoles, of which a container has none.
var consoleTools = []tool{
	{"chvt", "+", nil, 1, 1, func(c *prog.Ctx, o options) int {
		number(c, c.Args[0])
		return says(noConsole)(c, o)
	}},
	{"deallocvt", "+", nil, 0, 1, func(c *prog.Ctx, o options) int {
		if len(c.Args) > 0 {
			number(c, c.Args[0])
		}
		return says(noConsole)(c, o)
	}},
	{"dumpkmap", "+", nil, 0, 0, says(noConsole)},
	{"loadfont", "", nil, 0, 0, says(noConsole)},
	{"loadkmap", "+", nil, 0, 0, says(noConsole)},
	{"setkeycodes", "+", nil, 2, -1, says(noConsole)},
	{"openvt", "+c:wslfv", nil, 0, -1, says("can't find open VT")},
}

// moduleTools are about the kernel's modules.
var moduleTools = []tool{
	{"depmod", "aAb:C:eF:nqru", nil, 0, -1, enters("lib/modules/%r")},
	{"modprobe", "arlDqsvb", nil, 0, -1, enters("/lib/modules")},
	{"modinfo", "nadlpF:0", nil, 1, -1, func(c *prog.Ctx, o options) int {
		return needs("/lib/modules/"+c.Uname().Release+"/modules.dep")(c, o)
	}},
	{"insmod", "+", nil, 1, -1, func(c *prog.Ctx, _ options) int {
		if _, err := c.Stat(c.Args[0]); err != nil {
			c.Die(254, "can't insert '%s': %v", c.Args[0], err)
		}
		c.Die(255, "can't insert '%s': %v", c.Args[0], linux.EPERM)
		return 1
	}},
	{"rmmod", "wfas", nil, 1, -1, func(c *prog.Ctx, _ options) int {
		for _, m := range c.Args {
			c.Fail("can't unload module '%s': %v", m, linux.EPERM)
		}
		return c.Status
	}},
}

// kernelTools talk with other parts of the kernel, or with programs that do.
var kernelTools = []tool{
	{"logread", "fF", nil, 0, 0, says("can't find syslogd buffer: %v", linux.ENOENT)},
	{"klogd", "c:n", nil, 0, 0, func(c *prog.Ctx, o options) int {
		if o.has('n') {
			return 1
		}
		return 0
	}},
	{"mdev", "sdfSv", nil, 0, 0, func(c *prog.Ctx, o options) int {
		if !o.has('s') && !o.has('d') {
			c.Usage()
		}
		return 0
	}},
	{"svc", "udopchaitkx", nil, 1, -1, func(c *prog.Ctx, _ options) int {
		for _, dir := range c.Args {
			if st, err := c.Stat(dir); err != nil || !st.Mode.IsDir() {
				c.Errorf("fail: %s: can't change to service directory: %v\n", dir, linux.ENOENT)
				c.Status = 1
				continue
			}
			c.Errorf("fail: %s: runsv not running\n", dir)
			c.Status = 1
		}
		return c.Status
	}},
	{"svok", "", nil, 1, 1, func(c *prog.Ctx, _ options) int {
		if err := c.Chdir(c.Args[0]); err != nil {
			c.Die(111, "can't change directory to '': %v", err)
		}
		return 100
	}},
	{"uevent", "", nil, 0, -1, func(c *prog.Ctx, _ options) int {
		for c.Sleep(24*time.Hour) == nil { // no device comes or goes
		}
		return 0
	}},
	{"dumpleases", "dra f:", nil, 0, 0, needs("/var/lib/misc/udhcpd.leases")},
	{"acpid", "dc:e:fg:l:m:a:M:p:s:S:v", nil, 0, 0, silent},
}

// netTools configure interfaces, which an unprivileged container may not.
var netTools = []tool{
	{"brctl", "+", nil, 1, -1, brctl},
	{"ifup", "anvmfi:", nil, 0, -1, ifUpDown},
	{"ifdown", "anvmfi:", nil, 0, -1, ifUpDown},
	{"nameif", "sc:", nil, 0, -1, func(c *prog.Ctx, _ options) int {
		if len(c.Args) == 0 {
			c.Warn("/etc/mactab: %v", linux.ENOENT)
		}
		return 0
	}},
	{"tunctl", "f:t:d:", nil, 0, 0, needs("/dev/net/tun")},
	{"vconfig", "+", nil, 2, 3, func(c *prog.Ctx, _ options) int {
		switch c.Args[0] {
		case "add", "rem", "set_name_type", "set_flag", "set_egress_map", "set_ingress_map":
			c.Die(1, "ioctl error for %s: Package not installed", c.Args[0])
		}
		c.Usage()
		return 1
	}},
	{"udhcpd", "fSI:a:v", nil, 0, 1, silent},
	{"ipneigh", "+", nil, 0, -1, ipneigh},
	{"arp", "adi:nsp:t:vA:H:D", nil, 0, -1, func(c *prog.Ctx, o options) int {
		if o.has('d') || o.has('s') {
			c.Die(1, "SIOCDARP(priv): %v", linux.EPERM)
		}
		return 0
	}},
}

// ipneigh is "ip neigh", and knows no neighbours.
func ipneigh(c *prog.Ctx, _ options) int {
	if len(c.Args) == 0 {
		return 0
	}
	if strings.HasPrefix(c.Args[0], "-") {
		c.Usage()
	}
	if c.Args[0] == "" || !strings.HasPrefix("show", c.Args[0]) && !strings.HasPrefix("flush", c.Args[0]) {
		c.Die(1, "invalid argument '%s' to '%s'", c.Args[0], c.Name)
	}
	return 0
}

func brctl(c *prog.Ctx, _ options) int {
	switch c.Args[0] {
	case "addbr", "delbr":
		if len(c.Args) != 2 {
			c.Usage()
		}
		c.Die(1, "bridge %s: %v", c.Args[1], linux.EPERM)
	case "addif", "delif":
		if len(c.Args) != 3 {
			c.Usage()
		}
		c.Die(1, "bridge %s: %v", c.Args[1], linux.EPERM)
	}
	c.Die(1, "invalid argument '%s' to 'brctl'", c.Args[0])
	return 1
}

func ifUpDown(c *prog.Ctx, o options) int {
	if len(c.Args) == 0 && !o.has('a') {
		c.Usage()
	}
	path := "/etc/network/interfaces"
	if o.has('i') {
		path = o['i']
	}
	open(c, path, linux.O_RDONLY)
	for _, name := range c.Args {
		c.Die(1, "ignoring unknown interface %s", name)
	}
	return 0
}

// bootTools start and stop machines.
var bootTools = []tool{
	{"halt", "d:nfw", nil, 0, 0, shutdown},
	{"poweroff", "d:nfw", nil, 0, 0, shutdown},
	{"reboot", "d:nfw", nil, 0, 0, shutdown},
	{"init", "", nil, 0, -1, func(c *prog.Ctx, _ options) int {
		if c.Pid() != 1 {
			c.Die(1, "must be run as PID 1")
		}
		return bootInit(c)
	}},
	{"linuxrc", "+", nil, 0, -1, func(c *prog.Ctx, _ options) int { return bootInit(c) }},
	{"pivot_root", "+", nil, 2, 2, func(c *prog.Ctx, _ options) int {
		c.Die(1, "(null): %v", linux.EPERM)
		return 1
	}},
	{"switch_root", "+c:", nil, 2, -1, switchRoot},
	{"run-init", "+nc:d:", nil, 2, -1, switchRoot},
	{"sulogin", "t:", nil, 0, 1, func(c *prog.Ctx, _ options) int {
		c.Print("Give root password for system maintenance\n(or type Control-D for normal startup):")
		c.Out.Flush()
		if line, err := c.In.ReadString('\n'); err == nil && strings.TrimSpace(line) != "" {
			c.Print("\n")
			c.Warn("login incorrect")
			return 1
		}
		c.Print("\n")
		c.Warn("normal startup")
		return 0
	}},
	{"getty", "I:LH:f:hil:mt:wn", nil, 2, 3, func(c *prog.Ctx, _ options) int {
		for c.Sleep(10*time.Second) == nil { // it waits for a line that never comes
		}
		return 1
	}},
}

// shutdown asks init to stop the machine, or with -f the kernel. A container's first process
// takes the signal for no more than any other.
func shutdown(c *prog.Ctx, o options) int {
	if o.has('d') {
		number(c, o['d'])
	}
	if o.has('w') {
		return 0
	}
	if o.has('f') {
		c.Die(1, "(null): %v", linux.EPERM)
	}
	sig := map[string]linux.Signal{"halt": linux.SIGUSR1, "poweroff": linux.SIGUSR2, "reboot": linux.SIGTERM}[c.Program]
	if err := c.Kill(1, sig); err != nil {
		c.Die(1, "can't kill pid 1: %v", err)
	}
	return 0
}

// switchRoot moves to a new root, which has to be a mounted file system of its own. A container may
// mount none, so the usage says what is wrong.
func switchRoot(c *prog.Ctx, _ options) int {
	if err := c.Chdir(c.Args[0]); err != nil {
		c.Die(1, "can't change directory to '%s': %v", c.Args[0], err)
	}
	c.Usage()
	return 1
}

// bootInit is init as a container's first process: there is no inittab, so it runs rcS and then
// waits for somebody to press Enter.
func bootInit(c *prog.Ctx) int {
	if _, err := c.Stat("/etc/init.d/rcS"); err != nil {
		c.Print("can't run '/etc/init.d/rcS': ", err.Error(), "\n")
	}
	c.Print("\nPlease press Enter to activate this console. ")
	c.Out.Flush()
	for {
		line, err := c.In.ReadString('\n')
		if err != nil && line == "" {
			if c.Sleep(time.Second) != nil {
				return 1
			}
			continue
		}
		pid, err := c.Spawn("/bin/sh", []string{"-/bin/sh"}, c.Env(), nil)
		if err != nil {
			c.Print("can't run '/bin/sh': ", err.Error(), "\n")
			continue
		}
		c.Wait(pid, 0)
		c.Print("\nPlease press Enter to activate this console. ")
		c.Out.Flush()
	}
}
