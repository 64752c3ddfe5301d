package awk

import "github.com/dockerlab/dockerlab/sim/posixre"

// The tree of a program. Names are resolved to slots by the parser: globals in one table, a
// function's parameters in its frame.

type expr interface{}

type (
	numberLit struct{ v value }
	stringLit struct{ v value }
	regexLit  struct{ re *posixre.Regexp } // alone: whether $0 matches
	// variable is a scalar, or the name of an array where one is wanted.
	variable struct {
		name  string
		index int
		local bool
	}
	field   struct{ n expr }
	element struct {
		array *variable
		index []expr
	}
	inArray struct {
		index []expr
		array *variable
	}
	unary struct {
		op byte // ! - +
		x  expr
	}
	binary struct {
		op   string
		l, r expr
	}
	logical struct {
		or   bool
		l, r expr
	}
	conditional struct{ c, a, b expr }
	assign      struct {
		op string // "=", "+", ...
		l  expr
		r  expr
	}
	increment struct {
		x      expr
		delta  float64
		prefix bool
	}
	match struct {
		not  bool
		l, r expr
	}
	call struct {
		name string
		fn   *function
		args []expr
		line int
	}
	builtin struct {
		name string
		args []expr
		line int
	}
	// getline reads into target (nil: $0) from a command, a file, or the input.
	getline struct {
		target expr
		cmd    expr
		file   expr
	}
	group struct{ x expr } // in parentheses
)

type stmt interface{}

type (
	exprStmt  struct{ x expr }
	printStmt struct {
		args   []expr
		format bool
		mode   string // "", ">", ">>" or "|"
		to     expr
	}
	ifStmt struct {
		cond    expr
		yes, no []stmt
	}
	whileStmt struct {
		cond expr
		body []stmt
		post bool // do ... while
	}
	forStmt struct {
		init stmt
		cond expr
		step stmt
		body []stmt
	}
	forInStmt struct {
		v     expr
		array *variable
		body  []stmt
	}
	breakStmt    struct{}
	continueStmt struct{}
	nextStmt     struct{ file bool }
	exitStmt     struct{ code expr }
	returnStmt   struct{ x expr }
	deleteStmt   struct {
		array *variable
		index []expr
	}
	blockStmt struct{ body []stmt }
)

type function struct {
	name    string
	params  []string
	body    []stmt
	defined bool
	line    int
}

type rule struct {
	pattern, end expr // end of a range
	body         []stmt
	noBody       bool
	in           bool // a range is open
}

// Program is a parsed program. It keeps state while it runs, so it runs once at a time.
type Program struct {
	dialect Dialect
	begin   [][]stmt
	end     [][]stmt
	rules   []*rule
	funcs   map[string]*function
	globals map[string]int
	names   []string
}
