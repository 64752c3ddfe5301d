package line

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/c-bata/go-prompt"
	"github.com/mattn/go-runewidth"
	"golang.org/x/term"
)

// A Suggestion is one way to go on with a word.
type Suggestion struct {
	Text        string // the whole word
	Description string
}

// Completer knows how a line can go on. Complete is called for every key, with the text before
// the cursor; asked says that it is wanted (by Tab), and not only offered. What it gives replaces
// the last word, which begins after the last blank or "=" or ":" or "/" of the text, as
// WordStart has it.
type Completer interface {
	Complete(before string, asked bool) []Suggestion
}

// separators end a word for completion.
const separators = " \t=:/,;|&<>()"

// WordStart is where the word to complete begins in the text before the cursor.
func WordStart(before string) int { return strings.LastIndexAny(before, separators) + 1 }

// Options are what an Editor works with; each may be nil.
type Options struct {
	Completer Completer
	History   *History
}

// Editor reads lines at a Terminal.
type Editor struct {
	t      *Terminal
	o      Options
	parser *parser
	prompt *prompt.Prompt // nil where go-prompt cannot work
	prefix string

	last  string       // what was completed last,
	shown []Suggestion // and what was offered
}

// altBindings are the keys of bash that go-prompt lacks.
var altBindings = []prompt.ASCIICodeBind{
	{ASCIICode: []byte("\x1bb"), Fn: wordLeft},
	{ASCIICode: []byte("\x1bf"), Fn: wordRight},
	{ASCIICode: []byte("\x1b[1;5D"), Fn: wordLeft},
	{ASCIICode: []byte("\x1b[1;5C"), Fn: wordRight},
	{ASCIICode: []byte("\x1b\x7f"), Fn: func(b *prompt.Buffer) { b.DeleteBeforeCursor(leftWord(b)) }},
	{ASCIICode: []byte("\x1bd"), Fn: func(b *prompt.Buffer) { b.Delete(rightWord(b)) }},
	{ASCIICode: []byte("\x1b[1~"), Fn: prompt.GoLineBeginning},
	{ASCIICode: []byte("\x1b[4~"), Fn: prompt.GoLineEnd},
	{ASCIICode: []byte("\x1bOH"), Fn: prompt.GoLineBeginning},
	{ASCIICode: []byte("\x1bOF"), Fn: prompt.GoLineEnd},
}

func wordLeft(b *prompt.Buffer)  { b.CursorLeft(leftWord(b)) }
func wordRight(b *prompt.Buffer) { b.CursorRight(rightWord(b)) }

// leftWord and rightWord count the characters to the next border of a word.
func leftWord(b *prompt.Buffer) int {
	text := []rune(b.Document().TextBeforeCursor())
	i := len(text)
	for i > 0 && !wordRune(text[i-1]) {
		i--
	}
	for i > 0 && wordRune(text[i-1]) {
		i--
	}
	return len(text) - i
}

func rightWord(b *prompt.Buffer) int {
	text := []rune(b.Document().TextAfterCursor())
	i := 0
	for i < len(text) && !wordRune(text[i]) {
		i++
	}
	for i < len(text) && wordRune(text[i]) {
		i++
	}
	return i
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// maxSuggestions is how many suggestions are shown at a time.
const maxSuggestions = 6

// NewEditor makes an editor for the terminal.
func NewEditor(t *Terminal, o Options) *Editor {
	// Terminals draw characters of ambiguous width narrow, also in Chinese locales.
	runewidth.DefaultCondition.EastAsianWidth = false
	e := &Editor{t: t, o: o}
	e.parser = &parser{t: t}
	e.prompt = e.newPrompt()
	return e
}

// newPrompt makes the go-prompt. Its constructor opens /dev/tty before it looks at the options,
// and panics where that fails; then there is none.
func (e *Editor) newPrompt() (p *prompt.Prompt) {
	defer func() {
		if recover() != nil {
			p = nil
		}
	}()
	var history []string
	if e.o.History != nil {
		history = e.o.History.Lines()
	}
	return prompt.New(
		func(string) {},
		e.complete,
		prompt.OptionParser(e.parser),
		prompt.OptionWriter(&writer{t: e.t}),
		prompt.OptionLivePrefix(func() (string, bool) { return e.prefix, true }),
		prompt.OptionPrefixTextColor(prompt.DefaultColor),
		prompt.OptionHistory(history),
		prompt.OptionMaxSuggestion(maxSuggestions),
		prompt.OptionCompletionWordSeparator(separators),
		prompt.OptionAddASCIICodeBind(altBindings...),
		prompt.OptionAddKeyBind(
			// Reached only where there is text: on an empty line it ends the input.
			prompt.KeyBind{Key: prompt.ControlD, Fn: func(*prompt.Buffer) { e.parser.open() }},
			prompt.KeyBind{Key: prompt.Tab, Fn: e.tab},
		),
		prompt.OptionSuggestionBGColor(prompt.DarkGray),
		prompt.OptionSuggestionTextColor(prompt.White),
		prompt.OptionDescriptionBGColor(prompt.DarkGray),
		prompt.OptionDescriptionTextColor(prompt.LightGray),
		prompt.OptionSelectedSuggestionBGColor(prompt.Cyan),
		prompt.OptionSelectedSuggestionTextColor(prompt.Black),
		prompt.OptionSelectedDescriptionBGColor(prompt.Cyan),
		prompt.OptionSelectedDescriptionTextColor(prompt.Black),
		prompt.OptionScrollbarBGColor(prompt.DarkGray),
		prompt.OptionScrollbarThumbColor(prompt.LightGray),
	)
}

// complete offers suggestions to go-prompt.
func (e *Editor) complete(d prompt.Document) []prompt.Suggest {
	if e.o.Completer == nil {
		return nil
	}
	before := d.TextBeforeCursor()
	switch d.LastKeyStroke() {
	case prompt.Tab, prompt.BackTab, prompt.Up, prompt.Down:
		// While somebody walks through the list, it must not change: go-prompt keeps an index
		// into it.
		if len(e.shown) == 0 || before != e.last {
			e.shown = e.o.Completer.Complete(before, true)
		}
	default:
		e.shown = nil
		if before != "" {
			e.shown = e.o.Completer.Complete(before, false)
		}
	}
	e.last = before
	var out []prompt.Suggest
	for _, s := range e.shown {
		out = append(out, prompt.Suggest{Text: s.Text, Description: s.Description})
	}
	return out
}

// tab does what bash does on Tab: as much of the word as all suggestions have in common is
// filled in. Where a list is in view, go-prompt's own Tab walks through it instead.
func (e *Editor) tab(b *prompt.Buffer) {
	if e.o.Completer == nil || len(e.shown) > 0 {
		return
	}
	before := b.Document().TextBeforeCursor()
	suggestions := e.o.Completer.Complete(before, true)
	if len(suggestions) == 0 {
		return
	}
	common := suggestions[0].Text
	for _, s := range suggestions[1:] {
		for !strings.HasPrefix(s.Text, common) {
			common = common[:len(common)-1]
		}
	}
	common = strings.ToValidUTF8(common, "")
	word := before[WordStart(before):]
	if len(common) > len(word) && strings.HasPrefix(common, word) {
		b.InsertText(common[len(word):], false, true)
		if len(suggestions) == 1 && !strings.HasSuffix(common, "/") && !strings.HasSuffix(common, "=") {
			b.InsertText(" ", false, true)
		}
	}
}

// ReadLine shows the prompt and reads a line, without its end. io.EOF is ^D on an empty line, or
// the end of the input.
func (e *Editor) ReadLine(promptText string) (string, error) {
	e.prefix = promptText
	line, err := e.read()
	if err == nil && e.o.History != nil && strings.TrimSpace(line) != "" {
		e.o.History.Add(line)
	}
	return line, err
}

func (e *Editor) read() (string, error) {
	if e.prompt == nil {
		return e.readSimply()
	}
	line := e.prompt.Input()
	if e.parser.ended() {
		return "", io.EOF
	}
	return line, nil
}

// readSimply reads a line without go-prompt.
func (e *Editor) readSimply() (string, error) {
	lease := e.t.Lease()
	defer lease.End()
	s := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{lease, e.t}, e.prefix)
	rows, cols := e.t.Size()
	_ = s.SetSize(cols, rows)
	return s.ReadLine()
}

// parser gives go-prompt the keys. It is a gate as well: behind the key that ends a line, nothing
// goes through until go-prompt asks for the next line, or it would be lost.
type parser struct {
	t     *Terminal
	lease *Lease
	keys  keys

	mu     sync.Mutex
	queue  [][]byte
	shut   bool
	last   []byte
	closed bool // the input has ended
}

var _ prompt.ConsoleParser = (*parser)(nil)

// Setup begins a line.
func (p *parser) Setup() error {
	p.lease = p.t.Lease()
	io.WriteString(p.t, "\x1b[?2004h")
	p.mu.Lock()
	p.shut, p.last = false, nil
	p.mu.Unlock()
	return nil
}

// TearDown ends a line. What was read beyond it stays here if a line was pasted, for the next
// one; the rest goes back, for the command may want it.
func (p *parser) TearDown() error {
	io.WriteString(p.t, "\x1b[?2004l")
	p.lease.End()
	return nil
}

// open lets keys through again.
func (p *parser) open() {
	p.mu.Lock()
	p.shut = false
	p.mu.Unlock()
}

// ended reports whether the last line was ended by ^D or the end of the input.
func (p *parser) ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed || len(p.last) == 1 && p.last[0] == 4
}

// GetWinSize is the size of the window.
func (p *parser) GetWinSize() *prompt.WinSize {
	rows, cols := p.t.Size()
	return &prompt.WinSize{Row: uint16(rows), Col: uint16(cols)}
}

const (
	poll      = 50 * time.Millisecond // how soon Read returns when there is nothing
	escapeFor = 25 * time.Millisecond // how long an escape may be the beginning of more
)

// Read gives the next key. It never waits long: go-prompt stops its reader between two reads.
func (p *parser) Read() ([]byte, error) {
	if b := p.next(); b != nil {
		return b, nil
	}
	p.mu.Lock()
	shut := p.shut
	p.mu.Unlock()
	if shut {
		return nil, errNoInput
	}
	wait := poll
	if len(p.keys.rest) > 0 && !p.keys.pasting {
		wait = escapeFor
	}
	buf := make([]byte, 4096)
	n, err := p.lease.read(buf, wait)
	var cut [][]byte
	switch {
	case n > 0:
		cut = p.keys.feed(buf[:n])
	case errors.Is(err, errNoInput):
		cut = p.keys.flush()
	case errors.Is(err, io.EOF):
		p.mu.Lock()
		again := p.closed
		p.closed = true
		p.mu.Unlock()
		if !again {
			return p.deliver([]byte{3}), nil // ^C empties the line, or ^D would not end it
		}
		return p.deliver([]byte{4}), nil
	}
	p.mu.Lock()
	p.queue = append(p.queue, cut...)
	p.mu.Unlock()
	if b := p.next(); b != nil {
		return b, nil
	}
	return nil, errNoInput
}

// next takes a key from the queue, if the gate is open.
func (p *parser) next() []byte {
	p.mu.Lock()
	if p.shut || len(p.queue) == 0 {
		p.mu.Unlock()
		return nil
	}
	b := p.queue[0]
	p.queue = p.queue[1:]
	p.mu.Unlock()
	return p.deliver(b)
}

// deliver notes a key on its way to go-prompt, and shuts the gate behind the end of a line.
func (p *parser) deliver(b []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = b
	if bytes.Equal(b, []byte{'\r'}) || bytes.Equal(b, []byte{'\n'}) || bytes.Equal(b, []byte{4}) {
		p.shut = true
	}
	return b
}
