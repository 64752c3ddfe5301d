package sh

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/sh/grammar"
)

// Completion is what may be typed at a place of a line.
type Completion struct {
	Start      int      // where the word begins, in bytes; candidates replace the text from there
	Candidates []string // sorted, quoted as the shell needs them; a directory ends in "/"
	Command    bool     // the word is the name of a command
}

// complete finds candidates for the word that ends the text before the cursor.
func (s *shell) completions(before string) Completion {
	start, command, quote := wordStart(before)
	word := before[start:]
	raw := unquoteWord(word)
	c := Completion{Start: start, Command: command}
	seen := map[string]bool{}
	add := func(text string) {
		if !seen[text] && len(seen) < 4096 {
			seen[text] = true
			c.Candidates = append(c.Candidates, text)
		}
	}
	switch {
	case strings.HasPrefix(word, "$") && !strings.ContainsAny(word, "/"):
		name := strings.TrimPrefix(word[1:], "{")
		for n := range s.vars {
			if strings.HasPrefix(n, name) {
				if strings.HasPrefix(word, "${") {
					add("${" + n + "}")
				} else {
					add("$" + n)
				}
			}
		}
	case command && !strings.Contains(raw, "/"):
		for n := range builtins(s.d) {
			if strings.HasPrefix(n, raw) {
				add(n)
			}
		}
		for n := range s.funcs {
			if strings.HasPrefix(n, raw) {
				add(n)
			}
		}
		for n := range s.aliases {
			if strings.HasPrefix(n, raw) {
				add(n)
			}
		}
		for _, n := range []string{"if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "function"} {
			if raw != "" && strings.HasPrefix(n, raw) && grammar.Reserved(s.d, n) {
				add(n)
			}
		}
		for _, dir := range strings.Split(s.value("PATH"), ":") {
			entries, err := s.p.ReadDir(nonEmpty(dir))
			if err != nil {
				continue
			}
			for _, e := range entries {
				if strings.HasPrefix(e.Name, raw) && e.Mode.Type() != linux.S_IFDIR && s.p.Access(dir+"/"+e.Name, linux.X_OK) == nil {
					add(escapeName(e.Name, quote))
				}
			}
		}
	default:
		s.pathCandidates(raw, word, quote, command, add)
	}
	slices.Sort(c.Candidates)
	return c
}

// pathCandidates adds the files that a word may go on to.
func (s *shell) pathCandidates(raw, word string, quote byte, onlyPrograms bool, add func(string)) {
	dir, base := "", raw
	if i := strings.LastIndexByte(raw, '/'); i >= 0 {
		dir, base = raw[:i+1], raw[i+1:]
	}
	look := dir
	if strings.HasPrefix(dir, "~") {
		user, rest, _ := strings.Cut(dir[1:], "/")
		if home, ok := s.home(user); ok {
			look = home + "/" + rest
		}
	}
	entries, err := s.p.ReadDir(nonEmpty(look))
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name, base) || strings.HasPrefix(e.Name, ".") && !strings.HasPrefix(base, ".") {
			continue
		}
		isDir := e.Mode.Type() == linux.S_IFDIR
		if e.Mode.Type() == linux.S_IFLNK {
			if st, err := s.p.Stat(look + e.Name); err == nil {
				isDir = st.Mode.IsDir()
			}
		}
		if onlyPrograms && !isDir && s.p.Access(look+e.Name, linux.X_OK) != nil {
			continue
		}
		text := escapeName(e.Name, quote)
		head := dir
		if quote == 0 && !strings.HasPrefix(dir, "~") {
			head = escapeName(dir, 0)
		}
		if quote != 0 {
			head = string(quote) + head
		}
		if isDir {
			text += "/"
		}
		add(head + text)
	}
}

// escapeName quotes a name for the place where it is inserted.
func escapeName(name string, quote byte) string {
	if quote != 0 {
		return name
	}
	var b strings.Builder
	for i := range len(name) {
		if strings.IndexByte(" \t'\"\\|&;()<>!{}*[]?$`#", name[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// wordStart finds where the word at the end of text begins, whether a command's name stands there,
// and the quote that is open in it.
func wordStart(text string) (start int, command bool, quote byte) {
	command = true
	inWord := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if quote != 0 {
			if c == quote {
				quote = 0
			} else if c == '\\' && quote == '"' {
				i++
			}
			continue
		}
		switch {
		case c == '\\':
			if !inWord {
				start, inWord = i, true
			}
			i++
		case c == '\'' || c == '"':
			if !inWord {
				start, inWord = i, true
			}
			quote = c
		case c == ' ' || c == '\t' || c == '\n':
			if inWord {
				w := text[start:i]
				switch {
				case command && strings.Contains(w, "=") && grammar.IsName(w[:strings.IndexByte(w, '=')]):
				case w == "sudo" || w == "exec" || w == "command" || w == "then" || w == "do" || w == "else" || w == "if" || w == "while" || w == "!" || w == "time":
				default:
					command = false
				}
			}
			inWord = false
			start = i + 1
		case strings.IndexByte(";|&(`", c) >= 0:
			command, inWord = true, false
			start = i + 1
		case c == '<' || c == '>':
			command, inWord = false, false
			start = i + 1
		default:
			if !inWord {
				start, inWord = i, true
			}
		}
	}
	if !inWord {
		start = len(text)
	}
	return start, command, quote
}

func unquoteWord(w string) string {
	var b strings.Builder
	for i := 0; i < len(w); i++ {
		switch w[i] {
		case '\\':
			if i+1 < len(w) {
				i++
				b.WriteByte(w[i])
			}
		case '\'', '"':
		default:
			b.WriteByte(w[i])
		}
	}
	return b.String()
}

// complete is the Tab key.
func (e *editor) complete() {
	before := string(e.buf[:e.pos])
	c := e.s.completions(before)
	word := before[c.Start:]
	switch len(c.Candidates) {
	case 0:
		e.put("\a")
		return
	case 1:
		text := c.Candidates[0]
		if _, _, quote := wordStart(before); quote != 0 && !strings.HasSuffix(text, "/") {
			text += string(quote)
		}
		if !strings.HasSuffix(text, "/") {
			text += " "
		}
		e.replace(word, text)
		return
	}
	common := c.Candidates[0]
	for _, t := range c.Candidates[1:] {
		n := 0
		for n < len(common) && n < len(t) && common[n] == t[n] {
			n++
		}
		common = common[:n]
	}
	if len(common) > len(word) {
		e.replace(word, common)
		return
	}
	if e.tabs++; e.tabs == 1 {
		e.put("\a")
		return
	}
	at := e.pos
	e.end()
	e.put("\n")
	e.columnsOf(c.Candidates)
	e.pos, e.row = at, 0
	e.redraw()
}

// replace puts text in the place of the word before the cursor.
func (e *editor) replace(word, text string) {
	if strings.HasPrefix(text, word) {
		for _, r := range text[len(word):] {
			e.insert(r)
		}
		return
	}
	n := len([]rune(word))
	e.buf = append(append(append([]rune(nil), e.buf[:e.pos-n]...), []rune(text)...), e.buf[e.pos:]...)
	e.pos += len([]rune(text)) - n
	e.redraw()
}

// columnsOf lists candidates below the line, by their last path element.
func (e *editor) columnsOf(list []string) {
	if len(list) > 200 {
		e.put(fmt.Sprintf("(%d possibilities)\n", len(list)))
		list = list[:200]
	}
	width := 0
	names := make([]string, len(list))
	for i, t := range list {
		dir := strings.TrimSuffix(t, "/")
		names[i] = t[strings.LastIndexByte(dir, '/')+1:]
		width = max(width, runewidth.StringWidth(names[i])+2)
	}
	per := max(1, e.columns()/width)
	rows := (len(names) + per - 1) / per
	for r := range rows {
		for i := r; i < len(names); i += rows {
			e.put(names[i])
			if i+rows < len(names) {
				e.put(strings.Repeat(" ", width-runewidth.StringWidth(names[i])))
			}
		}
		e.put("\n")
	}
}

// compgen is bash's compgen, for the kinds that scripts use.
func (s *shell) compgen(args []string) int {
	var words []string
	kinds := ""
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && len(args[0]) == 2 {
		switch c := args[0][1]; c {
		case 'W':
			if len(args) < 2 {
				s.errorf("-W: option requires an argument")
				return 2
			}
			b := s.newBuilder(true)
			b.split(args[1])
			b.end()
			for _, f := range b.fields {
				words = append(words, string(f.text))
			}
			args = args[1:]
		case 'b', 'k', 'c', 'a', 'v', 'f', 'd', 'e':
			kinds += string(rune(c))
		default:
			s.errorf("%s: invalid option", args[0])
			return 2
		}
		args = args[1:]
	}
	prefix := ""
	if len(args) > 0 {
		prefix = args[0]
	}
	for _, k := range kinds {
		switch k {
		case 'b':
			words = append(words, sortedKeys(builtins(s.d))...)
		case 'a':
			words = append(words, sortedKeys(s.aliases)...)
		case 'v':
			words = append(words, sortedKeys(s.vars)...)
		case 'e':
			for _, n := range sortedKeys(s.vars) {
				if s.vars[n].exported {
					words = append(words, n)
				}
			}
		case 'k':
			words = append(words, "if", "then", "else", "elif", "fi", "case", "esac", "for", "select", "while", "until", "do", "done", "in", "function", "time", "{", "}", "!", "[[", "]]", "coproc")
		case 'c':
			words = append(words, s.completions(prefix).Candidates...)
		case 'f', 'd':
			s.pathCandidates(prefix, prefix, 0, false, func(t string) {
				if k == 'f' || strings.HasSuffix(t, "/") {
					words = append(words, strings.TrimSuffix(t, "/"))
				}
			})
		}
	}
	var b strings.Builder
	for _, w := range words {
		if strings.HasPrefix(w, prefix) {
			b.WriteString(w + "\n")
		}
	}
	if b.Len() == 0 {
		return 1
	}
	return s.print(b.String())
}
