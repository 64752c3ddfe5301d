// Package files holds the programs that work on files as a whole: list, copy, move, remove, mark,
// count and find them.
package files

import "github.com/dockerlab/dockerlab/sim/userland/prog"

// Programs are the programs of this package.
var Programs = []prog.Program{
	{Name: "cp", Families: prog.Any, Run: cp},
	{Name: "dir", Families: prog.GNU, Run: runLs},
	{Name: "install", Families: prog.Any, Run: install},
	{Name: "ls", Families: prog.Any, Run: runLs},
	{Name: "mv", Families: prog.Any, Run: mv},
	{Name: "rm", Families: prog.Any, Run: rm},
	{Name: "rmdir", Families: prog.Any, Run: rmdir},
	{Name: "unlink", Families: prog.Any, Run: unlink},
	{Name: "vdir", Families: prog.GNU, Run: runLs},
}
