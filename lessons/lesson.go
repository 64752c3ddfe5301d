// Package lessons teaches and judges. A lesson is Markdown: prose, and for each step the state that
// the learner is to bring about, a solution, and hints. Checks look at the state of a Docker engine
// through its API, and never at what was printed, so that any way to the state counts; and the same
// lesson teaches on the simulated engine and on a real one.
//
// The package knows no engine and no lab. What it needs of one is the interface Lab.
package lessons

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"go.yaml.in/yaml/v3"
)

// Lang is a language of the content: "en" or "zh".
type Lang string

// The languages that every lesson is written in.
const (
	English Lang = "en"
	Chinese Lang = "zh"
)

// Langs are all languages.
var Langs = []Lang{English, Chinese}

// Lesson is one lesson in all its languages.
type Lesson struct {
	ID    string
	Order int
	Text  map[Lang]*Text
}

// Text is a lesson in one language.
type Text struct {
	File   string // where it stands, for messages
	Title  string
	Intro  string // Markdown
	Steps  []Step
	Outro  string
	source []byte
}

// Step is something to be done.
type Step struct {
	ID       string
	Title    string
	Prose    string   // Markdown
	Hints    []string // Markdown, from a nudge to nearly the answer
	Solution string   // commands for the lab's host
	Checks   []Check
	Line     int // of its heading
}

// Book is a set of lessons in their order.
type Book struct{ Lessons []*Lesson }

// Lesson finds one by its ID, or by an unambiguous beginning of it.
func (b *Book) Lesson(id string) (*Lesson, error) {
	var found []*Lesson
	for _, l := range b.Lessons {
		if l.ID == id {
			return l, nil
		}
		if strings.HasPrefix(l.ID, id) {
			found = append(found, l)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	var ids []string
	for _, l := range b.Lessons {
		ids = append(ids, l.ID)
	}
	return nil, fmt.Errorf("no lesson %q: there are %s", id, strings.Join(ids, ", "))
}

// Load reads the lessons of a content folder: LANG/lessons/*.md for each language. What is wrong
// in any of them is all reported.
func Load(content fs.FS) (*Book, error) {
	byID := map[string]*Lesson{}
	var errs []error
	for _, lang := range Langs {
		files, err := fs.Glob(content, path.Join(string(lang), "lessons", "*.md"))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			src, err := fs.ReadFile(content, f)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			head, t, err := Parse(f, src)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			l := byID[head.ID]
			if l == nil {
				l = &Lesson{ID: head.ID, Order: head.Order, Text: map[Lang]*Text{}}
				byID[head.ID] = l
			}
			if old := l.Text[lang]; old != nil {
				errs = append(errs, fmt.Errorf("%s: lesson %q stands in %s too", f, head.ID, old.File))
				continue
			}
			l.Text[lang] = t
		}
	}
	b := &Book{}
	for _, l := range byID {
		b.Lessons = append(b.Lessons, l)
	}
	sort.Slice(b.Lessons, func(i, j int) bool {
		x, y := b.Lessons[i], b.Lessons[j]
		return x.Order < y.Order || x.Order == y.Order && x.ID < y.ID
	})
	if len(b.Lessons) == 0 && len(errs) == 0 {
		return nil, errors.New("no lessons: a content folder has en/lessons/*.md and zh/lessons/*.md")
	}
	return b, errors.Join(errs...)
}

// Header is the YAML between "---" lines at the top of a lesson.
type Header struct {
	ID    string `yaml:"id"`
	Title string `yaml:"title"`
	Order int    `yaml:"order"`
}

// MaxSource is the most bytes that a lesson may have.
const MaxSource = 1 << 20

// Parse reads one lesson file. A heading of the second level begins a step, and its {#id} names
// it; fenced blocks marked check, solution and hint belong to the step and are not shown.
func Parse(name string, src []byte) (Header, *Text, error) {
	var head Header
	if len(src) > MaxSource {
		return head, nil, fmt.Errorf("%s: larger than %d bytes", name, MaxSource)
	}
	body, line, err := frontMatter(name, src, &head)
	if err != nil {
		return head, nil, err
	}
	if head.ID == "" || head.Title == "" {
		return head, nil, fmt.Errorf("%s:1: the header needs an id and a title", name)
	}
	t := &Text{File: name, Title: head.Title, source: body}
	p := sections{name: name, src: body, line: line}
	for _, sec := range p.split() {
		switch {
		case sec.step == nil && len(t.Steps) == 0:
			t.Intro = sec.prose
		case sec.step == nil:
			t.Outro = sec.prose
		default:
			t.Steps = append(t.Steps, *sec.step)
		}
	}
	if len(p.errs) == 0 && len(t.Steps) == 0 {
		p.fail(1, "no step: a step begins with a heading like \"## Pull an image {#pull}\"")
	}
	seen := map[string]bool{}
	for _, s := range t.Steps {
		if seen[s.ID] {
			p.fail(s.Line, "step %q stands here twice", s.ID)
		}
		seen[s.ID] = true
	}
	return head, t, errors.Join(p.errs...)
}

// frontMatter takes the YAML header off, and gives the rest and the line it begins at.
func frontMatter(name string, src []byte, into any) (body []byte, line int, err error) {
	src = bytes.ReplaceAll(bytes.TrimPrefix(src, []byte("\ufeff")), []byte("\r\n"), []byte("\n"))
	rest, ok := bytes.CutPrefix(src, []byte("---\n"))
	if !ok {
		return nil, 0, fmt.Errorf("%s:1: the file does not begin with a \"---\" header", name)
	}
	y, body, ok := bytes.Cut(rest, []byte("\n---\n"))
	if !ok {
		return nil, 0, fmt.Errorf("%s:1: the header is not closed by a \"---\" line", name)
	}
	dec := yaml.NewDecoder(bytes.NewReader(y))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		return nil, 0, fmt.Errorf("%s: header: %w", name, err)
	}
	return body, bytes.Count(y, []byte("\n")) + 4, nil
}

// sections cuts a document at its headings of the second level.
type sections struct {
	name string
	src  []byte
	line int // of the first byte of src
	errs []error
}

type section struct {
	prose string
	step  *Step // nil: what stands before the first step, or after the last under "## Done"
}

func (p *sections) fail(line int, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("%s:%d: %s", p.name, line, fmt.Sprintf(format, args...)))
}

func (p *sections) lineAt(off int) int { return p.line + bytes.Count(p.src[:off], []byte("\n")) }

// markdown is the dialect of lessons: CommonMark with tables, and {#id} on headings.
var markdown = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough), goldmark.WithParserOptions(parser.WithAttribute()))
})

func (p *sections) split() []section {
	doc := markdown().Parser().Parse(text.NewReader(p.src))
	var out []section
	cur := section{}
	from := 0
	var cuts [][2]int // what is not shown of the section
	flush := func(to int) {
		var b strings.Builder
		at := from
		for _, c := range cuts {
			b.Write(p.src[at:c[0]])
			at = c[1]
		}
		b.Write(p.src[at:to])
		prose := strings.TrimSpace(b.String())
		if cur.step != nil {
			cur.step.Prose = prose
			if len(cur.step.Checks) == 0 {
				p.fail(cur.step.Line, "step %q has no check", cur.step.ID)
			}
			if cur.step.Solution == "" {
				p.fail(cur.step.Line, "step %q has no solution", cur.step.ID)
			}
		}
		cur.prose = prose
		if cur.step != nil || prose != "" {
			out = append(out, cur)
		}
		cuts = nil
	}
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Heading:
			if n.Level != 2 || n.Lines().Len() == 0 {
				continue
			}
			start := lineStart(p.src, n.Lines().At(0).Start)
			flush(start)
			id, _ := n.AttributeString("id")
			title := string(inlineText(n, p.src))
			line := p.lineAt(start)
			cur, from = section{}, lineEnd(p.src, start)
			if name, ok := id.([]byte); ok && string(name) != "done" {
				cur.step = &Step{ID: string(name), Title: title, Line: line}
			} else if !ok {
				p.fail(line, "the heading %q has no {#id}", title)
			}
		case *ast.FencedCodeBlock:
			lang := string(n.Language(p.src))
			if lang != "check" && lang != "solution" && lang != "hint" {
				continue
			}
			start, end := fence(p.src, n)
			line := p.lineAt(start)
			cuts = append(cuts, [2]int{start, end})
			if cur.step == nil {
				p.fail(line, "a %s block outside of a step", lang)
				continue
			}
			body := blockText(n, p.src)
			switch lang {
			case "solution":
				cur.step.Solution += string(body)
			case "hint":
				cur.step.Hints = append(cur.step.Hints, string(bytes.TrimSpace(body)))
			case "check":
				cs, err := ParseChecks(body)
				if err != nil {
					p.fail(line, "%v", err)
				}
				cur.step.Checks = append(cur.step.Checks, cs...)
			}
		}
	}
	flush(len(p.src))
	return out
}

func lineStart(src []byte, off int) int { return bytes.LastIndexByte(src[:off], '\n') + 1 }

func lineEnd(src []byte, off int) int {
	if i := bytes.IndexByte(src[off:], '\n'); i >= 0 {
		return off + i + 1
	}
	return len(src)
}

// fence is where a fenced block begins and ends, its fences included.
func fence(src []byte, n *ast.FencedCodeBlock) (start, end int) {
	start = lineStart(src, n.Info.Segment.Start)
	end = lineEnd(src, start)
	if l := n.Lines(); l.Len() > 0 {
		end = l.At(l.Len() - 1).Stop
	}
	return start, lineEnd(src, min(end, len(src)))
}

// inlineText is the text below a node without its markup.
func inlineText(n ast.Node, src []byte) []byte {
	var b bytes.Buffer
	ast.Walk(n, func(c ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := c.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(src))
		}
		return ast.WalkContinue, nil
	})
	return b.Bytes()
}

// In gives the lesson in a language, or in the other where that one is missing.
func (l *Lesson) In(lang Lang) *Text {
	if t := l.Text[lang]; t != nil {
		return t
	}
	for _, o := range Langs {
		if t := l.Text[o]; t != nil {
			return t
		}
	}
	return &Text{}
}

// Step finds a step's place by its ID, or -1.
func (t *Text) Step(id string) int {
	return slices.IndexFunc(t.Steps, func(s Step) bool { return s.ID == id })
}

// ParseTask reads Markdown that is no lesson, an assignment: its header into head, its prose, and
// the checks of all its check blocks.
func ParseTask(name string, src []byte, head any) (prose string, checks []Check, err error) {
	if len(src) > MaxSource {
		return "", nil, fmt.Errorf("%s: larger than %d bytes", name, MaxSource)
	}
	body, line, err := frontMatter(name, src, head)
	if err != nil {
		return "", nil, err
	}
	p := sections{name: name, src: body, line: line}
	var shown bytes.Buffer
	at := 0
	for n := markdown().Parser().Parse(text.NewReader(body)).FirstChild(); n != nil; n = n.NextSibling() {
		b, ok := n.(*ast.FencedCodeBlock)
		if !ok || string(b.Language(body)) != "check" {
			continue
		}
		start, end := fence(body, b)
		cs, err := ParseChecks(blockText(b, body))
		if err != nil {
			p.fail(p.lineAt(start), "%v", err)
		}
		checks = append(checks, cs...)
		shown.Write(body[at:start])
		at = end
	}
	shown.Write(body[at:])
	return strings.TrimSpace(shown.String()), checks, errors.Join(p.errs...)
}

// blockText is what stands in a code block.
func blockText(n *ast.FencedCodeBlock, src []byte) []byte {
	var b bytes.Buffer
	for i := range n.Lines().Len() {
		seg := n.Lines().At(i)
		b.Write(seg.Value(src))
	}
	return b.Bytes()
}
