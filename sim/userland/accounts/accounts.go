// Package accounts holds the programs that make and unmake users and groups, change passwords, and
// run programs as somebody else.
//
// GNU stands here for Debian's passwd (shadow 4.13), adduser 3.134 and util-linux; the Busybox
// family for the applets that Alpine's build has.
package accounts

import "github.com/dockerlab/dockerlab/sim/userland/prog"

// Programs are the programs of this package.
var Programs = []prog.Program{
	{Name: "addgroup", Families: prog.Any, Run: addgroup},
	{Name: "adduser", Families: prog.Any, Run: adduser},
	{Name: "chage", Families: prog.GNU, Run: chage},
	{Name: "chfn", Families: prog.GNU, Run: chsh},
	{Name: "chgpasswd", Families: prog.GNU, Run: chgpasswd},
	{Name: "chpasswd", Families: prog.Any, Run: chpasswd},
	{Name: "chsh", Families: prog.GNU, Run: chsh},
	{Name: "delgroup", Families: prog.Any, Run: deluser},
	{Name: "deluser", Families: prog.Any, Run: deluser},
	{Name: "getent", Families: prog.Any, Run: getent},
	{Name: "gosu", Families: prog.Any, Run: gosu},
	{Name: "gpasswd", Families: prog.GNU, Run: gpasswd},
	{Name: "groupadd", Families: prog.GNU, Run: groupadd},
	{Name: "groupdel", Families: prog.GNU, Run: groupdel},
	{Name: "groupmod", Families: prog.GNU, Run: groupmod},
	{Name: "grpconv", Families: prog.GNU, Run: pwconv},
	{Name: "newusers", Families: prog.GNU, Run: newusers},
	{Name: "nologin", Families: prog.Any, Run: nologin},
	{Name: "passwd", Families: prog.Any, Run: passwd},
	{Name: "pwconv", Families: prog.GNU, Run: pwconv},
	{Name: "runuser", Families: prog.GNU, Run: su},
	{Name: "setpriv", Families: prog.GNU, Run: setpriv},
	{Name: "su", Families: prog.Any, Run: su},
	{Name: "su-exec", Families: prog.Any, Run: gosu},
	{Name: "useradd", Families: prog.GNU, Run: useradd},
	{Name: "userdel", Families: prog.GNU, Run: userdel},
	{Name: "usermod", Families: prog.GNU, Run: usermod},
}
