// Package dockerfile reads Dockerfiles as the classic builder of Docker Engine 20.10 does.
//
// The grammar is buildkit's: its parse tree, its typed instructions and its expansion of words are
// used here. But buildkit has moved on since 20.10: it knows heredocs and flags that the classic
// builder refuses, accepts files that it rejects, and words its errors anew. So this package reads
// lines and splits words itself, by the older rules, checks every instruction as 20.10 does and in
// 20.10's words, and only then has buildkit type what passed.
//
//	bytes ── lines ── nodes ── vet ── instructions.ParseInstruction ── File
//	         (lines.go) (words.go) (vet.go)
//
// What the reader is given is not trusted: the cost of reading is linear in its size, which the
// caller bounds.
package dockerfile

import (
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// File is a Dockerfile that was read.
type File struct {
	Args   []*instructions.ArgCommand // those before the first FROM
	Stages []*Stage
	Escape rune // '\\' or '`'

	nodes []*parser.Node
}

// Stage is a FROM and the instructions after it.
type Stage struct {
	From     string // the image or earlier stage, not expanded yet
	Name     string // in lower case; empty where it has none
	Platform string // not expanded yet
	Source   string // the FROM as written, its lines joined
	Commands []instructions.Command
}

// Read splits a Dockerfile into lines and words. It gives warnings for what may become an error
// some day. The instructions are not looked at yet: that is File.Parse. The engine words errors of
// the two differently ("failed to parse NAME: ..." and "dockerfile parse error line N: ...").
func Read(text []byte) (f *File, warnings []string, err error) {
	d := directives{escape: '\\'}
	lines, warnings, tail := d.lines(text)
	f = &File{}
	for _, l := range lines {
		n, err := node(l.text, d.escape)
		if err != nil {
			return nil, nil, err
		}
		n.StartLine, n.EndLine = l.start, l.end
		f.nodes = append(f.nodes, n)
	}
	f.Escape = d.escape
	if d.err != nil {
		return nil, nil, d.err
	}
	if len(f.nodes) == 0 {
		return nil, nil, errNoInstructions
	}
	if tail != nil {
		return nil, nil, tail
	}
	return f, warnings, nil
}

// Len is the number of instructions of a file that was read.
func (f *File) Len() int { return len(f.nodes) }

// Parse types the instructions of a file and sorts them into stages. It stops at the first that is
// wrong.
func (f *File) Parse() error {
	for _, n := range f.nodes {
		c, err := instruction(n)
		if err != nil {
			return fmt.Errorf("dockerfile parse error line %d: %w", n.StartLine, err)
		}
		switch c := c.(type) {
		case *instructions.Stage:
			f.Stages = append(f.Stages, &Stage{From: c.BaseName, Name: c.Name, Platform: c.Platform, Source: c.SourceCode})
		case *instructions.ArgCommand:
			if len(f.Stages) == 0 {
				f.Args = append(f.Args, c)
				continue
			}
			f.add(c)
		case instructions.Command:
			if len(f.Stages) == 0 {
				return errNoStage
			}
			f.add(c)
		}
	}
	return nil
}

func (f *File) add(c instructions.Command) {
	last := f.Stages[len(f.Stages)-1]
	last.Commands = append(last.Commands, c)
}

// Stage finds a stage by its name, in any case. (The classic builder's --target knows no numbers.)
func (f *File) Stage(name string) (index int, ok bool) {
	for i, s := range f.Stages {
		if strings.EqualFold(s.Name, name) {
			return i, true
		}
	}
	return 0, false
}

// Commands reads instructions that stand outside of a Dockerfile, where FROM has no place: the
// trigger of an ONBUILD, the changes of docker commit. names are the instructions in lower case.
func Commands(text string, allowed func(name string) error) ([]instructions.Command, error) {
	f, _, err := Read([]byte(text))
	if err != nil {
		return nil, err
	}
	if allowed != nil {
		for _, n := range f.nodes {
			if err := allowed(n.Value); err != nil {
				return nil, err
			}
		}
	}
	var out []instructions.Command
	for _, n := range f.nodes {
		c, err := instruction(n)
		if err != nil {
			return nil, err
		}
		cmd, ok := c.(instructions.Command)
		if !ok {
			return nil, fmt.Errorf("%T is not a command type", c)
		}
		out = append(out, cmd)
	}
	return out, nil
}
