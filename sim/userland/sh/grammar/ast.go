package grammar

// Node is a command: one of *Simple, *Pipeline, *AndOr, *List, *Redirected, *Subshell, *Group, *If,
// *While, *For, *ArithFor, *Select, *Case, *FuncDef, *Arith, *Cond, *Coproc.
type Node interface{ node() }

// Simple is assignments, words and redirections: "A=1 echo x >f".
type Simple struct {
	Line    int
	Assigns []*Assign
	Words   []*Word
	Redirs  []*Redir
}

// Pipeline is one command or several joined by "|", maybe negated or timed.
type Pipeline struct {
	Line      int
	Negate    bool
	Timed     bool // bash's time
	PosixTime bool // time -p
	Cmds      []Node
	// BothTo says of each command but the last whether it was joined by "|&".
	BothTo []bool
}

// AndOr is "Left && Right", or "Left || Right".
type AndOr struct {
	Left, Right Node
	Or          bool
}

// List is commands in sequence.
type List struct{ Items []Item }

// Item is a command of a List, maybe in the background.
type Item struct {
	Cmd        Node
	Background bool
}

// Redirected is a compound command with redirections.
type Redirected struct {
	Cmd    Node
	Redirs []*Redir
}

// Subshell is "( Body )".
type Subshell struct {
	Line int
	Body Node
}

// Group is "{ Body; }".
type Group struct{ Body Node }

// If is an if command; an elif is an If in Else.
type If struct{ Cond, Then, Else Node }

// While is a while or until loop.
type While struct {
	Until      bool
	Cond, Body Node
}

// For is "for Var in Words"; without "in" it walks "$@".
type For struct {
	Line  int
	Var   *Word
	In    bool
	Words []*Word
	Body  Node
}

// ArithFor is bash's "for ((Init; Cond; Post))". An absent part is nil.
type ArithFor struct {
	Line             int
	Init, Cond, Post *Word
	Body             Node
}

// Select is bash's select loop.
type Select For

// Case is a case command.
type Case struct {
	Line  int
	Word  *Word
	Items []CaseItem
}

// CaseItem is one clause; End is ";;", ";&" or ";;&".
type CaseItem struct {
	Patterns []*Word
	Body     Node // nil when empty
	End      string
}

// FuncDef defines a function.
type FuncDef struct {
	Line int
	Name string
	Body Node
	// Keyword says that it was written with bash's "function".
	Keyword bool
}

// Arith is bash's "((Expr))".
type Arith struct {
	Line int
	Expr *Word
}

// Cond is bash's "[[ Expr ]]".
type Cond struct {
	Line int
	Expr CondExpr
}

// Coproc is bash's coproc.
type Coproc struct {
	Line int
	Name string
	Body Node
}

func (*Simple) node()     {}
func (*Pipeline) node()   {}
func (*AndOr) node()      {}
func (*List) node()       {}
func (*Redirected) node() {}
func (*Subshell) node()   {}
func (*Group) node()      {}
func (*If) node()         {}
func (*While) node()      {}
func (*For) node()        {}
func (*ArithFor) node()   {}
func (*Select) node()     {}
func (*Case) node()       {}
func (*FuncDef) node()    {}
func (*Arith) node()      {}
func (*Cond) node()       {}
func (*Coproc) node()     {}

// CondExpr is an expression of [[ ]].
type CondExpr interface{ cond() }

type (
	// CondNot is "! X".
	CondNot struct{ X CondExpr }
	// CondLogic is "X && Y" or "X || Y".
	CondLogic struct {
		Or   bool
		X, Y CondExpr
	}
	// CondUnary is "-f X".
	CondUnary struct {
		Op string
		X  *Word
	}
	// CondBinary is "X == Y".
	CondBinary struct {
		Op   string
		X, Y *Word
	}
	// CondWord is a word alone: is it not empty?
	CondWord struct{ X *Word }
	// CondParen is "( X )".
	CondParen struct{ X CondExpr }
)

func (*CondNot) cond()    {}
func (*CondLogic) cond()  {}
func (*CondUnary) cond()  {}
func (*CondBinary) cond() {}
func (*CondWord) cond()   {}
func (*CondParen) cond()  {}

// Assign is "Name=Value", "Name+=Value", "Name[Index]=Value" or "Name=(Array)".
type Assign struct {
	Name    string
	Index   *Word  // nil for none
	IndexAs string // the index as it was written
	Append  bool
	Value   *Word // nil for an array
	Array   []ArrayElem
	IsArray bool
	Src     string // as it was written
}

// ArrayElem is one element of an array assignment.
type ArrayElem struct {
	Index   *Word // nil for the next one
	IndexAs string
	Append  bool
	Value   *Word
}

// Redir is a redirection.
type Redir struct {
	Line  int
	Fd    int    // -1: the operator's own
	Var   string // bash's {Var}>
	Op    string // < > >> >| <> <& >& << <<- <<< &> &>>
	Word  *Word  // the target; of a here-document its delimiter
	Here  *Word  // the document's text, to be expanded unless it was quoted
	Quote bool   // the delimiter was quoted
}

// Word is a word before expansion.
type Word struct {
	Line  int
	Parts []Part
	Src   string // as it was written
}

// Part is a piece of a word: *Lit, *Quoted, *Double, *Param, *CmdSubst, *ArithExp, *ProcSubst.
type Part interface{ part() }

type (
	// Lit is text outside of quotes.
	Lit struct{ Text string }
	// Quoted is text in '', in $'', or after a backslash.
	Quoted struct{ Text string }
	// Double is what stands in double quotes.
	Double struct{ Parts []Part }
	// Param is a parameter expansion.
	Param struct {
		Name     string // a name, a number, or one of @*#?-$!
		Braced   bool
		Length   bool  // ${#x}
		Indirect bool  // ${!x}
		Names    bool  // ${!x*} and ${!x@}: the names that begin with x
		Index    *Word // of ${x[Index]}; nil for none
		IndexAs  string
		// Op is "" or one of - :- = := ? :? + :+ # ## % %% / // /# /% : ^ ^^ , ,, ~ ~~ @
		Op   string
		Arg  *Word // of Op; nil where absent. Of @, its letter.
		Arg2 *Word // the replacement of /, the length of :
		Bad  bool  // not a substitution at all; said when it is expanded
		Src  string
	}
	// CmdSubst is $(...) or `...`.
	CmdSubst struct {
		Line int
		Body Node   // nil when empty
		Late string // bash parses backquotes when it runs them: their text
		Back bool
	}
	// ArithExp is $((...)), or bash's $[...].
	ArithExp struct {
		Expr *Word
	}
	// ProcSubst is <(...) or >(...); Op is '<' or '>'.
	ProcSubst struct {
		Line int
		Op   byte
		Body Node
	}
)

func (*Lit) part()       {}
func (*Quoted) part()    {}
func (*Double) part()    {}
func (*Param) part()     {}
func (*CmdSubst) part()  {}
func (*ArithExp) part()  {}
func (*ProcSubst) part() {}

// Literal is the word's text if it holds nothing but unquoted text.
func (w *Word) Literal() (string, bool) {
	switch len(w.Parts) {
	case 0:
		return "", false
	case 1:
		if l, ok := w.Parts[0].(*Lit); ok {
			return l.Text, true
		}
	}
	return "", false
}

// Static is the word's text after quote removal if nothing in it is to be expanded, and whether any
// of it was quoted.
func (w *Word) Static() (text string, quoted, ok bool) {
	text, quoted, ok = static(w.Parts)
	return
}

func static(parts []Part) (text string, quoted, ok bool) {
	for _, p := range parts {
		switch p := p.(type) {
		case *Lit:
			text += p.Text
		case *Quoted:
			text, quoted = text+p.Text, true
		case *Double:
			t, _, ok := static(p.Parts)
			if !ok {
				return "", false, false
			}
			text, quoted = text+t, true
		default:
			return "", false, false
		}
	}
	return text, quoted, true
}
