package sh

import (
	"fmt"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// printer writes commands as bash's type and declare -f do.
type printer struct {
	b      strings.Builder
	indent int
	here   []*grammar.Redir // documents that follow the line
	flat   bool             // on one line, for jobs
}

// functionText is a function's definition.
func (s *shell) functionText(f *function) string {
	p := &printer{}
	p.b.WriteString(f.name + " () \n")
	body, redirs := f.def.Body, []*grammar.Redir(nil)
	if r, ok := body.(*grammar.Redirected); ok {
		body, redirs = r.Cmd, r.Redirs
	}
	p.b.WriteString("{ \n")
	p.indent = 1
	if g, ok := body.(*grammar.Group); ok {
		p.line(g.Body)
	} else {
		p.line(body)
	}
	p.indent = 0
	p.b.WriteString("}")
	p.redirs(redirs)
	p.b.WriteByte('\n')
	return p.b.String()
}

// oneLine is a command as jobs shows it.
func (s *shell) oneLine(n grammar.Node) string {
	if n == nil {
		return ""
	}
	p := &printer{flat: true}
	p.node(n)
	t := p.b.String()
	if len(t) > 4096 {
		t = t[:4096]
	}
	return strings.TrimSuffix(t, ";")
}

func (p *printer) pad() {
	if !p.flat {
		p.b.WriteString(strings.Repeat("    ", p.indent))
	}
}

// line writes a body: its commands on lines of their own.
func (p *printer) line(n grammar.Node) {
	if n == nil {
		return
	}
	p.pad()
	p.node(n)
	p.newline()
}

func (p *printer) newline() {
	if p.flat {
		p.b.WriteByte(' ')
		return
	}
	p.b.WriteByte('\n')
	p.flushHere()
}

func (p *printer) flushHere() {
	for _, r := range p.here {
		for _, part := range r.Here.Parts {
			switch part := part.(type) {
			case *grammar.Quoted:
				p.b.WriteString(part.Text)
			case *grammar.Lit:
				p.b.WriteString(part.Text)
			case *grammar.Param:
				p.b.WriteString(part.Src)
			}
		}
		delim, _, _ := r.Word.Static()
		p.b.WriteString(delim + "\n\n")
	}
	p.here = nil
}

func (p *printer) list(l *grammar.List) {
	for i, item := range l.Items {
		if i > 0 && !l.Items[i-1].Background {
			p.pad()
		}
		p.node(item.Cmd)
		last := i == len(l.Items)-1
		if item.Background {
			p.b.WriteString(" &")
			if !last {
				p.b.WriteByte(' ')
			}
		} else if !last {
			p.semi()
		}
		if !last && !item.Background {
			p.newline()
		}
	}
}

func (p *printer) semi() {
	if len(p.here) == 0 {
		p.b.WriteByte(';')
	}
}

// body writes commands one level deeper, ended by ";".
func (p *printer) body(n grammar.Node) {
	p.indent++
	p.pad()
	p.node(n)
	p.semi()
	p.newline()
	p.indent--
	p.pad()
}

func (p *printer) node(n grammar.Node) {
	switch n := n.(type) {
	case nil:
	case *grammar.Simple:
		var words []string
		for _, a := range n.Assigns {
			words = append(words, a.Src)
		}
		for _, w := range n.Words {
			words = append(words, w.Src)
		}
		p.b.WriteString(strings.Join(words, " "))
		p.redirsAfter(n.Redirs, len(words) > 0)
	case *grammar.List:
		p.list(n)
	case *grammar.AndOr:
		p.node(n.Left)
		if n.Or {
			p.b.WriteString(" || ")
		} else {
			p.b.WriteString(" && ")
		}
		p.node(n.Right)
	case *grammar.Pipeline:
		if n.Timed {
			p.b.WriteString("time ")
			if n.PosixTime {
				p.b.WriteString("-p ")
			}
		}
		if n.Negate {
			p.b.WriteString("! ")
		}
		for i, c := range n.Cmds {
			if i > 0 {
				if n.BothTo[i-1] {
					p.b.WriteString(" 2>&1 | ")
				} else {
					p.b.WriteString(" | ")
				}
			}
			p.node(c)
		}
	case *grammar.Redirected:
		p.node(n.Cmd)
		p.redirs(n.Redirs)
	case *grammar.Subshell:
		p.b.WriteString("( ")
		p.node(n.Body)
		p.b.WriteString(" )")
	case *grammar.Group:
		if p.flat {
			p.b.WriteString("{ ")
			p.node(n.Body)
			p.b.WriteString("; }")
			return
		}
		p.b.WriteString("{ \n")
		p.indent++
		p.line(n.Body)
		p.indent--
		p.pad()
		p.b.WriteString("}")
	case *grammar.If:
		p.ifCmd(n)
	case *grammar.While:
		if n.Until {
			p.b.WriteString("until ")
		} else {
			p.b.WriteString("while ")
		}
		p.node(n.Cond)
		p.b.WriteString("; do")
		p.newline()
		p.body(n.Body)
		p.b.WriteString("done")
	case *grammar.For:
		name, _ := n.Var.Literal()
		p.b.WriteString("for " + name)
		if n.In {
			p.b.WriteString(" in")
			for _, w := range n.Words {
				p.b.WriteString(" " + w.Src)
			}
			p.b.WriteByte(';')
		} else {
			p.b.WriteString(` in "$@";`)
		}
		p.newline()
		p.pad()
		p.b.WriteString("do")
		p.newline()
		p.body(n.Body)
		p.b.WriteString("done")
	case *grammar.Select:
		name, _ := n.Var.Literal()
		p.b.WriteString("select " + name + " in")
		for _, w := range n.Words {
			p.b.WriteString(" " + w.Src)
		}
		p.b.WriteByte(';')
		p.newline()
		p.pad()
		p.b.WriteString("do")
		p.newline()
		p.body(n.Body)
		p.b.WriteString("done")
	case *grammar.ArithFor:
		src := func(w *grammar.Word) string {
			if w == nil {
				return "1"
			}
			return strings.TrimSpace(w.Src)
		}
		fmt.Fprintf(&p.b, "for ((%s; %s; %s))", src(n.Init), src(n.Cond), src(n.Post))
		p.newline()
		p.pad()
		p.b.WriteString("do")
		p.newline()
		p.body(n.Body)
		p.b.WriteString("done")
	case *grammar.Case:
		p.b.WriteString("case " + n.Word.Src + " in ")
		p.newline()
		p.indent++
		for _, item := range n.Items {
			p.pad()
			for i, w := range item.Patterns {
				if i > 0 {
					p.b.WriteString(" | ")
				}
				p.b.WriteString(w.Src)
			}
			p.b.WriteByte(')')
			p.newline()
			if item.Body != nil {
				p.indent++
				p.line(item.Body)
				p.indent--
			} else {
				p.newline()
			}
			p.pad()
			p.b.WriteString(item.End)
			p.newline()
		}
		p.indent--
		p.pad()
		p.b.WriteString("esac")
	case *grammar.FuncDef:
		if p.flat {
			p.b.WriteString(n.Name + " () ")
			p.node(n.Body)
			return
		}
		p.b.WriteString("function " + n.Name + " () \n")
		p.pad()
		p.node(n.Body)
	case *grammar.Arith:
		p.b.WriteString("((" + n.Expr.Src + "))")
	case *grammar.Cond:
		p.b.WriteString("[[ ")
		p.cond(n.Expr)
		p.b.WriteString(" ]]")
	case *grammar.Coproc:
		p.b.WriteString("coproc " + n.Name + " ")
		p.node(n.Body)
	}
}

func (p *printer) ifCmd(n *grammar.If) {
	p.b.WriteString("if ")
	p.node(n.Cond)
	p.semi()
	p.b.WriteString(" then")
	p.newline()
	p.body(n.Then)
	if n.Else != nil {
		p.b.WriteString("else")
		p.newline()
		p.body(n.Else)
	}
	p.b.WriteString("fi")
}

func (p *printer) redirs(rs []*grammar.Redir) { p.redirsAfter(rs, true) }

func (p *printer) redirsAfter(rs []*grammar.Redir, space bool) {
	for _, r := range rs {
		if space {
			p.b.WriteByte(' ')
		}
		space = true
		if r.Var != "" {
			p.b.WriteString("{" + r.Var + "}")
		} else if r.Fd >= 0 {
			fmt.Fprintf(&p.b, "%d", r.Fd)
		}
		switch r.Op {
		case ">&", "<&":
			if r.Fd < 0 && r.Op == ">&" {
				p.b.WriteByte('1')
			}
			p.b.WriteString(r.Op + r.Word.Src)
		case "<<", "<<-":
			p.b.WriteString(r.Op + r.Word.Src)
			p.here = append(p.here, r)
		default:
			p.b.WriteString(r.Op + " " + r.Word.Src)
		}
	}
}

func (p *printer) cond(e grammar.CondExpr) {
	switch e := e.(type) {
	case *grammar.CondNot:
		p.b.WriteString("! ")
		p.cond(e.X)
	case *grammar.CondParen:
		p.b.WriteString("( ")
		p.cond(e.X)
		p.b.WriteString(" )")
	case *grammar.CondLogic:
		p.cond(e.X)
		if e.Or {
			p.b.WriteString(" || ")
		} else {
			p.b.WriteString(" && ")
		}
		p.cond(e.Y)
	case *grammar.CondWord:
		p.b.WriteString("-n " + e.X.Src)
	case *grammar.CondUnary:
		p.b.WriteString(e.Op + " " + e.X.Src)
	case *grammar.CondBinary:
		p.b.WriteString(e.X.Src + " " + e.Op + " " + e.Y.Src)
	}
}
