// Package text holds the programs that read, search, change and compare text: cat, grep, sed, awk,
// sort, diff and their kind, in GNU's and Busybox's ways.
//
// Each program is one function of a prog.Ctx; small ones share a file by what they do. The
// languages stand apart: sed.go, and the package awk below this one.
package text

import (
	"bufio"
	"io"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/posixre"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Programs are the programs of this package.
var Programs = []prog.Program{
	{Name: "grep", Families: prog.Any, Run: grep},
	{Name: "egrep", Families: prog.Any, Run: egrep},
	{Name: "fgrep", Families: prog.Any, Run: fgrep},
	{Name: "rgrep", Families: prog.GNU, Run: rgrep},
	{Name: "sed", Families: prog.Any, Run: sed},
	{Name: "cat", Families: prog.Any, Run: cat},
	{Name: "tac", Families: prog.Any, Run: tac},
	{Name: "rev", Families: prog.Any, Run: rev},
	{Name: "head", Families: prog.Any, Run: head},
	{Name: "tail", Families: prog.Any, Run: tail},
	{Name: "wc", Families: prog.Any, Run: wc},
	{Name: "numfmt", Families: prog.GNU, Run: numfmt},
	{Name: "nl", Families: prog.Any, Run: nl},
	{Name: "cut", Families: prog.Any, Run: cut},
	{Name: "paste", Families: prog.Any, Run: paste},
	{Name: "uniq", Families: prog.Any, Run: uniq},
	{Name: "comm", Families: prog.Any, Run: comm},
	{Name: "tr", Families: prog.Any, Run: tr},
	{Name: "sort", Families: prog.Any, Run: sortProgram},
	{Name: "fold", Families: prog.Any, Run: fold},
	{Name: "expand", Families: prog.Any, Run: expand},
	{Name: "unexpand", Families: prog.Any, Run: unexpand},
	{Name: "fmt", Families: prog.GNU, Run: fmtProgram},
	{Name: "tee", Families: prog.Any, Run: tee},
	{Name: "diff", Families: prog.Any, Run: diffProgram},
	{Name: "join", Families: prog.GNU, Run: join},
	{Name: "tsort", Families: prog.Any, Run: tsort},
	{Name: "patch", Families: prog.Any, Run: patch},
	{Name: "dos2unix", Families: prog.Any, Run: lineEnds},
	{Name: "unix2dos", Families: prog.Any, Run: lineEnds},
	{Name: "shuf", Families: prog.Any, Run: shuf},
	{Name: "factor", Families: prog.Any, Run: factor},
	{Name: "more", Families: prog.Any, Run: pager},
	{Name: "less", Families: prog.Any, Run: pager},
	{Name: "sdiff", Families: prog.GNU, Run: sdiff},
	{Name: "cmp", Families: prog.Any, Run: cmpProgram},
	{Name: "md5sum", Families: prog.Any, Run: digest},
	{Name: "sha1sum", Families: prog.Any, Run: digest},
	{Name: "sha224sum", Families: prog.GNU, Run: digest},
	{Name: "sha256sum", Families: prog.Any, Run: digest},
	{Name: "sha384sum", Families: prog.GNU, Run: digest},
	{Name: "sha512sum", Families: prog.Any, Run: digest},
	{Name: "b2sum", Families: prog.GNU, Run: digest},
	{Name: "cksum", Families: prog.Any, Run: cksum},
	{Name: "sum", Families: prog.Any, Run: sum},
	{Name: "base64", Families: prog.Any, Run: base64Program},
	{Name: "base32", Families: prog.Any, Run: base32Program},
	{Name: "basenc", Families: prog.GNU, Run: basenc},
	{Name: "csplit", Families: prog.GNU, Run: csplit},
	{Name: "od", Families: prog.Any, Run: od},
	{Name: "hexdump", Families: prog.Any, Run: hexdump},
	{Name: "hd", Families: prog.Any, Run: hexdump},
	{Name: "xxd", Families: prog.Any, Run: xxd},
	{Name: "strings", Families: prog.Any, Run: stringsProgram},
	{Name: "jq", Families: prog.Any, Run: jqProgram},
	{Name: "awk", Families: prog.Any, Run: awkProgram},
	{Name: "mawk", Families: prog.GNU, Run: awkProgram},
	{Name: "xargs", Families: prog.Any, Run: xargs},
	{Name: "echo", Families: prog.Any, Run: echo},
	{Name: "printf", Families: prog.Any, Run: printf},
	{Name: "split", Families: prog.Any, Run: split},
	{Name: "ascii", Families: prog.Busybox, Run: ascii},
	{Name: "crc32", Families: prog.Busybox, Run: crc32Program},
	{Name: "sha3sum", Families: prog.Busybox, Run: sha3sum},
	{Name: "ts", Families: prog.Busybox, Run: ts},
	{Name: "uudecode", Families: prog.Busybox, Run: uudecode},
	{Name: "uuencode", Families: prog.Busybox, Run: uuencode},
}

// maxLine bounds a line held in memory, in bytes.
const maxLine = 32 << 20

// lines reads a stream line by line.
type lines struct {
	c   *prog.Ctx
	r   *bufio.Reader
	end byte
}

func newLines(c *prog.Ctx, r io.Reader, end byte) *lines {
	switch r := r.(type) {
	case *bufio.Reader:
		return &lines{c, r, end}
	case stdin:
		return &lines{c, r.Reader, end}
	}
	return &lines{c, bufio.NewReaderSize(r, 32768), end}
}

// next gives the next line with its end, which only the last may lack. At the end it gives io.EOF
// and nothing. A line that is too long fails with ENOMEM.
func (l *lines) next() ([]byte, error) {
	var line []byte
	for {
		part, err := l.r.ReadSlice(l.end)
		l.c.Step(1 + len(part)>>6)
		line = append(line, part...)
		switch {
		case err == bufio.ErrBufferFull:
			if len(line) > maxLine {
				return nil, linux.ENOMEM
			}
			continue
		case err == io.EOF && len(line) > 0:
			return line, nil
		}
		return line, err
	}
}

// chomp takes the end off a line.
func (l *lines) chomp(line []byte) (text []byte, ended bool) {
	if n := len(line); n > 0 && line[n-1] == l.end {
		return line[:n-1], true
	}
	return line, false
}

// stdin is standard input as something to close.
type stdin struct{ *bufio.Reader }

func (stdin) Close() error { return nil }

// input opens a file, or standard input for "-".
func input(c *prog.Ctx, name string) (io.ReadCloser, error) {
	if name == "-" {
		return stdin{c.In}, nil
	}
	return c.OpenInput(name)
}

// orStdin is the operands, or "-" if there are none.
func orStdin(args []string) []string {
	if len(args) == 0 {
		return []string{"-"}
	}
	return args
}

// stepper is what a regular expression tells of its steps.
func stepper(c *prog.Ctx) func(int) { return func(n int) { c.Step(n) } }

// readLimited reads all of r, at most maxLine bytes.
func readLimited(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxLine+1))
	if err == nil && len(b) > maxLine {
		err = linux.ENOMEM
	}
	return b, err
}

// compileBasic compiles a basic regular expression as GNU's older interface takes it.
func compileBasic(p string) (*posixre.Regexp, error) { return posixre.Compile(p, 0) }
