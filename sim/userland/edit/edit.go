// Package edit holds the lab's editor: one text buffer and one screen, with the keys of vi or
// those of nano.
//
//	screen.go   the terminal: raw mode, keys in, differences out
//	buffer.go   lines of text, a cursor, undo
//	vi.go       vi, vim and Busybox's vi
//	nano.go     nano
//	ed.go       Busybox's ed, which knows neither
package edit

import "github.com/dockerlab/dockerlab/sim/userland/prog"

// Programs are the programs of this package.
var Programs = []prog.Program{
	{Name: "ed", Families: prog.Busybox, Run: ed},
	{Name: "editor", Families: prog.GNU, Run: nano},
	{Name: "nano", Families: prog.Any, Run: nano},
	{Name: "pico", Families: prog.GNU, Run: nano},
	{Name: "vi", Families: prog.Any, Run: vi},
	{Name: "view", Families: prog.GNU, Run: vi},
	{Name: "vim", Families: prog.Any, Run: vi},
	{Name: "vim.tiny", Families: prog.GNU, Run: vi},
}
