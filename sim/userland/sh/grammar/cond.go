package grammar

// condTok is the next token of [[ ]], inside of which newlines are blanks.
func (p *Parser) condTok() token {
	p.assignOK = false
	for {
		t := p.token()
		if t.kind == tEOF {
			p.fail(&Error{Fault: Unterminated, Token: "]]", Line: p.condStart, EOF: true})
		}
		if t.kind != tNewline {
			return t
		}
		p.drop()
	}
}

func (p *Parser) condFail(t token) {
	p.fail(&Error{Fault: CondExpected,
		Token: p.name(t), Line: t.line, Text: p.lineAt(t.start)})
}

func (p *Parser) condOr() CondExpr {
	p.enter()
	defer p.leave()
	x := p.condAnd()
	for isOp(p.condTok(), "||") {
		p.drop()
		x = &CondLogic{Or: true, X: x, Y: p.condAnd()}
	}
	return x
}

func (p *Parser) condAnd() CondExpr {
	x := p.condTerm()
	for isOp(p.condTok(), "&&") {
		p.drop()
		x = &CondLogic{X: x, Y: p.condTerm()}
	}
	return x
}

func (p *Parser) condTerm() CondExpr {
	p.enter()
	defer p.leave()
	t := p.condTok()
	switch {
	case isOp(t, "("):
		p.drop()
		x := p.condOr()
		if e := p.condTok(); !isOp(e, ")") {
			p.fail(&Error{Fault: CondExpected, Want: "unexpected token `" + p.name(e) + "', expected `)'",
				Token: p.name(e), Line: e.line, Text: p.lineAt(e.start)})
		}
		p.drop()
		return &CondParen{x}
	case isWord(t, "!"):
		p.drop()
		return &CondNot{p.condTerm()}
	case t.kind != tWord || isWord(t, "]]"):
		p.condFail(t)
	}
	p.drop()
	if text, ok := t.word.Literal(); ok && condUnary(text) {
		n := p.condTok()
		if n.kind == tWord && !isWord(n, "]]") {
			p.drop()
			return &CondUnary{Op: text, X: n.word}
		}
		if n.kind == tWord || n.kind == tOp && (n.op == "&&" || n.op == "||" || n.op == ")") {
			p.fail(&Error{Fault: CondExpected, Want: "unexpected argument `" + p.name(n) + "' to conditional unary operator",
				Token: p.name(n), Line: n.line, Text: p.lineAt(n.start)})
		}
	}
	n := p.condTok()
	op := ""
	switch n.kind {
	case tRedir:
		if n.op == "<" || n.op == ">" {
			op = n.op
		}
	case tOp:
		if n.op != "&&" && n.op != "||" && n.op != ")" {
			p.fail(&Error{Fault: CondExpected, Want: "unexpected token `" + p.name(n) + "', conditional binary operator expected",
				Token: p.name(n), Line: n.line, Text: p.lineAt(n.start)})
		}
	case tWord:
		switch text, _ := n.word.Literal(); text {
		case "=", "==", "!=", "=~", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef":
			op = text
		case "]]":
			return &CondWord{t.word}
		default:
			p.fail(&Error{Fault: CondExpected, Want: "conditional binary operator expected",
				Token: p.name(n), Line: n.line, Text: p.lineAt(n.start)})
		}
	}
	if op == "" {
		return &CondWord{t.word}
	}
	p.drop()
	var y *Word
	switch op {
	case "=~":
		for c := p.peek(); c == ' ' || c == '\t'; c = p.peek() {
			p.raw()
		}
		y = p.word(inRegex)
	case "=", "==", "!=":
		ext := p.Extglob
		p.Extglob = true
		v := p.condTok()
		p.Extglob = ext
		if v.kind != tWord || isWord(v, "]]") {
			p.condArg(v)
		}
		p.drop()
		y = v.word
	default:
		v := p.condTok()
		if v.kind != tWord || isWord(v, "]]") {
			p.condArg(v)
		}
		p.drop()
		y = v.word
	}
	return &CondBinary{Op: op, X: t.word, Y: y}
}

func (p *Parser) condArg(t token) {
	p.fail(&Error{Fault: CondExpected, Want: "unexpected argument `" + p.name(t) + "' to conditional binary operator",
		Token: p.name(t), Line: t.line, Text: p.lineAt(t.start)})
}

func condUnary(op string) bool {
	if len(op) != 2 || op[0] != '-' {
		return false
	}
	switch op[1] {
	case 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'k', 'p', 'r', 's', 't', 'u', 'w', 'x', 'G', 'L', 'N', 'O', 'S', 'n', 'z', 'o', 'v', 'R':
		return true
	}
	return false
}
