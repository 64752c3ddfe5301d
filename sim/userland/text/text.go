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
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Programs are the programs of this package.
var Programs = []prog.Program{
	{Name: "grep", Families: prog.Any, Run: grep},
	{Name: "egrep", Families: prog.Any, Run: egrep},
	{Name: "fgrep", Families: prog.Any, Run: fgrep},
	{Name: "sed", Families: prog.Any, Run: sed},
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
	b, ok := r.(*bufio.Reader)
	if !ok {
		b = bufio.NewReaderSize(r, 32768)
	}
	return &lines{c, b, end}
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

// input opens a file, or standard input for "-".
func input(c *prog.Ctx, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(c.In), nil
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
