// Package files holds the programs that work on files as a whole: list, copy, move, remove, mark,
// count and find them.
package files

import "github.com/dockerlab/dockerlab/sim/userland/prog"

// Programs are the programs of this package.
var Programs = []prog.Program{
	{Name: "basename", Families: prog.Any, Run: basename},
	{Name: "chgrp", Families: prog.Any, Run: chown},
	{Name: "chmod", Families: prog.Any, Run: chmod},
	{Name: "chown", Families: prog.Any, Run: chown},
	{Name: "chroot", Families: prog.Any, Run: chroot},
	{Name: "cp", Families: prog.Any, Run: cp},
	{Name: "dd", Families: prog.Any, Run: dd},
	{Name: "df", Families: prog.Any, Run: df},
	{Name: "dir", Families: prog.GNU, Run: runLs},
	{Name: "dirname", Families: prog.Any, Run: dirname},
	{Name: "du", Families: prog.Any, Run: du},
	{Name: "find", Families: prog.Any, Run: find},
	{Name: "install", Families: prog.Any, Run: install},
	{Name: "link", Families: prog.Any, Run: link},
	{Name: "ln", Families: prog.Any, Run: ln},
	{Name: "ls", Families: prog.Any, Run: runLs},
	{Name: "mkdir", Families: prog.Any, Run: mkdir},
	{Name: "mkfifo", Families: prog.Any, Run: mkfifo},
	{Name: "mknod", Families: prog.Any, Run: mknod},
	{Name: "mktemp", Families: prog.Any, Run: mktemp},
	{Name: "mv", Families: prog.Any, Run: mv},
	{Name: "pathchk", Families: prog.GNU, Run: pathchk},
	{Name: "pwd", Families: prog.Any, Run: pwd},
	{Name: "readlink", Families: prog.Any, Run: readlink},
	{Name: "realpath", Families: prog.Any, Run: realpath},
	{Name: "rm", Families: prog.Any, Run: rm},
	{Name: "rmdir", Families: prog.Any, Run: rmdir},
	{Name: "shred", Families: prog.Any, Run: shred},
	{Name: "stat", Families: prog.Any, Run: stat},
	{Name: "sync", Families: prog.Any, Run: syncFS},
	{Name: "touch", Families: prog.Any, Run: touch},
	{Name: "tree", Families: prog.GNU, Run: tree},
	{Name: "truncate", Families: prog.Any, Run: truncate},
	{Name: "unlink", Families: prog.Any, Run: unlink},
	{Name: "vdir", Families: prog.GNU, Run: runLs},
}
