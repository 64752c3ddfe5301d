// Package progtest holds programs of the lab against recorded answers of the real ones.
//
// Its files are txtar archives of cases, each a script and the answers of one or both families;
// tests/record/README.md tells the format, and tests/record records them.
package progtest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// File is a file of cases.
type File struct {
	Comment string
	Cases   []Case
}

// Case is one script with its answers.
type Case struct {
	Name    string // may end in " [gnu]", " [busybox]" or " [bash]"
	Blocks  []string
	Answers map[string][]Answer // by family, "gnu" or "busybox"; one for each block
}

// Answer is what one block gave.
type Answer struct {
	Exit   int
	Output string // standard output and standard error as they came
}

// Families are those that have the case's programs.
func (c *Case) Families() []string {
	switch {
	case strings.HasSuffix(c.Name, " [gnu]"), strings.HasSuffix(c.Name, " [bash]"):
		return []string{"gnu"}
	case strings.HasSuffix(c.Name, " [busybox]"):
		return []string{"busybox"}
	}
	return []string{"busybox", "gnu"}
}

// Shell is what runs the blocks.
func (c *Case) Shell() string {
	if strings.HasSuffix(c.Name, " [bash]") {
		return "bash"
	}
	return "sh"
}

// Parse reads a file of cases.
func Parse(text []byte) (*File, error) {
	ar := txtar.Parse(text)
	f := &File{Comment: string(ar.Comment)}
	at := map[string]int{}
	for _, part := range ar.Files {
		name, family, isAnswer := cutFamily(part.Name)
		if !isAnswer {
			if _, dup := at[part.Name]; dup {
				return nil, fmt.Errorf("two cases are called %q", part.Name)
			}
			at[part.Name] = len(f.Cases)
			f.Cases = append(f.Cases, Case{Name: part.Name, Blocks: blocks(string(part.Data)), Answers: map[string][]Answer{}})
			continue
		}
		i, ok := at[name]
		if !ok {
			return nil, fmt.Errorf("an answer to %q, which is no case", name)
		}
		answers, err := parseAnswers(string(part.Data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part.Name, err)
		}
		f.Cases[i].Answers[family] = answers
	}
	return f, nil
}

func cutFamily(name string) (rest, family string, ok bool) {
	for _, family := range []string{"gnu", "busybox"} {
		if rest, ok := strings.CutSuffix(name, ": "+family); ok {
			return rest, family, true
		}
	}
	return name, "", false
}

func blocks(script string) []string {
	var bs []string
	for _, b := range strings.Split(strings.Trim(script, "\n"), "\n\n") {
		if b = strings.Trim(b, "\n"); b != "" {
			bs = append(bs, b)
		}
	}
	return bs
}

func parseAnswers(text string) ([]Answer, error) {
	var as []Answer
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if n, ok := strings.CutPrefix(line, "["); ok {
			exit, err := strconv.Atoi(strings.TrimSuffix(n, "]"))
			if err != nil {
				return nil, fmt.Errorf("no exit code: %q", line)
			}
			as = append(as, Answer{Exit: exit})
			continue
		}
		rest, ok := strings.CutPrefix(line, "  ")
		if !ok || len(as) == 0 {
			return nil, errors.New("an output line has two blanks before it: " + strconv.Quote(line))
		}
		switch {
		case strings.HasSuffix(rest, `\n`):
			rest = rest[:len(rest)-2] + "\n"
		case strings.HasSuffix(rest, `\c`):
			rest = rest[:len(rest)-2]
		default:
			rest += "\n"
		}
		as[len(as)-1].Output += rest
	}
	return as, nil
}

// Format writes what Parse reads.
func (f *File) Format() []byte {
	var b bytes.Buffer
	b.WriteString(f.Comment)
	for _, c := range f.Cases {
		fmt.Fprintf(&b, "-- %s --\n%s\n", c.Name, strings.Join(c.Blocks, "\n\n"))
		for _, family := range c.Families() {
			if len(c.Answers[family]) == 0 {
				continue
			}
			fmt.Fprintf(&b, "-- %s: %s --\n", c.Name, family)
			for _, a := range c.Answers[family] {
				fmt.Fprintf(&b, "[%d]\n", a.Exit)
				for line := range strings.Lines(a.Output) {
					text, ended := strings.CutSuffix(line, "\n")
					switch {
					case !ended:
						text += `\c`
					case strings.HasSuffix(text, `\c`), strings.HasSuffix(text, `\n`):
						text += `\n`
					}
					b.WriteString("  " + text + "\n")
				}
			}
		}
	}
	return b.Bytes()
}
