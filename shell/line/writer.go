package line

import (
	"bytes"
	"fmt"

	"github.com/c-bata/go-prompt"
)

// writer is go-prompt's way to the terminal, in VT100 sequences. It differs from go-prompt's own
// in two things: the terminal is raw, so that the end of a line needs its carriage return; and
// the window's title is left to the window.
type writer struct {
	t   *Terminal
	buf bytes.Buffer
}

var _ prompt.ConsoleWriter = (*writer)(nil)

func (w *writer) Flush() error {
	defer w.buf.Reset()
	_, err := w.t.Write(bytes.ReplaceAll(w.buf.Bytes(), []byte("\n"), []byte("\r\n")))
	return err
}

func (w *writer) WriteRaw(b []byte)    { w.buf.Write(b) }
func (w *writer) WriteRawStr(s string) { w.buf.WriteString(s) }

// Write and WriteStr are for text from outside: an escape in it must not reach the terminal.
func (w *writer) Write(b []byte)    { w.buf.Write(bytes.ReplaceAll(b, []byte{0x1b}, []byte{'?'})) }
func (w *writer) WriteStr(s string) { w.Write([]byte(s)) }

// csi writes a control sequence.
func (w *writer) csi(format string, args ...any) { fmt.Fprintf(&w.buf, "\x1b["+format, args...) }

func (w *writer) EraseScreen()      { w.csi("2J") }
func (w *writer) EraseUp()          { w.csi("1J") }
func (w *writer) EraseDown()        { w.csi("J") }
func (w *writer) EraseStartOfLine() { w.csi("1K") }
func (w *writer) EraseEndOfLine()   { w.csi("K") }
func (w *writer) EraseLine()        { w.csi("2K") }
func (w *writer) ShowCursor()       { w.csi("?25h") }
func (w *writer) HideCursor()       { w.csi("?25l") }
func (w *writer) AskForCPR()        { w.csi("6n") }
func (w *writer) SaveCursor()       { w.csi("s") }
func (w *writer) UnSaveCursor()     { w.csi("u") }
func (w *writer) ScrollDown()       { w.buf.WriteString("\x1bD") }
func (w *writer) ScrollUp()         { w.buf.WriteString("\x1bM") }
func (w *writer) SetTitle(string)   {}
func (w *writer) ClearTitle()       {}

func (w *writer) CursorGoTo(row, col int) {
	if row == 0 && col == 0 {
		w.csi("H")
		return
	}
	w.csi("%d;%dH", row, col)
}

func (w *writer) CursorUp(n int)       { w.move(n, 'A', 'B') }
func (w *writer) CursorDown(n int)     { w.move(n, 'B', 'A') }
func (w *writer) CursorForward(n int)  { w.move(n, 'C', 'D') }
func (w *writer) CursorBackward(n int) { w.move(n, 'D', 'C') }

// move moves the cursor n places; the other way where n is negative.
func (w *writer) move(n int, forth, back byte) {
	switch {
	case n > 0:
		w.csi("%d%c", n, forth)
	case n < 0:
		w.csi("%d%c", -n, back)
	}
}

// colors are the SGR numbers of go-prompt's colours, for the foreground.
var colors = map[prompt.Color]int{
	prompt.DefaultColor: 39,
	prompt.Black:        30, prompt.DarkRed: 31, prompt.DarkGreen: 32, prompt.Brown: 33,
	prompt.DarkBlue: 34, prompt.Purple: 35, prompt.Cyan: 36, prompt.LightGray: 37,
	prompt.DarkGray: 90, prompt.Red: 91, prompt.Green: 92, prompt.Yellow: 93,
	prompt.Blue: 94, prompt.Fuchsia: 95, prompt.Turquoise: 96, prompt.White: 97,
}

func (w *writer) SetColor(fg, bg prompt.Color, bold bool) {
	weight := 0
	if bold {
		weight = 1
	}
	w.csi("%d;%d;%dm", weight, colors[fg], colors[bg]+10)
}
