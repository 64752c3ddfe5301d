package grammar

import "fmt"

// Fault says what kind of syntax error it is.
type Fault uint8

const (
	Unexpected    Fault = iota // a token that cannot stand there
	Unterminated               // a quote, bracket or substitution without its end
	BadForName                 // for 1 in
	BadFuncName                // 1f() {
	CondExpected               // [[ a b ]]
	ArithExpected              // for ((a)) do
	TooDeep                    // beyond MaxDepth
	TooLong                    // beyond MaxCommand
)

// Error is a syntax error.
type Error struct {
	Lang  Lang
	Line  int // where the shell says that it is
	Fault Fault
	// Token is the unexpected token, as the shell writes it: quoted, or "newline", "end of file".
	// Of an Unterminated fault it is what was waited for.
	Token string
	EOF   bool   // the input ended
	Want  string // what would have been right, in the words of ash and dash; or ""
	Text  string // the line of the script, which bash shows
}

// Error is the first line of what the shell says, without the prefix that names the script.
func (e *Error) Error() string { return e.Lines()[0] }

// Lines is all that the shell says.
func (e *Error) Lines() []string {
	switch e.Fault {
	case TooDeep:
		return []string{e.prefix() + fmt.Sprintf("nested deeper than %d levels", MaxDepth)}
	case TooLong:
		return []string{e.prefix() + fmt.Sprintf("a command of more than %d bytes", MaxCommand)}
	}
	switch e.Lang {
	case Bash:
		return e.bash()
	case Dash:
		return []string{e.prefix() + e.dash()}
	}
	return []string{e.prefix() + e.ash()}
}

func (e *Error) prefix() string {
	if e.Lang == Dash {
		return "Syntax error: "
	}
	return "syntax error: "
}

func (e *Error) expecting() string {
	if e.Want == "" {
		return ""
	}
	return " (expecting " + e.Want + ")"
}

func (e *Error) ash() string {
	switch e.Fault {
	case Unterminated:
		switch e.Token {
		case "`":
			return "EOF in backquote substitution"
		case "}":
			return "missing '}'"
		case "))":
			return "missing '))'"
		}
		return "unterminated quoted string"
	case BadForName:
		return "bad for loop variable"
	case BadFuncName:
		return "bad function name"
	}
	return "unexpected " + e.Token + e.expecting()
}

func (e *Error) dash() string {
	switch e.Fault {
	case Unterminated:
		switch e.Token {
		case "`":
			return "EOF in backquote substitution"
		case "}":
			return "Missing '}'"
		case "))":
			return "Missing '))'"
		}
		return "Unterminated quoted string"
	case BadForName:
		return "Bad for loop variable"
	case BadFuncName:
		return "Bad function name"
	}
	return e.Token + " unexpected" + e.expecting()
}

func (e *Error) bash() []string {
	switch e.Fault {
	case Unterminated:
		switch e.Token {
		case "]]":
			return []string{"unexpected EOF while looking for `]]'"}
		case "))":
			return []string{"unexpected EOF while looking for matching `)'"}
		}
		return []string{"unexpected EOF while looking for matching `" + e.Token + "'"}
	case CondExpected:
		if e.Want == "" {
			return nil
		}
		return []string{e.Want}
	case ArithExpected:
		return []string{"syntax error: arithmetic expression required", "syntax error: `" + e.Token + "'"}
	}
	if e.EOF {
		return []string{"syntax error: unexpected end of file"}
	}
	return []string{"syntax error near unexpected token `" + e.Token + "'", "`" + e.Text + "'"}
}
