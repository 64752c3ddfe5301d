package grammar

import (
	"io"
	"strings"
)

// reserved says whether text is a reserved word of the language.
func reserved(lang Lang, text string) bool {
	switch text {
	case "!", "{", "}", "case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in", "then", "until", "while":
		return true
	case "function":
		return lang != Dash
	case "[[", "select", "time", "coproc":
		return lang == Bash
	}
	return false
}

// Reserved says whether a word is reserved in the language.
func Reserved(lang Lang, word string) bool { return reserved(lang, word) }

// Next reads one complete command: a list up to the end of a line. It gives nil for an empty line,
// io.EOF at the end of the input, and an *Error for what is no command; Discard then makes the
// parser ready for more.
func (p *Parser) Next() (cmd Node, err error) {
	if f := &p.frames[0]; len(p.frames) == 1 {
		p.buf = append(p.buf[:0], p.buf[f.pos:]...)
		f.pos = 0
	}
	p.rec, p.size, p.depth, p.again = p.rec[:0], len(p.buf), 0, 0
	defer func() {
		switch b := recover().(type) {
		case nil:
		case bail:
			cmd, err = nil, b.err
		default:
			panic(b)
		}
	}()
	return p.top()
}

// Source is the text of the command that Next gave last, aliases replaced.
func (p *Parser) Source() string { return string(p.rec) }

// Pending says whether part of a command has been read: the prompt is then the second one.
func (p *Parser) Pending() bool { return len(strings.TrimSpace(string(p.rec))) > 0 || len(p.here) > 0 }

// Rest is what was read from the input and not yet parsed.
func (p *Parser) Rest() string { return string(p.buf[min(p.frames[0].pos, len(p.buf)):]) }

// Discard drops what has been read, after an error or an interrupt.
func (p *Parser) Discard() {
	p.buf, p.rec, p.here, p.hasTok, p.depth = p.buf[:0], p.rec[:0], nil, false, 0
	p.frames = append(p.frames[:0], frame{base: true})
}

func (p *Parser) top() (Node, error) {
	t := p.command()
	switch t.kind {
	case tEOF:
		return nil, io.EOF
	case tNewline:
		p.drop()
		return nil, nil
	}
	return p.list(listLine), nil
}

// all reads the whole input as one list.
func (p *Parser) all() Node {
	n := p.list(listOptional)
	if t := p.token(); t.kind != tEOF {
		p.unexpected(t, "")
	}
	return n
}

type listKind uint8

const (
	listLine     listKind = iota // ends with its line
	listBody                     // of a compound command: at least one command
	listOptional                 // of a substitution or case clause: may be empty
)

// list reads commands up to what cannot begin one, which it leaves unread.
func (p *Parser) list(k listKind) Node {
	p.enter()
	defer p.leave()
	l := &List{}
	for first := true; ; first = false {
		t := p.command()
		if k != listLine {
			for t.kind == tNewline {
				p.drop()
				t = p.command()
			}
		}
		if t.kind == tNewline || t.kind == tEOF {
			if t.kind == tNewline {
				p.drop()
			}
			break
		}
		if (!first || k == listOptional) && p.ends(t) && k != listLine {
			break
		}
		n := p.andOr()
		item := Item{Cmd: n}
		t = p.token()
		sep := t.kind == tOp && (t.op == ";" || t.op == "&")
		if sep {
			p.drop()
			item.Background = t.op == "&"
		}
		l.Items = append(l.Items, item)
		if !sep && t.kind != tNewline {
			if t.kind == tEOF {
				if len(p.here) > 0 {
					p.readHere()
				}
				break
			}
			if k == listLine {
				p.unexpected(t, "")
			}
			break
		}
	}
	if len(l.Items) == 0 {
		return nil
	}
	if len(l.Items) == 1 && !l.Items[0].Background {
		return l.Items[0].Cmd
	}
	return l
}

// ends says whether a token closes a list.
func (p *Parser) ends(t token) bool {
	switch t.kind {
	case tEOF:
		return true
	case tOp:
		switch t.op {
		case ")", ";;", ";&", ";;&":
			return true
		}
	case tWord:
		switch text, _ := t.word.Literal(); text {
		case "fi", "done", "esac", "then", "else", "elif", "do", "}":
			return true
		}
	}
	return false
}

func isOp(t token, op string) bool { return t.kind == tOp && t.op == op }

func isWord(t token, text string) bool {
	if t.kind != tWord {
		return false
	}
	s, ok := t.word.Literal()
	return ok && s == text
}

// newlines skips empty lines and gives the token behind them, where a command may begin.
func (p *Parser) newlines() token {
	for {
		t := p.command()
		if t.kind != tNewline {
			return t
		}
		p.drop()
	}
}

func (p *Parser) andOr() Node {
	n := p.pipeline()
	for {
		t := p.token()
		if !isOp(t, "&&") && !isOp(t, "||") {
			return n
		}
		p.drop()
		p.newlines()
		n = &AndOr{Left: n, Or: t.op == "||", Right: p.pipeline()}
	}
}

func (p *Parser) pipeline() Node {
	pl := &Pipeline{Line: p.Line}
	bash := p.Lang == Bash
	special := false
	for {
		t := p.command()
		pl.Line = t.line
		if isWord(t, "!") && (bash || !special) {
			p.drop()
			pl.Negate = !pl.Negate
			special = true
			continue
		}
		if bash && isWord(t, "time") && !pl.Timed {
			p.drop()
			pl.Timed, special = true, true
			if t := p.token(); isWord(t, "-p") {
				p.drop()
				pl.PosixTime = true
			}
			if t := p.token(); isWord(t, "--") {
				p.drop()
			}
			continue
		}
		if bash && special && (t.kind == tNewline || t.kind == tEOF || isOp(t, ";") || isOp(t, "&") || isOp(t, ")")) {
			return pl // "!" and "time" alone
		}
		break
	}
	for {
		pl.Cmds = append(pl.Cmds, p.cmd())
		t := p.token()
		if !isOp(t, "|") && !isOp(t, "|&") {
			break
		}
		p.drop()
		pl.BothTo = append(pl.BothTo, t.op == "|&")
		p.newlines()
	}
	if len(pl.Cmds) == 1 && !special {
		return pl.Cmds[0]
	}
	return pl
}

func (p *Parser) wantWord(text string) {
	t := p.newlines()
	if !isWord(t, text) {
		p.unexpected(t, `"`+text+`"`)
	}
	p.drop()
}

func (p *Parser) cmd() Node {
	p.enter()
	defer p.leave()
	t := p.command()
	bash := p.Lang == Bash
	var n Node
	switch t.kind {
	case tWord:
		text, ok := t.word.Literal()
		if !ok || !reserved(p.Lang, text) {
			return p.simple()
		}
		p.hasTok = false
		switch text {
		case "{":
			body := p.list(listBody)
			p.wantWord("}")
			n = &Group{Body: body}
		case "if":
			n = p.ifCmd()
		case "while", "until":
			w := &While{Until: text == "until"}
			w.Cond = p.list(listBody)
			p.wantWord("do")
			w.Body = p.list(listBody)
			p.wantWord("done")
			n = w
		case "for":
			n = p.forCmd()
		case "select":
			f, ok := p.forCmd().(*For)
			if !ok {
				p.unexpected(t, "")
			}
			n = (*Select)(f)
		case "case":
			n = p.caseCmd()
		case "[[":
			defer func(start int) { p.condStart = start }(p.condStart)
			p.condStart = t.line
			c := &Cond{Line: t.line, Expr: p.condOr()}
			e := p.condTok()
			if !isWord(e, "]]") {
				p.condFail(e)
			}
			p.drop()
			n = c
		case "function":
			return p.function(t)
		case "coproc":
			return p.coproc(t)
		default:
			p.hasTok = true
			p.unexpected(t, "")
		}
	case tRedir:
		return p.simple()
	case tOp:
		if t.op != "(" {
			p.unexpected(t, "")
		}
		p.hasTok = false
		if bash && p.at(0) == '(' {
			if a := p.arithCmd(t.line); a != nil {
				n = a
				break
			}
		}
		body := p.list(listBody)
		e := p.newlines()
		if !isOp(e, ")") {
			p.unexpected(e, `")"`)
		}
		p.drop()
		n = &Subshell{Line: t.line, Body: body}
	default:
		p.unexpected(t, "")
	}
	var redirs []*Redir
	p.assignOK = false
	for p.token().kind == tRedir {
		redirs = append(redirs, p.redir())
	}
	if len(redirs) > 0 {
		n = &Redirected{Cmd: n, Redirs: redirs}
	}
	return n
}

// arithCmd reads "((expr))" after its first parenthesis, or gives nil and reads nothing.
func (p *Parser) arithCmd(line int) Node {
	s := p.save()
	var w *Word
	err, ok := p.try(func() {
		p.raw()
		w = p.word(inArith)
		p.next()
		if p.peek() != ')' {
			panic(bail{&Error{}})
		}
		p.raw()
	})
	if !ok {
		if err.EOF {
			panic(bail{err})
		}
		p.restore(s)
		return nil
	}
	return &Arith{Line: line, Expr: w}
}

func (p *Parser) ifCmd() Node {
	head := &If{}
	n := head
	for {
		n.Cond = p.list(listBody)
		p.wantWord("then")
		n.Then = p.list(listBody)
		t := p.newlines()
		switch {
		case isWord(t, "elif"):
			p.drop()
			next := &If{}
			n.Else = next
			n = next
			continue
		case isWord(t, "else"):
			p.drop()
			n.Else = p.list(listBody)
		}
		p.wantWord("fi")
		return head
	}
}

func (p *Parser) forCmd() Node {
	bash := p.Lang == Bash
	p.assignOK = false
	t := p.token()
	if bash && isOp(t, "(") && p.at(0) == '(' {
		return p.arithFor(t)
	}
	f := &For{Line: t.line}
	if t.kind != tWord {
		if bash {
			p.unexpected(t, "")
		}
		p.fail(&Error{Fault: BadForName, Line: p.Line})
	}
	if name, ok := t.word.Literal(); !bash && (!ok || !IsName(name)) {
		p.fail(&Error{Fault: BadForName, Line: p.Line})
	}
	f.Var = t.word
	p.drop()
	t = p.token()
	sawSemi := false
	if isOp(t, ";") {
		p.drop()
		sawSemi = true
	}
	t = p.newlines()
	if !sawSemi && isWord(t, "in") {
		p.drop()
		f.In = true
		p.assignOK = false
		for p.token().kind == tWord {
			f.Words = append(f.Words, p.drop().word)
		}
		t = p.token()
		if t.kind != tNewline && !isOp(t, ";") {
			p.unexpected(t, "")
		}
		p.drop()
	}
	f.Body = p.doGroup()
	return f
}

// doGroup reads "do ... done", or "{ ... }" in bash.
func (p *Parser) doGroup() Node {
	t := p.newlines()
	if p.Lang == Bash && isWord(t, "{") {
		p.drop()
		body := p.list(listBody)
		p.wantWord("}")
		return body
	}
	p.wantWord("do")
	body := p.list(listBody)
	p.wantWord("done")
	return body
}

func (p *Parser) arithFor(t token) Node {
	f := &ArithFor{Line: t.line}
	p.hasTok = false
	from := len(p.rec) - 1
	p.raw()
	start := p.Line
	w := p.word(inArith)
	p.next()
	if p.peek() != ')' {
		p.unterminated(")", start)
	}
	p.raw()
	exprs := splitSemicolons(w)
	if len(exprs) != 3 {
		p.fail(&Error{Fault: ArithExpected, Token: string(p.rec[from:]), Line: p.Line})
	}
	f.Init, f.Cond, f.Post = exprs[0], exprs[1], exprs[2]
	p.assignOK = false
	if t := p.token(); isOp(t, ";") {
		p.drop()
	}
	f.Body = p.doGroup()
	return f
}

// splitSemicolons cuts a word at its unquoted semicolons; empty pieces are nil.
func splitSemicolons(w *Word) []*Word {
	var out []*Word
	cur := &Word{Line: w.Line}
	end := func() {
		if len(cur.Parts) == 0 {
			cur = nil
		}
		out = append(out, cur)
		cur = &Word{Line: w.Line}
	}
	for _, part := range w.Parts {
		l, ok := part.(*Lit)
		if !ok {
			cur.Parts = append(cur.Parts, part)
			continue
		}
		for i, s := range strings.Split(l.Text, ";") {
			if i > 0 {
				end()
			}
			if strings.TrimSpace(s) != "" || len(cur.Parts) > 0 && s != "" {
				cur.Parts = append(cur.Parts, &Lit{s})
			}
		}
	}
	end()
	for _, w := range out {
		if w != nil {
			var b strings.Builder
			for _, part := range w.Parts {
				switch part := part.(type) {
				case *Lit:
					b.WriteString(part.Text)
				case *Param:
					b.WriteString(part.Src)
				}
			}
			w.Src = b.String()
		}
	}
	return out
}

func (p *Parser) caseCmd() Node {
	bash := p.Lang == Bash
	p.assignOK = false
	t := p.token()
	if t.kind != tWord {
		p.unexpected(t, "word")
	}
	c := &Case{Line: t.line, Word: t.word}
	p.drop()
	for p.token().kind == tNewline {
		p.drop()
	}
	if t = p.token(); !isWord(t, "in") {
		p.unexpected(t, `"in"`)
	}
	p.drop()
	for {
		p.assignOK = false
		for p.token().kind == tNewline {
			p.drop()
		}
		t = p.token()
		if isWord(t, "esac") {
			p.drop()
			return c
		}
		var item CaseItem
		if isOp(t, "(") {
			p.drop()
		}
		for {
			t = p.token()
			if t.kind != tWord {
				if !bash && t.kind == tOp {
					// ash and dash take whatever stands here for the pattern and look at what follows
					p.drop()
					if t = p.token(); t.kind == tWord {
						p.fail(&Error{Fault: Unexpected, Token: "word", Want: `")"`, Line: p.Line})
					}
				}
				p.unexpected(t, `")"`)
			}
			item.Patterns = append(item.Patterns, t.word)
			p.drop()
			t = p.token()
			if !isOp(t, "|") {
				break
			}
			p.drop()
		}
		if !isOp(t, ")") {
			p.unexpected(t, `")"`)
		}
		p.drop()
		item.Body = p.list(listOptional)
		t = p.token()
		if t.kind == tOp && (t.op == ";;" || bash && (t.op == ";&" || t.op == ";;&")) {
			item.End = t.op
			p.drop()
			c.Items = append(c.Items, item)
			continue
		}
		if !isWord(t, "esac") {
			p.unexpected(t, `";;"`)
		}
		item.End = ";;"
		c.Items = append(c.Items, item)
		p.drop()
		return c
	}
}

func (p *Parser) function(kw token) Node {
	p.assignOK = false
	t := p.token()
	if t.kind != tWord {
		p.unexpected(t, "word")
	}
	name := t.word.Src
	p.drop()
	if p.Lang != Bash && !IsName(name) {
		p.fail(&Error{Fault: BadFuncName, Line: p.Line})
	}
	if isOp(p.token(), "(") {
		s := p.save()
		p.drop()
		if isOp(p.token(), ")") {
			p.drop()
		} else {
			p.restore(s)
		}
	}
	return p.funcBody(name, kw.line, true)
}

func (p *Parser) funcBody(name string, line int, keyword bool) Node {
	t := p.newlines()
	if p.Lang == Bash {
		text := ""
		if t.kind == tWord {
			text, _ = t.word.Literal()
		}
		switch text {
		case "{", "if", "while", "until", "for", "case", "[[", "select":
		default:
			if !isOp(t, "(") {
				p.unexpected(t, "")
			}
		}
	}
	return &FuncDef{Line: line, Name: name, Body: p.cmd(), Keyword: keyword}
}

func (p *Parser) coproc(kw token) Node {
	c := &Coproc{Line: kw.line, Name: "COPROC"}
	t := p.command()
	if t.kind == tWord {
		if name, ok := t.word.Literal(); ok && IsName(name) && !reserved(p.Lang, name) {
			s := p.save()
			p.drop()
			n := p.command()
			text := ""
			if n.kind == tWord {
				text, _ = n.word.Literal()
			}
			switch {
			case isOp(n, "("), text == "{", text == "if", text == "while", text == "until", text == "for", text == "case", text == "[[":
				c.Name = name
			default:
				p.restore(s)
			}
		}
	}
	c.Body = p.cmd()
	return c
}

func (p *Parser) redir() *Redir {
	t := p.drop()
	r := &Redir{Line: t.line, Fd: t.fd, Var: t.fdvar, Op: t.op}
	p.assignOK = false
	w := p.token()
	if w.kind != tWord {
		p.unexpected(w, "")
	}
	p.drop()
	r.Word = w.word
	if r.Op == "<<" || r.Op == "<<-" {
		r.Quote = strings.ContainsAny(w.word.Src, `'"\`)
		p.here = append(p.here, r)
	}
	return r
}

// declares says whether the arguments of a command may be array assignments.
func declares(w *Word) bool {
	switch text, _ := w.Literal(); text {
	case "declare", "typeset", "local", "export", "readonly", "alias":
		return true
	}
	return false
}

func (p *Parser) simple() Node {
	s := &Simple{Line: p.token().line}
	bracket := false // ash's [[, inside of which && and < are words
	for {
		t := p.token()
		if p.aliasNext && t.kind == tWord {
			p.aliasNext = false
			if name, ok := t.word.Literal(); ok && p.alias(name) {
				continue
			}
		}
		switch t.kind {
		case tRedir:
			s.Redirs = append(s.Redirs, p.redir())
			p.assignOK = len(s.Words) == 0 || declares(s.Words[0])
			if len(s.Words) == 0 {
				p.command()
			}
			continue
		case tWord:
			p.drop()
			if len(s.Words) == 0 {
				if a := p.assignment(t.word); a != nil {
					s.Assigns = append(s.Assigns, a)
					p.command()
					continue
				}
			} else if a := p.arrayAssignment(t.word); a != nil {
				// declare x=(1 2): an assignment that stands among the words
				s.Words = append(s.Words, &Word{Line: t.word.Line, Parts: []Part{&DeclArray{a}}, Src: t.word.Src})
				p.assignOK = declares(s.Words[0])
				continue
			}
			s.Words = append(s.Words, t.word)
			if len(s.Words) == 1 && p.Lang == Ash && isWord(t, "[[") {
				bracket = true
			}
			p.assignOK = p.Lang == Bash && declares(s.Words[0])
			if p.Lang == Bash && len(s.Words) == 1 && len(s.Assigns) == 0 && len(s.Redirs) == 0 {
				// bash takes the line that it has read to when it sees the second word
				s.Line = max(s.Line, p.token().end)
			}
			if bracket && isWord(t, "]]") {
				bracket = false
			}
			continue
		case tOp:
			if bracket && (t.op == "&&" || t.op == "||" || t.op == "(" || t.op == ")") {
				text := t.op
				switch text {
				case "&&":
					text = "-a"
				case "||":
					text = "-o"
				}
				p.drop()
				s.Words = append(s.Words, &Word{Line: t.line, Parts: []Part{&Quoted{text}}, Src: t.op})
				continue
			}
			if t.op == "(" && len(s.Words) == 1 && len(s.Assigns) == 0 && len(s.Redirs) == 0 {
				return p.definition(s.Words[0], t)
			}
			if t.op == "(" {
				p.unexpected(t, "")
			}
		}
		return s
	}
}

// definition reads "name ( ) body" from its first parenthesis.
func (p *Parser) definition(name *Word, t token) Node {
	p.drop()
	if e := p.token(); !isOp(e, ")") {
		p.unexpected(e, `")"`)
	}
	p.drop()
	text, ok := name.Literal()
	if p.Lang == Bash {
		text, ok = name.Src, !strings.ContainsAny(name.Src, "$`")
	}
	if !ok || p.Lang != Bash && !IsName(text) {
		if p.Lang == Bash {
			p.unexpected(t, "")
		}
		p.fail(&Error{Fault: BadFuncName, Line: p.Line})
	}
	return p.funcBody(text, name.Line, false)
}

// DeclArray is the part of a word of declare and its kin that is an array assignment.
type DeclArray struct{ *Assign }

func (*DeclArray) part() {}

// arrayAssignment is the assignment in a word that holds an array, or nil.
func (p *Parser) arrayAssignment(w *Word) *Assign {
	for _, part := range w.Parts {
		switch part.(type) {
		case *arrayPart, *indexPart:
			return p.assignment(w)
		}
	}
	return nil
}

// assignment is w as an assignment, or nil if it is none.
func (p *Parser) assignment(w *Word) *Assign {
	if len(w.Parts) == 0 {
		return nil
	}
	l, ok := w.Parts[0].(*Lit)
	if !ok {
		return nil
	}
	a := &Assign{Src: w.Src}
	rest := w.Parts[1:]
	text := l.Text
	if len(rest) > 0 {
		switch part := rest[0].(type) {
		case *indexPart:
			a.Name, a.Index, a.IndexAs = text, part.index, part.src
			v, ok := rest[1].(*Lit)
			if !ok {
				return nil
			}
			text = v.Text
			if strings.HasPrefix(text, "+") {
				a.Append, text = true, text[1:]
			}
			text = strings.TrimPrefix(text, "=")
			rest = rest[2:]
			a.Value = &Word{Line: w.Line, Src: text}
			if text != "" {
				a.Value.Parts = append(a.Value.Parts, &Lit{text})
			}
			a.Value.Parts = append(a.Value.Parts, rest...)
			return a
		case *arrayPart:
			name := strings.TrimSuffix(text, "=")
			a.Name = strings.TrimSuffix(name, "+")
			a.Append = a.Name != name
			a.IsArray, a.Array = true, part.elems
			return a
		}
	}
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return nil
	}
	if p.Lang == Bash && strings.HasSuffix(name, "+") {
		a.Append, name = true, name[:len(name)-1]
	}
	if !IsName(name) {
		return nil
	}
	a.Name = name
	a.Value = &Word{Line: w.Line, Src: strings.TrimPrefix(w.Src, text[:len(text)-len(value)])}
	if value != "" {
		a.Value.Parts = append(a.Value.Parts, &Lit{value})
	}
	a.Value.Parts = append(a.Value.Parts, rest...)
	return a
}

// Again is a parser of the same input that does not remember that it ended.
func (p *Parser) Again() *Parser {
	q := New(p.Lang, p.More)
	q.Alias, q.Extglob, q.UTF8, q.Warn, q.Line = p.Alias, p.Extglob, p.UTF8, p.Warn, p.Line
	return q
}
