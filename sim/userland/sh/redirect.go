package sh

import (
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// savedFd is where a redirection put the descriptor that it replaced: -1 if there was none.
type savedFd struct{ fd, saved int }

// redirect makes redirections. With save, what they replace is kept for restore. ok is false if one
// failed, and then it has been said.
func (s *shell) redirect(rs []*grammar.Redir, save bool) (undo []savedFd, ok bool) {
	for _, r := range rs {
		if !s.redirectOne(r, save, &undo) {
			return undo, false
		}
	}
	return undo, true
}

// restore puts back what redirect replaced.
func (s *shell) restore(undo []savedFd) {
	for i := len(undo) - 1; i >= 0; i-- {
		u := undo[i]
		if u.saved < 0 {
			s.p.Close(u.fd)
			continue
		}
		s.p.Dup2(u.saved, u.fd)
		s.p.Close(u.saved)
	}
}

// keep saves descriptor fd before it is replaced.
func (s *shell) keep(fd int, undo *[]savedFd) {
	for _, u := range *undo {
		if u.fd == fd {
			return
		}
	}
	saved, err := s.p.Dup(fd, 10)
	if err != nil {
		saved = -1
	} else {
		s.p.Cloexec(saved, true)
	}
	*undo = append(*undo, savedFd{fd, saved})
}

func (s *shell) redirectOne(r *grammar.Redir, save bool, undo *[]savedFd) bool {
	s.p.Step(5)
	line := s.line
	if s.d == Bash && r.Line > 0 {
		s.line = r.Line
		defer func() { s.line = line }()
	}
	fd := r.Fd
	if fd < 0 {
		fd = 1
		if r.Op[0] == '<' {
			fd = 0
		}
	}
	put := func(from int) bool {
		if r.Var != "" {
			to, err := s.p.Dup(from, 10)
			s.p.Close(from)
			if err != nil {
				s.plainf("%s: %s", r.Var, errnoText(err))
				return false
			}
			return s.assign(r.Var, strconv.Itoa(to))
		}
		if from == fd {
			// it was closed before, and open took its number
			if save {
				*undo = append(*undo, savedFd{fd, -1})
			}
			return true
		}
		if save {
			s.keep(fd, undo)
		}
		err := s.p.Dup2(from, fd)
		s.p.Close(from)
		if err != nil {
			s.plainf("%s", s.dupError(strconv.Itoa(fd), err))
			return false
		}
		return true
	}
	switch r.Op {
	case "<<", "<<-", "<<<":
		var text string
		if r.Op == "<<<" {
			text = s.text(r.Word) + "\n"
		} else if r.Quote {
			text, _, _ = r.Here.Static()
		} else {
			text = s.hereText(r.Here)
		}
		rd, ok := s.textPipe(text)
		return ok && put(rd)
	case "<&", ">&":
		return s.duplicate(r, fd, save, undo, put)
	}
	name, ok := s.target(r.Word)
	if !ok {
		return false
	}
	switch r.Op {
	case "&>", "&>>":
		flags := linux.O_WRONLY | linux.O_CREAT | linux.O_TRUNC
		if r.Op == "&>>" {
			flags = linux.O_WRONLY | linux.O_CREAT | linux.O_APPEND
		}
		return s.both(name, flags, save, undo, r.Op == "&>")
	}
	from, ok := s.open(name, r.Op)
	return ok && put(from)
}

// target expands the word of a redirection, which must be one word.
func (s *shell) target(w *grammar.Word) (string, bool) {
	if s.d != Bash {
		return s.text(w), true
	}
	f := s.fields([]*grammar.Word{w})
	if len(f) != 1 {
		s.plainf("%s: ambiguous redirect", w.Src)
		return "", false
	}
	return f[0], true
}

// open opens the file of a redirection.
func (s *shell) open(name, op string) (fd int, ok bool) {
	flags := 0
	create := true
	switch op {
	case "<":
		flags, create = linux.O_RDONLY, false
	case "<>":
		flags = linux.O_RDWR | linux.O_CREAT
	case ">>":
		flags = linux.O_WRONLY | linux.O_CREAT | linux.O_APPEND
	case ">":
		flags = linux.O_WRONLY | linux.O_CREAT | linux.O_TRUNC
		if s.set('C') {
			if st, err := s.p.Stat(name); err == nil && st.Mode.IsRegular() {
				if s.d == Bash {
					s.plainf("%s: cannot overwrite existing file", name)
				} else {
					s.plainf("%s%s: File exists", s.choose("can't create ", "cannot create ", ""), name)
				}
				return 0, false
			}
		}
	case ">|":
		flags = linux.O_WRONLY | linux.O_CREAT | linux.O_TRUNC
	}
	if s.d == Bash {
		if fd, ok, err := s.openNet(name); ok {
			if err != nil {
				if err != linux.EINVAL { // of a host that is not found, openNet has spoken
					s.p.Write(2, []byte(s.arg0+": connect: "+errnoText(err)+"\n"))
				}
				s.plainf("%s: %s", name, errnoText(err))
				return 0, false
			}
			return fd, true
		}
	}
	for {
		fd, err := s.p.Open(name, flags, 0o666)
		if err == linux.EINTR {
			s.runPendingTraps()
			continue
		}
		if err != nil {
			s.plainf("%s", s.cannotOpen(name, create, err))
			return 0, false
		}
		return fd, true
	}
}

// both is &>file: standard output and standard error.
func (s *shell) both(name string, flags int, save bool, undo *[]savedFd, clobber bool) bool {
	if clobber && s.set('C') {
		if st, err := s.p.Stat(name); err == nil && st.Mode.IsRegular() {
			s.plainf("%s: cannot overwrite existing file", name)
			return false
		}
	}
	from, err := s.p.Open(name, flags, 0o666)
	if err != nil {
		s.plainf("%s", s.cannotOpen(name, true, err))
		return false
	}
	for fd := 1; fd <= 2; fd++ {
		if save && from != fd {
			s.keep(fd, undo)
		}
		s.p.Dup2(from, fd)
	}
	if from > 2 {
		s.p.Close(from)
	}
	return true
}

// valueOf is the value of a variable or of an element of an array.
func (s *shell) valueOf(ref string) string {
	if name, ix, ok := splitIndex(ref); ok {
		v, _ := s.element(name, ix)
		return v
	}
	return s.value(ref)
}

func (s *shell) dupError(name string, err error) string {
	return name + ": " + errnoText(err)
}

// duplicate is >&2, <&-, and where the word is no number, >&file.
func (s *shell) duplicate(r *grammar.Redir, fd int, save bool, undo *[]savedFd, put func(int) bool) bool {
	word, ok := s.target(r.Word)
	if !ok {
		return false
	}
	if word == "-" {
		if r.Var != "" {
			n, err := strconv.Atoi(s.valueOf(r.Var))
			if err != nil {
				s.plainf("%s: ambiguous redirect", r.Var)
				return false
			}
			s.p.Close(n)
			return true
		}
		if save {
			s.keep(fd, undo)
		}
		s.p.Close(fd)
		return true
	}
	move := false
	number := word
	if s.d == Bash && strings.HasSuffix(word, "-") {
		move, number = true, strings.TrimSuffix(word, "-")
	}
	from, err := strconv.Atoi(number)
	if err != nil || from < 0 {
		switch {
		case s.d == Dash || r.Op == "<&":
			if s.d == Bash {
				s.plainf("%s: ambiguous redirect", r.Word.Src)
				return false
			}
			s.syntaxLike(s.choose("bad fd number", "Bad fd number", ""))
			return false
		case r.Fd >= 0 && r.Fd != 1:
			if s.d == Bash {
				s.plainf("%s: ambiguous redirect", r.Word.Src)
				return false
			}
			s.syntaxLike("bad fd number")
			return false
		}
		return s.both(word, linux.O_WRONLY|linux.O_CREAT|linux.O_TRUNC, save, undo, true)
	}
	if r.Var != "" {
		dup, err := s.p.Dup(from, 10)
		if err != nil {
			s.plainf("%s", s.dupError(word, err))
			return false
		}
		return s.assign(r.Var, strconv.Itoa(dup))
	}
	if from == fd {
		if _, err := s.p.FdFlags(fd); err != nil {
			s.plainf("%s", s.dupError(word, linux.EBADF))
			return false
		}
		return true
	}
	if _, err := s.p.FdFlags(from); err != nil || s.saved(from, *undo) {
		s.plainf("%s", s.dupError(word, linux.EBADF))
		return false
	}
	if save {
		s.keep(fd, undo)
	}
	if err := s.p.Dup2(from, fd); err != nil {
		s.plainf("%s", s.dupError(word, err))
		return false
	}
	if move {
		if save {
			s.keep(from, undo)
		}
		s.p.Close(from)
	}
	return true
}

// saved says whether a descriptor is only a copy that redirections keep, which scripts cannot see.
func (s *shell) saved(fd int, undo []savedFd) bool {
	for _, u := range undo {
		if u.saved == fd {
			return true
		}
	}
	return false
}

func (s *shell) syntaxLike(text string) {
	if s.d == Dash {
		s.plainf("Syntax error: %s", text)
	} else {
		s.plainf("syntax error: %s", text)
	}
	panic(discard{2})
}

// textPipe makes a descriptor that text can be read from. What fits into a pipe is written at once;
// more is written by a child.
func (s *shell) textPipe(text string) (fd int, ok bool) {
	r, w, err := s.p.Pipe()
	if err != nil {
		s.plainf("cannot create pipe: %s", errnoText(err))
		return 0, false
	}
	if len(text) <= 4096 {
		s.p.Write(w, []byte(text))
		s.p.Close(w)
		return r, true
	}
	pid, err := s.spawn(func(c *shell) int {
		c.p.Close(r)
		c.p.Write(w, []byte(text))
		return 0
	})
	s.p.Close(w)
	if err != nil {
		s.p.Close(r)
		s.forkError(err)
		return 0, false
	}
	s.jobs.unnamed = append(s.jobs.unnamed, pid)
	return r, true
}

// closeProcSubsts closes the pipes of process substitutions but the first n.
func (s *shell) closeProcSubsts(n int) {
	for len(s.jobs.procFds) > n {
		last := len(s.jobs.procFds) - 1
		s.p.Close(s.jobs.procFds[last])
		s.jobs.procFds = s.jobs.procFds[:last]
	}
	if len(s.jobs.unnamed) > 0 {
		s.reapUnnamed()
	}
}
