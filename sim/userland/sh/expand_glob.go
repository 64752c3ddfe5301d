package sh

import (
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// globField adds what a field stands for to out: the names that match it, or itself.
func (s *shell) globField(out []string, f field) []string {
	text := string(f.text)
	if !f.glob || s.set('f') {
		return append(out, text)
	}
	names := s.glob(string(f.pat))
	if len(names) > 0 {
		return append(out, names...)
	}
	mt := s.matcher()
	if s.opt.shopt["nullglob"] && mt.special(string(f.pat)) {
		return out
	}
	if s.opt.shopt["failglob"] && mt.special(string(f.pat)) {
		s.plainf("no match: %s", text)
		panic(discard{1})
	}
	return append(out, text)
}

// glob lists the names that match a pattern, in the order of their bytes.
func (s *shell) glob(pat string) []string {
	mt := s.matcher()
	if !mt.special(pat) {
		return nil
	}
	mt.path = true
	mt.fold = s.opt.shopt["nocaseglob"]
	mt.bangs = s.d == Dash
	var out []string
	prefix := ""
	for strings.HasPrefix(pat, "/") {
		prefix += "/"
		pat = pat[1:]
	}
	s.globIn(mt, prefix, pat, &out, 0)
	slices.Sort(out)
	return slices.Compact(out)
}

func (s *shell) globIn(mt *matcher, dir, pat string, out *[]string, depth int) {
	if depth > 64 || len(*out) > braceBound {
		return
	}
	elem, rest, more := cutElement(pat)
	slashes := ""
	for strings.HasPrefix(rest, "/") {
		slashes += "/"
		rest = rest[1:]
	}
	if more {
		slashes = "/" + slashes
	}
	if elem == "**" && s.opt.shopt["globstar"] {
		s.globStar(mt, dir, rest, more, out, depth)
		return
	}
	if !mt.special(elem) {
		name := unescape(elem)
		if more && rest == "" || !more {
			if _, err := s.p.Lstat(nonEmpty(dir + name)); err == nil {
				if more {
					if st, err := s.p.Stat(nonEmpty(dir + name)); err != nil || !st.Mode.IsDir() {
						return
					}
				}
				*out = append(*out, dir+name+slashes)
			}
			return
		}
		s.globIn(mt, dir+name+slashes, rest, out, depth+1)
		return
	}
	entries, err := s.p.ReadDir(nonEmptyDir(dir))
	if err != nil {
		return
	}
	s.p.Step(len(entries))
	hidden := strings.HasPrefix(elem, ".") || strings.HasPrefix(elem, `\.`)
	dot := s.opt.shopt["dotglob"]
	try := func(name string, isDir bool) {
		if strings.HasPrefix(name, ".") && !hidden && !(dot && name != "." && name != "..") {
			return
		}
		if !mt.match(elem, name) {
			return
		}
		if !more {
			*out = append(*out, dir+name)
			return
		}
		if !isDir {
			return
		}
		if rest == "" {
			*out = append(*out, dir+name+slashes)
			return
		}
		s.globIn(mt, dir+name+slashes, rest, out, depth+1)
	}
	if hidden && s.d != Bash {
		try(".", true)
		try("..", true)
	}
	for _, e := range entries {
		isDir := e.Mode.Type() == linux.S_IFDIR
		if more && e.Mode.Type() == linux.S_IFLNK {
			if st, err := s.p.Stat(dir + e.Name); err == nil {
				isDir = st.Mode.IsDir()
			}
		}
		try(e.Name, isDir)
	}
}

// globStar is bash's "**" under globstar: any number of directories.
func (s *shell) globStar(mt *matcher, dir, rest string, more bool, out *[]string, depth int) {
	if more && rest != "" {
		s.globIn(mt, dir, rest, out, depth+1)
	} else if dir != "" {
		*out = append(*out, dir)
	}
	entries, err := s.p.ReadDir(nonEmptyDir(dir))
	if err != nil || depth > 64 {
		return
	}
	s.p.Step(len(entries))
	for _, e := range entries {
		if strings.HasPrefix(e.Name, ".") && !s.opt.shopt["dotglob"] {
			continue
		}
		if e.Mode.Type() == linux.S_IFDIR {
			if !more {
				*out = append(*out, dir+e.Name)
				s.globStarBelow(mt, dir+e.Name+"/", out, depth+1)
				continue
			}
			s.globStar(mt, dir+e.Name+"/", rest, more, out, depth+1)
		} else if !more {
			*out = append(*out, dir+e.Name)
		}
	}
}

func (s *shell) globStarBelow(mt *matcher, dir string, out *[]string, depth int) {
	var below []string
	s.globStar(mt, dir, "", false, &below, depth)
	for _, n := range below {
		if n != dir {
			*out = append(*out, n)
		}
	}
}

// cutElement takes the first path element off a pattern.
func cutElement(pat string) (elem, rest string, more bool) {
	level := 0
	for i := 0; i < len(pat); i++ {
		switch pat[i] {
		case '\\':
			i++
		case '(':
			level++
		case ')':
			level--
		case '/':
			if level <= 0 {
				return pat[:i], pat[i+1:], true
			}
		}
	}
	return pat, "", false
}

func nonEmpty(path string) string {
	if path == "" {
		return "."
	}
	return path
}

func nonEmptyDir(dir string) string { return nonEmpty(dir) }
