package awk

import (
	"io"
	"strings"
	"testing"
)

// memory is a Host with files in memory and no commands.
type memory struct {
	out   strings.Builder
	files map[string]string
	left  int
}

func (m *memory) Step(n int) {
	if m.left -= n; m.left < 0 {
		panic("budget")
	}
}
func (m *memory) OpenRead(name string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(m.files[name])), nil
}
func (m *memory) OpenWrite(string, bool) (io.WriteCloser, error) { return nil, io.ErrClosedPipe }
func (m *memory) Command(string, bool) (Pipe, error)             { return nil, io.ErrClosedPipe }
func (m *memory) System(string) float64                          { return 0 }
func (m *memory) Stdout() io.Writer                              { return &m.out }
func (m *memory) Flush()                                         {}
func (m *memory) Stderr() io.Writer                              { return io.Discard }
func (m *memory) Environ() []string                              { return []string{"HOME=/root"} }
func (m *memory) Time() int64                                    { return 1 }
func (m *memory) Strftime(string, int64, bool) string            { return "" }

func run(t *testing.T, src, input string, d Dialect) string {
	t.Helper()
	p, err := Parse(d, Source{CommandLine, src})
	if err != nil {
		return err.Error()
	}
	m := &memory{files: map[string]string{"-": input}, left: 1 << 20}
	msg := ""
	p.Run(Config{Host: m, Name: "awk", Report: func(e *Error) { msg = e.Text }})
	return m.out.String() + msg
}

func TestLanguage(t *testing.T) {
	for _, c := range []struct{ src, input, want string }{
		{`{ print $2, NF }`, "a b c\n", "b 3\n"},
		{`BEGIN { print 1 " " -1, 2 * 3 + 4, 2 + 3 "x", -7 % 3 }`, "", "1-1 10 5x -1\n"},
		{`BEGIN { x["a"]; if ("a" in x) print length(x); delete x["a"]; print ("a" in x) }`, "", "1\n0\n"},
		{`function f(n) { return n < 2 ? 1 : n * f(n - 1) } BEGIN { print f(5) }`, "", "120\n"},
		{`{ $3 = "z"; print; print NF }`, "a b\n", "a b z\n3\n"},
		{`$1 == 10 { print "n" } $1 == "10" { print "s" }`, "10.0\n", "n\n"},
		{`BEGIN { s = "aaa"; n = gsub(/a/, "<&>", s); print n, s }`, "", "3 <a><a><a>\n"},
		{`NR == 1, NR == 2 { print } END { print NR }`, "1\n2\n3\n", "1\n2\n3\n"},
		{`BEGIN { printf "%5.2f|%-3d|%03d|%s|%c\n", 3.14159, 7, 7, "x", 65 }`, "", " 3.14|7  |007|x|A\n"},
		{`BEGIN { print substr("hello", 2, 3), index("hello", "l"), toupper("ab") }`, "", "ell 3 AB\n"},
	} {
		for _, d := range []Dialect{Mawk, Busybox} {
			if got := run(t, c.src, c.input, d); got != c.want {
				t.Errorf("%s (dialect %d): got %q, want %q", c.src, d, got, c.want)
			}
		}
	}
}

// Where the two awks part.
func TestDialects(t *testing.T) {
	for _, c := range []struct{ src, mawk, busybox string }{
		{`BEGIN { print 65536 * 32768 }`, "2.14748e+09\n", "2147483648\n"},
		{`BEGIN { print 1 / 0 }`, "inf\n", "cmd. line:1: Division by zero"},
		{`BEGIN { print 011 }`, "11\n", "9\n"},
		{`BEGIN { print substr("hello", -1, 3) }`, "hell\n", "hel\n"},
		{`BEGIN { print(1 }`, "line 1: missing ) near }", "cmd. line:1: Unexpected token"},
		{`BEGIN { nosuch(1) }`, "line 2: function nosuch never defined", "cmd. line:1: Call to undefined function"},
		{`BEGIN { x["b"]; x["a"]; x[10]; x[9]; for (k in x) printf "%s ", k }`, "10 b a 9 ", "10 a b 9 "},
		{`BEGIN { print "aa" ~ /a{2}/ }`, "0\n", "1\n"},
	} {
		if got := run(t, c.src, "", Mawk); got != c.mawk {
			t.Errorf("mawk: %s: got %q, want %q", c.src, got, c.mawk)
		}
		if got := run(t, c.src, "", Busybox); got != c.busybox {
			t.Errorf("busybox: %s: got %q, want %q", c.src, got, c.busybox)
		}
	}
}

func FuzzAwk(f *testing.F) {
	f.Add(`BEGIN { for (i = 0; i < 3; i++) a[i] = i; print a[1] } { print $1 | "x" }`, "a b\nc\n", true)
	f.Add(`function f(a, b) { return a b } /x/, !/y/ { sub(/(a|b)*/, "&\\&"); printf "%*d %c", 3, f($1, $NF), getline }`, "ab\n", false)
	f.Fuzz(func(t *testing.T, src, input string, busybox bool) {
		if len(src) > 300 || len(input) > 100 {
			return
		}
		d := Mawk
		if busybox {
			d = Busybox
		}
		p, err := Parse(d, Source{CommandLine, src})
		if err != nil {
			return
		}
		defer func() {
			if r := recover(); r != nil && r != "budget" {
				panic(r)
			}
		}()
		p.Run(Config{Host: &memory{files: map[string]string{"-": input}, left: 20000}, Name: "awk", Report: func(*Error) {}})
	})
}
