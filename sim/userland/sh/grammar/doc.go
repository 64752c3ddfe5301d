// Package grammar parses the three shell languages of the lab: busybox's ash, dash and bash.
//
// A Parser reads its input line by line and gives one complete command at a time, because that is
// how shells read: what stands before a syntax error has run when the error is found, an alias
// defined on one line is known on the next, and a script on standard input shares that input with
// the commands that it runs. Errors are values that know what each shell would say.
//
// The grammar is written here, and not taken from mvdan.cc/sh/syntax, for what a general parser
// does not tell: which token a given shell did not expect and which one it waited for; ash, which
// is neither POSIX nor bash ("[[" is a command, "<(" is not); aliases, which change the tokens; and
// text that is only parsed when it is run (arithmetic, backquotes in bash). mvdan's parser stands
// beside it in the tests, as a second opinion on what is a script and what is not.
//
// Untrusted scripts are expected: nesting is bounded (MaxDepth), so is the text of one command
// (MaxCommand), and no input makes the parser panic.
package grammar

// Lang is a shell language.
type Lang uint8

const (
	Ash  Lang = iota // busybox 1.35
	Dash             // dash 0.5.12
	Bash             // bash 5.2
)

// Bounds on one command. Deeper or longer scripts fail with a syntax error.
const (
	MaxDepth   = 400     // levels of nesting: compound commands, substitutions, quotes
	MaxCommand = 4 << 20 // bytes
)
