package gnumake

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// updateGoals brings the goals up to date, in order. Passes over them are repeated as long as a
// job is under way. makefiles says that the goals are the makefiles themselves, of which less is
// said. The result is make's exit code.
func (m *maker) updateGoals(goals []*file, makefiles bool) int {
	status := 0
	type goal struct {
		f       *file
		changed bool
	}
	var open []*goal
	for _, f := range goals {
		open = append(open, &goal{f: f})
	}
	for len(open) > 0 {
		m.reap(m.waitFirst(), false)
		var next []*goal
		stop := false
		for _, g := range open {
			if stop {
				break
			}
			before := m.started
			worst := 0
			all := true
			for _, f := range m.each(g.f) {
				st := m.update(f, 0)
				worst = max(worst, st)
				all = all && f.updated
			}
			if m.started > before {
				g.changed = true
			}
			if worst != 0 && !makefiles {
				status = max(status, worst)
				stop = !m.keepGoing
			}
			if !all && worst == 0 {
				next = append(next, g)
				continue
			}
			if all && worst == 0 && !g.changed && !makefiles && !m.silent && !m.question {
				if g.f.phony || g.f.cmds == nil && len(g.f.double) == 0 {
					m.say2("Nothing to be done for '%s'.", g.f.name)
				} else {
					m.say2("'%s' is up to date.", g.f.name)
				}
			}
			if worst == 0 && m.question && g.changed && !makefiles {
				status = max(status, 1)
			}
		}
		if stop {
			break
		}
		open = next
	}
	return status
}

// waitFirst says whether a pass must wait for a job before it can do anything new.
func (m *maker) waitFirst() bool { return m.running > 0 }

// say2 writes a message that is no error.
func (m *maker) say2(format string, a ...any) {
	m.enterDir()
	m.c.Printf(m.name()+": "+format+"\n", a...)
	m.c.Out.Flush()
}

// each is a file by its double-colon rules, or itself.
func (m *maker) each(f *file) []*file {
	if len(f.double) == 0 {
		return []*file{f}
	}
	for _, d := range f.double {
		d.parent, d.phony = f.parent, f.phony
	}
	return f.double
}

// modified is when a file was changed last; zero if it is not there.
func (m *maker) modified(f *file) time.Time {
	if f.mtimeOK {
		return f.mtime
	}
	f.mtimeOK = true
	f.mtime = time.Time{}
	if f.phony {
		return f.mtime
	}
	st, err := m.c.Stat(f.path())
	if err != nil && f.found == "" {
		if found := m.viaVpath(f.name); found != "" {
			f.found = found
			st, err = m.c.Stat(found)
		}
	}
	if err == nil {
		f.mtime = st.Mtime
		m.future(f)
	}
	return f.mtime
}

// future warns of a file that was changed later than now.
func (m *maker) future(f *file) {
	ahead := f.mtime.Sub(m.c.Now()).Seconds()
	if ahead <= 0 || m.skewed && f.updated {
		return
	}
	seconds := strconv.FormatFloat(ahead, 'g', 2, 64)
	if ahead >= 99 {
		seconds = strconv.FormatUint(uint64(ahead), 10)
	}
	m.skewed = true
	m.say(location{}, "Warning: File '%s' has modification time %s s in the future", f.name, seconds)
}

// path is where f is.
func (f *file) path() string {
	if f.found != "" {
		return f.found
	}
	return f.name
}

// maxDeps bounds how deep prerequisites have prerequisites.
const maxDeps = 2000

// update brings f up to date, or starts what that takes. The result is 0, or the exit code that
// its failure means; f.updated says whether it is done.
func (m *maker) update(f *file, depth int) int {
	m.c.Step(2)
	if depth > maxDeps {
		m.fatal(m.where, "prerequisites are nested too deep")
	}
	if f.updated {
		if f.status != 0 && f.silentNo && !f.made && f.cmds == nil && !f.target {
			f.silentNo = false
			m.complain(f)
		}
		return f.status
	}
	if f.state == running {
		return 0
	}
	if f.visiting {
		return 0
	}
	f.visiting = true
	defer func() { f.visiting = false }()
	mtime := m.modified(f)
	missing := mtime.IsZero()
	must := missing
	if f.cmds == nil && !f.searchd && !f.phony {
		f.searchd = true
		m.expandSecond(f)
		if !m.implicit(f) && !f.target {
			if d := m.files[".DEFAULT"]; d != nil && d.cmds != nil {
				f.cmds = d.cmds
			}
		}
	} else {
		m.expandSecond(f)
	}
	m.scopeOf(f)
	status := 0
	underWay := false
	kept := f.deps[:0:0]
	for i := range f.deps {
		d := f.deps[i]
		if d.file.visiting {
			m.say(location{}, "Circular %s <- %s dependency dropped.", f.name, d.file.name)
			continue
		}
		kept = append(kept, d)
	}
	f.deps = kept
	for i := range f.deps {
		d := &f.deps[i]
		maybe := must
		st := m.check(f, d.file, depth, mtime, &maybe)
		if !d.orderOnly {
			must = maybe
		}
		status = max(status, st)
		if st != 0 && !m.keepGoing {
			break
		}
		if m.busy(d.file) {
			underWay = true
		}
	}
	if must || m.alwaysMake {
		for i := range f.deps {
			d := &f.deps[i]
			if !d.file.made || status != 0 && !m.keepGoing {
				continue
			}
			for _, part := range m.each(d.file) {
				part.parent = f
				st := m.update(part, depth+1)
				status = max(status, st)
			}
			if m.busy(d.file) {
				underWay = true
			}
		}
	}
	if underWay {
		f.state = depsRunning
		if status == 0 || m.keepGoing {
			return 0
		}
	}
	if status != 0 {
		if underWay {
			return 0
		}
		f.status = status
		if m.keepGoing && depth == 0 && !m.question && !m.justPrint {
			m.say(location{}, "Target '%s' not remade because of errors.", f.name)
		}
		m.notice(f, false)
		return status
	}
	newer := false
	f.newer = nil
	for i := range f.deps {
		d := &f.deps[i]
		if d.orderOnly {
			continue
		}
		t := m.modified(d.file)
		d.changed = t.IsZero() || t.After(mtime) || missing || d.file.phony
		if d.changed && !(t.IsZero() && d.file.made && !missing) {
			newer = true
			f.newer = append(f.newer, d.file.path())
		}
	}
	switch {
	case len(f.deps) == 0 && m.isDouble(f):
		must = true
	case !missing && f.target && !newer && f.cmds == nil:
		must = false
	case !must && f.cmds != nil && m.alwaysMake:
		must = true
	}
	if !must {
		m.notice(f, false)
		return 0
	}
	m.remake(f)
	return f.status
}

func (m *maker) isDouble(f *file) bool {
	whole := m.files[f.name]
	return whole != nil && slices.Contains(whole.double, f)
}

// busy says whether f or what it needs is under way.
func (m *maker) busy(f *file) bool {
	if len(f.double) > 0 {
		return slices.ContainsFunc(f.double, m.busy)
	}
	return f.state == running || f.state == depsRunning
}

// check brings a prerequisite up to date, and finds out whether f must be made for it. One that
// is intermediate is made only if f is.
func (m *maker) check(f, d *file, depth int, mtime time.Time, must *bool) int {
	if d.phony || !d.made {
		status := 0
		for _, part := range m.each(d) {
			part.parent = f
			status = max(status, m.update(part, depth+1))
		}
		d.parent = f
		t := m.modified(d)
		if t.IsZero() || t.After(mtime) {
			*must = true
		}
		return status
	}
	d.parent = f
	t := m.modified(d)
	m.scopeOf(d)
	if !t.IsZero() && t.After(mtime) {
		*must = true
		return 0
	}
	if d.cmds == nil && !d.searchd {
		d.searchd = true
		m.expandSecond(d)
		m.implicit(d)
	}
	if depth > maxDeps || d.visiting {
		return 0
	}
	d.visiting = true
	defer func() { d.visiting = false }()
	status := 0
	for i := range d.deps {
		if d.deps[i].file.visiting {
			continue
		}
		maybe := *must
		status = max(status, m.check(d, d.deps[i].file, depth+1, mtime, &maybe))
		if !d.deps[i].orderOnly {
			*must = maybe
		}
		if status != 0 && !m.keepGoing {
			break
		}
		if m.busy(d.deps[i].file) {
			d.state = depsRunning
		}
	}
	return status
}

// expandSecond reads the prerequisites that .SECONDEXPANSION put off.
func (m *maker) expandSecond(f *file) {
	if len(f.secondX) == 0 {
		return
	}
	later := f.secondX
	f.secondX = nil
	for _, p := range later {
		s := newScope(nil)
		m.automatic(f, s)
		if p.static {
			s.set("*", p.stem, fromAutomatic, false)
		}
		text, order := p.text, p.order
		if p.static {
			var words []string
			for _, w := range splitKeeping(text) {
				if before, after, ok := cutPercent(w); ok {
					w = before + p.stem + after
				}
				words = append(words, w)
			}
			text = strings.Join(words, " ")
		}
		m.where = p.at
		f.add(m.depsOf(m.expand(text, s), m.expand(order, s), p.stem, false), true)
	}
}

// splitKeeping cuts at blanks outside of references.
func splitKeeping(s string) []string {
	var words []string
	from := -1
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == ' ' || s[i] == '\t':
			if from >= 0 {
				words = append(words, s[from:i])
				from = -1
			}
			continue
		case from < 0:
			from = i
		}
		if s[i] == '$' && i+1 < len(s) && (s[i+1] == '(' || s[i+1] == '{') {
			if end := matching(s, i+1); end > 0 {
				i = end
			}
		}
	}
	if from >= 0 {
		words = append(words, s[from:])
	}
	return words
}

// complain says that nothing makes f.
func (m *maker) complain(f *file) {
	for _, ref := range m.makefiles {
		if ref.missing && !ref.optional && m.files[trimDots(ref.name)] == f && f.parent == nil {
			m.say(ref.at, "%s: %v", ref.name, ref.err)
			break
		}
	}
	format, args := "No rule to make target '%s'", []any{f.name}
	if f.parent != nil {
		format, args = format+", needed by '%s'", append(args, f.parent.name)
	}
	if m.keepGoing {
		m.say(location{}, "*** "+format+".", args...)
		return
	}
	m.fatal(location{}, format, args...)
}

// remake runs f's recipe, or finds that there is none.
func (m *maker) remake(f *file) {
	if f.cmds == nil || len(f.cmds.lines) == 0 {
		switch {
		case f.cmds != nil, f.phony, f.target:
			f.status = 0
		default:
			f.status = 2
			if f.silentNo {
				f.state, f.updated = finished, true
				return
			}
			f.state, f.updated = finished, true
			m.complain(f)
			return
		}
		m.notice(f, f.cmds != nil)
		return
	}
	if m.touch && !m.anyRecursive(f) {
		if !f.phony {
			m.touchFile(f)
		}
		m.started++
		m.notice(f, true)
		return
	}
	m.startJob(f)
}

func (m *maker) touchFile(f *file) {
	if !m.silent {
		m.print("touch %s\n", f.name)
	}
	fd, err := m.c.Open(f.name, linux.O_RDWR|linux.O_CREAT, 0o666)
	if err == nil {
		m.c.Close(fd)
		err = m.c.Touch(f.name, false)
	}
	if err != nil {
		m.say(location{}, "touch: %s: %v", f.name, err)
		f.status = 2
	}
}

// notice ends f's update. ran says that its recipe was carried out, so that the file is looked at
// again.
func (m *maker) notice(f *file, ran bool) {
	f.state, f.updated = finished, true
	if ran {
		whole := m.files[f.name]
		for _, o := range append([]*file{f, whole}, f.also...) {
			if o == nil {
				continue
			}
			o.mtimeOK = false
			if m.justPrint || m.question || m.touch {
				o.mtime, o.mtimeOK = m.c.Now().Add(time.Hour), true
			} else if o.target && m.modified(o).IsZero() && !o.phony {
				// A recipe that does not make its file has done all that it will.
				o.mtime, o.mtimeOK = m.c.Now(), true
			}
		}
	}
	for _, o := range f.also {
		if !o.updated && ran {
			o.state, o.updated, o.status = finished, true, f.status
			if o.made = o.made || !m.named(o); o.made {
				o.found = ""
			}
		}
	}
}

// named says whether a makefile or the command line asks for f.
func (m *maker) named(f *file) bool { return f.target || contains(m.goals, f.name) || f.parent != nil }

// scopeOf gives f the variables that its recipe and those of its prerequisites see.
func (m *maker) scopeOf(f *file) {
	if f.scope != nil {
		return
	}
	var outer *scope
	if f.parent != nil && f.parent.scope != nil {
		outer = f.parent.scope.outer // the parent's own variables, without its automatic ones
	}
	own := newScope(outer)
	// Variables of patterns, the most specific last.
	fit := slices.Clone(m.patternVars)
	fit = slices.DeleteFunc(fit, func(v patternVar) bool { _, ok := match(v.pattern, f.name); return !ok })
	slices.SortStableFunc(fit, func(a, b patternVar) int {
		x, _ := match(a.pattern, f.name)
		y, _ := match(b.pattern, f.name)
		return len(y) - len(x)
	})
	for _, pv := range fit {
		if v := m.assign(own, pv.name, pv.op, pv.value, pv.origin, pv.at); v != nil && own.vars[pv.name] == v {
			v.private = pv.private
			if pv.export != exportDefault {
				v.export = pv.export
			}
		}
	}
	if f.vars != nil {
		middle := newScope(own)
		for name, v := range f.vars.vars {
			copied := *v
			middle.vars[name] = &copied
		}
		own = middle
	}
	f.scope = newScope(own)
}

// remakeMakefiles makes the makefiles that have rules, and begins anew if one was.
func (m *maker) remakeMakefiles() {
	var goals []*file
	before := map[*file]time.Time{}
	refs := map[*file]*makefileRef{}
	for _, ref := range m.makefiles {
		if ref.name == "-" {
			continue
		}
		f := m.enter(trimDots(ref.name))
		if len(f.double) > 0 && f.cmds == nil && len(f.double[0].deps) == 0 {
			continue // it would be made for ever
		}
		if f.phony {
			continue
		}
		if refs[f] == nil {
			goals = append(goals, f)
			before[f] = m.modified(f)
		}
		refs[f] = ref
		f.silentNo = ref.optional || !ref.missing
	}
	if len(goals) == 0 {
		return
	}
	keep := m.flags
	m.justPrint, m.question, m.touch = false, false, false
	if !m.alwaysMake || m.c.Getenv("MAKE_RESTARTS") != "" {
		m.alwaysMake = false
	}
	again := false
	for _, f := range goals {
		m.updateGoals([]*file{f}, true)
		ref := refs[f]
		if f.status != 0 && !ref.optional {
			if ref.missing || f.cmds != nil {
				m.fatal(location{}, "Failed to remake makefile '%s'", f.name)
			}
		}
		f.mtimeOK = false
		if now := m.modified(f); !now.IsZero() && !now.Equal(before[f]) && f.cmds != nil {
			again = true
		}
		f.silentNo = false
	}
	m.flags = keep
	if m.c.Getenv("MAKE_RESTARTS") != "" {
		m.alwaysMake = keep.alwaysMake
	}
	if again {
		m.restart()
	}
	for _, f := range goals {
		if f.cmds == nil {
			f.updated, f.state, f.status = false, notStarted, 0
		}
	}
}
