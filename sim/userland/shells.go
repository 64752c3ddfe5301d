package userland

import (
	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/sh"
)

// shells are the programs of sim/userland/sh by the names that they have. What /bin/sh is, its
// link decides: dash in Debian, Busybox in alpine.
var shells = []Entry{
	shell("bash", prog.Any, sh.Bash),
	shell("rbash", prog.GNU, sh.Bash),
	shell("dash", prog.Any, sh.Dash),
	shell("sh", prog.GNU, sh.Dash),
	shell("sh", prog.Busybox, sh.Ash),
	shell("ash", prog.Busybox, sh.Ash),
}

func shell(name string, f prog.Family, d sh.Dialect) Entry {
	return Entry{Name: name, Families: f, Main: func(prog.Family) kernel.Program { return sh.Program(d) }}
}
