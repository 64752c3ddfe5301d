// Package toolchain holds the programs that make programs: the C compiler as GCC 12 drives it, and
// of binutils ar, ranlib, strip and ld's words when something is missing.
//
// The compiler is the lab's own (package c). Two kinds of sources become programs: small ones in
// the part of C that package c evaluates, and sources of the catalogue, which stand for a program
// of the lab and say so. Everything else is refused, by file and line.
//
// An object file is an ELF file that holds a unit as text; an archive is a real archive of such
// files; a linked program is an ELF executable with the note of package elfnote, so that a copy of
// it runs, in an image from scratch only if it was linked with -static, as in life.
package toolchain

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/dockerlab/dockerlab/sim/elfnote"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/toolchain/c"
)

// Programs are the compiler and what of binutils a build calls, and the program that any program
// of package c's is.
var Programs = []prog.Program{
	{Name: "ar", Families: prog.GNU, Run: ar},
	{Name: compiled, Families: prog.GNU, Run: runCompiled},
	{Name: "cc", Families: prog.GNU, Run: gcc},
	{Name: "g++", Families: prog.GNU, Run: gcc},
	{Name: "gcc", Families: prog.GNU, Run: gcc},
	{Name: "pkg-config", Families: prog.GNU, Run: pkgConfig},
	{Name: "pkgconf", Families: prog.GNU, Run: pkgConfig},
	{Name: "ranlib", Families: prog.GNU, Run: ranlib},
	{Name: "scanelf", Families: prog.Any, Run: scanelf},
	{Name: "strip", Families: prog.GNU, Run: strip},
}

// compiled is the name in the note of programs that the lab's compiler made.
const compiled = "a.out"

// object is what an object file holds.
type object struct {
	File    string   `json:"file"`
	Text    string   `json:"text,omitempty"`
	Stand   *c.Stand `json:"stand,omitempty"`
	Defines []string `json:"defines,omitempty"`
	Uses    []string `json:"uses,omitempty"`
}

// objectHead is the ELF header of a relocatable file without sections.
var objectHead = append([]byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x3e\x00\x01\x00\x00\x00"), make([]byte, 40)...)

func init() { objectHead[52], objectHead[58] = 64, 64 }

const objectMark = "dockerlab object\n"

func (o *object) encode() []byte {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return append(append(append([]byte{}, objectHead...), objectMark...), b...)
}

// readObject reads what encode wrote.
func readObject(b []byte) (*object, bool) {
	rest, ok := bytes.CutPrefix(b, append(append([]byte{}, objectHead...), objectMark...))
	if !ok {
		return nil, false
	}
	o := &object{}
	if i := bytes.IndexByte(rest, 0); i >= 0 {
		rest = rest[:i]
	}
	return o, json.Unmarshal(rest, o) == nil
}

// loader is what Linux loads a dynamically linked program with.
const loader = "/lib64/ld-linux-x86-64.so.2"

// codeAt is where in a compiled executable its text begins.
const codeAt = elfnote.HeadSize

// runCompiled is a program that the lab's compiler made: it reads itself.
func runCompiled(ctx *prog.Ctx) int {
	f, err := ctx.OpenFile("/proc/self/exe", linux.O_RDONLY, 0)
	if err != nil {
		f, err = ctx.OpenFile(ctx.Exe(), linux.O_RDONLY, 0)
	}
	if err != nil {
		ctx.Die(126, "cannot read the program: %v", err)
	}
	b := make([]byte, 1<<20)
	n, _ := f.ReadAt(b, codeAt)
	f.Close()
	p, err := c.Decode(b[:n])
	if err != nil {
		ctx.Die(126, "%v", err)
	}
	status, err := p.Run(ctx)
	if err != nil {
		ctx.Die(126, "%v", err)
	}
	return status
}

// writeZeros fills a file up to size bytes: the machine code that the lab does not have. Zeros are
// written, not skipped, so that they take room on the disk as code does; they take no memory.
func writeZeros(f *prog.File, have, size int64) error {
	zeros := make([]byte, 64<<10)
	for have < size {
		n, err := f.Write(zeros[:min(int64(len(zeros)), size-have)])
		if err != nil {
			return fmt.Errorf("writing a program: %w", err)
		}
		have += int64(n)
	}
	return nil
}
