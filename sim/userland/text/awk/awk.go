// Package awk is the AWK language, as mawk 1.3.4 and Busybox 1.35 have it: whole POSIX awk, with
// the numbers, orders and error words in which the two differ.
//
// Parse makes a Program of a source; Program.Run carries it out over a Host, which is everything
// that a program can touch: its streams, files, commands and variables of the environment, and
// a count of its steps. Texts are bytes, as in the C locale.
package awk

import (
	"fmt"
	"io"
)

// Dialect is whose awk it is.
type Dialect uint8

const (
	Mawk Dialect = iota
	Busybox
)

// Host is what a program runs on.
type Host interface {
	// Step is told of n elementary steps; it does not return when there were too many.
	Step(n int)
	// OpenRead opens a file for getline and as input; "-" is standard input.
	OpenRead(name string) (io.ReadCloser, error)
	// OpenWrite opens a file for print.
	OpenWrite(name string, add bool) (io.WriteCloser, error)
	// Command starts a command for getline (its output) or print (its input). Close waits for it
	// and gives its status as awk's close has it.
	Command(line string, write bool) (Pipe, error)
	// System runs a command and gives its status.
	System(line string) float64
	// Stdout is standard output, Flush sends out what it holds back.
	Stdout() io.Writer
	Flush()
	Stderr() io.Writer
	Environ() []string
	// Time is seconds since 1970, Strftime formats them.
	Time() int64
	Strftime(format string, t int64, utc bool) string
}

// Pipe is one end of a command's stream.
type Pipe interface {
	io.ReadWriteCloser
	Status() float64 // valid after Close
}

// Error is an error in a program, found by Parse or while it runs. Its text is what the real
// program writes after its name, and Code its exit code.
type Error struct {
	Text string
	Code int
}

func (e *Error) Error() string { return e.Text }

// exit is what unwinds the interpreter: exit, next and the like travel as panics inside Run only.
type (
	exitPanic struct{ code int }
	nextPanic struct{ file bool }
)

// Config is what Run needs beside the program.
type Config struct {
	Host   Host
	Name   string   // ARGV[0], and how messages begin
	Assign []string // of -v, "name=value"
	FS     *string  // of -F
	Args   []string // files and assignments
	// Report is told of an error that ends the program, before what mawk's streams hold back is
	// written, and after what Busybox's do.
	Report func(*Error)
}

func failure(code int, format string, args ...any) *Error {
	return &Error{fmt.Sprintf(format, args...), code}
}
