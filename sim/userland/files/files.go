// Package files holds the programs that work on files as a whole: list, copy, move, remove, mark,
// count and find them.
package files

import "github.com/dockerlab/dockerlab/sim/userland/prog"

// Programs are the programs of this package.
var Programs = []prog.Program{
	{Name: "chgrp", Families: prog.Any, Run: chown},
	{Name: "chmod", Families: prog.Any, Run: chmod},
	{Name: "chown", Families: prog.Any, Run: chown},
	{Name: "cp", Families: prog.Any, Run: cp},
	{Name: "df", Families: prog.Any, Run: df},
	{Name: "dir", Families: prog.GNU, Run: runLs},
	{Name: "du", Families: prog.Any, Run: du},
	{Name: "install", Families: prog.Any, Run: install},
	{Name: "link", Families: prog.Any, Run: link},
	{Name: "ln", Families: prog.Any, Run: ln},
	{Name: "ls", Families: prog.Any, Run: runLs},
	{Name: "mkdir", Families: prog.Any, Run: mkdir},
	{Name: "mkfifo", Families: prog.Any, Run: mkfifo},
	{Name: "mknod", Families: prog.Any, Run: mknod},
	{Name: "mv", Families: prog.Any, Run: mv},
	{Name: "rm", Families: prog.Any, Run: rm},
	{Name: "rmdir", Families: prog.Any, Run: rmdir},
	{Name: "stat", Families: prog.Any, Run: stat},
	{Name: "touch", Families: prog.Any, Run: touch},
	{Name: "unlink", Families: prog.Any, Run: unlink},
	{Name: "vdir", Families: prog.GNU, Run: runLs},
}
