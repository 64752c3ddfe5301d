// Package c is a small part of the language C: enough for the programs of a first lesson.
//
// What a compiler of the lab is given is read as C is, preprocessor and all, and becomes a Unit: the
// text that is left, checked. A program made of units does not become machine code; Program.Run
// evaluates it.
//
//	source ── Preprocess ── tokens ── Parse ── Unit ─┐
//	                                          Unit ──┴─ Link ── Program ── Run
//
// There are int, char, long and their unsigned forms, double, pointers and arrays, functions, all
// statements but goto, and the functions of the C library that Library lists. There are no structs,
// unions, enums, typedefs, bit-fields, function pointers or variadic functions. What is missing is
// refused when it is compiled, by place and name: nothing is skipped, and nothing is guessed.
//
// A source of the catalogue stands for a program of the lab. It says so itself:
//
//	#pragma lab program redis-server 5580000 3.2.5
//
// names the program, how large the linked file is, in bytes, and its version; the rest of such a source is comment.
package c

import (
	"fmt"
	"strings"
)

// Error is what the compiler says of a place in a source.
type Error struct {
	File      string
	Line, Col int    // from 1
	Kind      string // "error", "fatal error", "sorry, unimplemented"
	Text      string
	Width     int    // how much of the line is meant, in bytes; at least 1
	Source    string // the line
	Func      string // the function that it is in, "" outside
}

// Error is the message as GCC writes it, with the line and a mark below.
func (e *Error) Error() string {
	head := fmt.Sprintf("%s:%d:%d: %s: %s", e.File, e.Line, e.Col, e.Kind, e.Text)
	if e.Func != "" {
		head = fmt.Sprintf("%s: In function '%s':\n%s", e.File, e.Func, head)
	}
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s: %s", e.File, e.Kind, e.Text)
	}
	mark := ""
	for i := 0; i < e.Col-1 && i < len(e.Source); i++ {
		if e.Source[i] == '\t' {
			mark += "\t"
		} else {
			mark += " "
		}
	}
	mark += "^"
	for range e.Width - 1 {
		mark += "~"
	}
	text := fmt.Sprintf("%s\n%5d | %s\n      | %s", head, e.Line, e.Source, mark)
	if strings.HasSuffix(e.Text, "(first use in this function)") {
		text += fmt.Sprintf("\n%s:%d:%d: note: each undeclared identifier is reported only once for each function it appears in", e.File, e.Line, e.Col)
	}
	return text
}
