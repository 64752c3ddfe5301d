// Package system holds the programs that tell of the machine, of the user and of time, that run
// other programs, and those that look after processes.
package system

import "github.com/dockerlab/dockerlab/sim/userland/prog"

// Programs are the programs of this package.
var Programs = []prog.Program{
	{Name: "[", Families: prog.Any, Run: test},
	{Name: "[[", Families: prog.Busybox, Run: test},
	{Name: "arch", Families: prog.Any, Run: arch},
	{Name: "cal", Families: prog.Busybox, Run: cal},
	{Name: "chcon", Families: prog.GNU, Run: chcon},
	{Name: "clear", Families: prog.Any, Run: clearScreen},
	{Name: "crond", Families: prog.Busybox, Run: crond},
	{Name: "crontab", Families: prog.Busybox, Run: crontab},
	{Name: "cttyhack", Families: prog.Busybox, Run: cttyhack},
	{Name: "date", Families: prog.Any, Run: date},
	{Name: "dmesg", Families: prog.Any, Run: dmesg},
	{Name: "dnsdomainname", Families: prog.Any, Run: hostname},
	{Name: "domainname", Families: prog.GNU, Run: hostname},
	{Name: "dumb-init", Families: prog.Any, Run: dumbInit},
	{Name: "env", Families: prog.Any, Run: env},
	{Name: "expr", Families: prog.Any, Run: expr},
	{Name: "factor", Families: prog.Any, Run: factor},
	{Name: "fallocate", Families: prog.Any, Run: fallocate},
	{Name: "false", Families: prog.Any, Run: falsehood},
	{Name: "flock", Families: prog.Any, Run: flock},
	{Name: "free", Families: prog.Any, Run: free},
	{Name: "getopt", Families: prog.Any, Run: getoptProgram},
	{Name: "getconf", Families: prog.Any, Run: getconf},
	{Name: "groups", Families: prog.Any, Run: groups},
	{Name: "hello-world", Families: prog.GNU, Run: helloWorld},
	{Name: "hostid", Families: prog.Any, Run: hostid},
	{Name: "hostname", Families: prog.Any, Run: hostname},
	{Name: "id", Families: prog.Any, Run: id},
	{Name: "ionice", Families: prog.Any, Run: ionice},
	{Name: "kill", Families: prog.Any, Run: kill},
	{Name: "killall", Families: prog.Any, Run: killall},
	{Name: "last", Families: prog.Busybox, Run: last},
	{Name: "linux32", Families: prog.Any, Run: setarch},
	{Name: "linux64", Families: prog.Any, Run: setarch},
	{Name: "locale", Families: prog.GNU, Run: locale},
	{Name: "logger", Families: prog.Busybox, Run: logger},
	{Name: "logname", Families: prog.Any, Run: logname},
	{Name: "lscpu", Families: prog.GNU, Run: lscpu},
	{Name: "mount", Families: prog.Any, Run: mount},
	{Name: "mountpoint", Families: prog.Any, Run: mountpoint},
	{Name: "nice", Families: prog.Any, Run: nice},
	{Name: "nohup", Families: prog.Any, Run: nohup},
	{Name: "nproc", Families: prog.Any, Run: nproc},
	{Name: "nsenter", Families: prog.Any, Run: nsenter},
	{Name: "nuke", Families: prog.Busybox, Run: nuke},
	{Name: "pgrep", Families: prog.Any, Run: pgrep},
	{Name: "pidof", Families: prog.Any, Run: pidof},
	{Name: "pkill", Families: prog.Any, Run: pgrep},
	{Name: "printenv", Families: prog.Any, Run: printenv},
	{Name: "pinky", Families: prog.GNU, Run: pinky},
	{Name: "ps", Families: prog.Any, Run: ps},
	{Name: "renice", Families: prog.Any, Run: renice},
	{Name: "reset", Families: prog.Any, Run: clearScreen},
	{Name: "run-parts", Families: prog.Any, Run: runParts},
	{Name: "runcon", Families: prog.GNU, Run: runcon},
	{Name: "seq", Families: prog.Any, Run: seq},
	{Name: "service", Families: prog.GNU, Run: service},
	{Name: "setsid", Families: prog.Any, Run: setsid},
	{Name: "sleep", Families: prog.Any, Run: sleep},
	{Name: "start-stop-daemon", Families: prog.Any, Run: startStopDaemon},
	{Name: "stdbuf", Families: prog.GNU, Run: stdbuf},
	{Name: "stty", Families: prog.Any, Run: stty},
	{Name: "syslogd", Families: prog.Busybox, Run: syslogd},
	{Name: "telnetd", Families: prog.Busybox, Run: telnetd},
	{Name: "sysctl", Families: prog.Any, Run: sysctl},
	{Name: "systemctl", Families: prog.GNU, Run: systemctl},
	{Name: "test", Families: prog.Any, Run: test},
	{Name: "time", Families: prog.Busybox, Run: timeCommand},
	{Name: "timeout", Families: prog.Any, Run: timeout},
	{Name: "tini", Families: prog.Any, Run: tini},
	{Name: "top", Families: prog.Any, Run: top},
	{Name: "true", Families: prog.Any, Run: truth},
	{Name: "tty", Families: prog.Any, Run: tty},
	{Name: "umount", Families: prog.Any, Run: umount},
	{Name: "uname", Families: prog.Any, Run: uname},
	{Name: "unshare", Families: prog.Any, Run: unshare},
	{Name: "uptime", Families: prog.Any, Run: uptime},
	{Name: "usleep", Families: prog.Busybox, Run: usleep},
	{Name: "users", Families: prog.GNU, Run: users},
	{Name: "w", Families: prog.Any, Run: w},
	{Name: "watch", Families: prog.Any, Run: watch},
	{Name: "which", Families: prog.Any, Run: which},
	{Name: "which.debianutils", Families: prog.GNU, Run: which},
	{Name: "who", Families: prog.Any, Run: who},
	{Name: "whoami", Families: prog.Any, Run: whoami},
	{Name: "x86_64", Families: prog.GNU, Run: setarch},
	{Name: "yes", Families: prog.Any, Run: yes},
}

// missingOperand ends a program that was given too few operands.
func missingOperand(c *prog.Ctx) {
	if c.GNU() {
		c.Fail("missing operand")
	}
	c.Usage()
}

// noOperands ends a program that takes none and was given some.
func noOperands(c *prog.Ctx) {
	if len(c.Args) == 0 {
		return
	}
	if c.GNU() {
		c.Fail("extra operand %s", c.Quote(c.Args[0]))
	}
	c.Usage()
}
