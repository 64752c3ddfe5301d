package dockerfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/moby/buildkit/frontend/dockerfile/command"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

var (
	blanks = regexp.MustCompile(`[\t\v\f\r ]+`)

	errNotStrings = errors.New("when using JSON array syntax, arrays must be comprised of strings only")
)

// form is how the arguments of an instruction are split.
type form uint8

const (
	formIgnored  form = iota // of an unknown instruction
	formWhole                // one argument: the rest of the line
	formBlanks               // words between blanks
	formWords                // words between blanks, quotes kept together
	formPairs                // KEY=VALUE ... , or KEY VALUE
	formJSON                 // a JSON array of strings, else the rest of the line
	formJSONList             // a JSON array of strings, else words between blanks
	formHealth               // a word and then formJSON
	formTrigger              // an instruction
)

var forms = map[string]form{
	command.Add: formJSONList, command.Arg: formWords, command.Cmd: formJSON, command.Copy: formJSONList,
	command.Entrypoint: formJSON, command.Env: formPairs, command.Expose: formBlanks, command.From: formBlanks,
	command.Healthcheck: formHealth, command.Label: formPairs, command.Maintainer: formWhole,
	command.Onbuild: formTrigger, command.Run: formJSON, command.Shell: formJSON,
	command.StopSignal: formWhole, command.User: formWhole, command.Volume: formJSONList, command.Workdir: formWhole,
}

// node splits an instruction into its name, flags and arguments, as a node of buildkit's tree: the
// arguments hang from it by Next.
func node(text string, escape rune) (*parser.Node, error) { return nodeAt(text, escape, 0) }

// maxTriggers bounds ONBUILD ONBUILD ONBUILD ..., which would nest as deep as a line is long. It is
// refused from the second on, so that nothing is lost.
const maxTriggers = 100

func nodeAt(text string, escape rune, depth int) (*parser.Node, error) {
	name, rest := cut(strings.TrimSpace(text))
	name = strings.ToLower(name)
	flags, rest := takeFlags(rest)
	rest = strings.TrimSpace(rest)
	n := &parser.Node{Value: name, Original: text, Flags: flags}

	var args []string
	var isJSON bool
	var err error
	switch f := forms[name]; f {
	case formIgnored:
	case formWhole:
		if rest != "" {
			args = []string{rest}
		}
	case formBlanks:
		args = splitBlanks(rest)
	case formWords:
		args = splitWords(rest, escape)
	case formPairs:
		args, err = splitPairs(rest, strings.ToUpper(name), escape)
	case formJSON, formJSONList:
		args, isJSON, err = splitJSON(rest, f)
	case formHealth:
		typ, rest := cutSpace(rest)
		if typ != "" {
			args, isJSON, err = splitJSON(rest, formJSON)
			args = append([]string{typ}, args...)
		}
	case formTrigger:
		if rest == "" || depth == maxTriggers {
			break
		}
		child, err := nodeAt(rest, escape, depth+1)
		if err != nil {
			return nil, err
		}
		n.Next = &parser.Node{Children: []*parser.Node{child}}
		return n, nil
	}
	if err != nil {
		return nil, err
	}
	if isJSON {
		n.Attributes = map[string]bool{"json": true}
	}
	chain(n, args)
	return n, nil
}

// chain hangs arguments from a node.
func chain(n *parser.Node, args []string) {
	for _, a := range args {
		n.Next = &parser.Node{Value: a}
		n = n.Next
	}
}

// arguments is the inverse of chain; of an ONBUILD, the name of the trigger comes first.
func arguments(n *parser.Node) []string {
	var out []string
	for n = n.Next; n != nil; n = n.Next {
		if len(n.Children) == 1 {
			out = append(out, n.Children[0].Value)
			out = append(out, arguments(n.Children[0])...)
			continue
		}
		out = append(out, n.Value)
	}
	return out
}

// cut splits a line at its first blanks.
func cut(s string) (first, rest string) {
	if at := blanks.FindStringIndex(s); at != nil {
		return s[:at[0]], s[at[1]:]
	}
	return s, ""
}

// cutSpace is cut for any white space, byte by byte.
func cutSpace(s string) (first, rest string) {
	space := func(c byte) bool { return unicode.IsSpace(rune(c)) }
	i := 0
	for i < len(s) && !space(s[i]) {
		i++
	}
	j := i
	for j < len(s) && space(s[j]) {
		j++
	}
	return s[:i], s[j:]
}

// takeFlags takes the words that begin with "--" off the front of the arguments; the word "--" ends
// them. The backslash escapes in them, whatever the file's escape character is, and bytes are taken
// as Latin-1: both are oddities of 20.10.
func takeFlags(s string) (flags []string, rest string) {
	flags = []string{}
	for i := 0; ; {
		for i < len(s) && unicode.IsSpace(rune(s[i])) {
			i++
		}
		if !strings.HasPrefix(s[i:], "--") {
			return flags, s[i:]
		}
		word, quoted, next := flagWord(s, i)
		i = next
		if word == "--" {
			if i < len(s) {
				return flags, s[i:]
			}
			return flags, ""
		}
		if word != "" || quoted {
			flags = append(flags, word)
		}
		if i >= len(s) {
			return flags, ""
		}
	}
}

// flagWord reads one word of s from i on, without its quotes.
func flagWord(s string, i int) (word string, quoted bool, next int) {
	var b strings.Builder
	var quote byte
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case quote == 0 && unicode.IsSpace(rune(c)):
			return b.String(), quoted, i
		case quote == 0 && (c == '\'' || c == '"'):
			quote, quoted = c, true
			continue
		case quote != 0 && c == quote:
			quote = 0
			continue
		case c == '\\':
			if i+1 == len(s) {
				continue
			}
			i++
			c = s[i]
		}
		b.WriteRune(rune(c))
	}
	return b.String(), quoted, i
}

// splitBlanks splits at blanks. Blanks elsewhere than between words have been trimmed, but for
// those that are space to Unicode only.
func splitBlanks(s string) []string {
	if s == "" {
		return nil
	}
	return blanks.Split(s, -1)
}

// splitWords splits at white space outside of quotes. Quotes and escapes stay in the words: they
// are taken off when the words are expanded.
func splitWords(s string, escape rune) []string {
	var words []string
	var b strings.Builder
	var quote rune
	inWord, quoted := false, false
	end := func() {
		if inWord && (quoted || b.Len() > 0) {
			words = append(words, b.String())
		}
		b.Reset()
		inWord, quoted = false, false
	}
	for i := 0; i < len(s); {
		c, width := utf8.DecodeRuneInString(s[i:])
		i += width
		if quote == 0 && unicode.IsSpace(c) {
			end()
			continue
		}
		inWord = true
		switch {
		case quote == 0 && (c == '\'' || c == '"'):
			quote, quoted = c, true
		case quote != 0 && c == quote:
			quote = 0
		}
		if c == escape && quote != '\'' {
			if i == len(s) {
				break // at the end it is dropped
			}
			b.WriteRune(c)
			c, width = utf8.DecodeRuneInString(s[i:])
			i += width
		}
		b.WriteRune(c)
	}
	end()
	return words
}

// splitPairs gives key, value and separator of each pair, in a row, as buildkit's parser has them.
func splitPairs(s, instruction string, escape rune) ([]string, error) {
	words := splitWords(s, escape)
	if len(words) == 0 {
		return nil, nil
	}
	if !strings.Contains(words[0], "=") {
		parts := blanks.Split(s, 2)
		if len(parts) < 2 {
			return nil, fmt.Errorf("%s must have two arguments", instruction)
		}
		return []string{parts[0], parts[1], ""}, nil
	}
	var out []string
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		if !ok {
			return nil, fmt.Errorf("Syntax error - can't find = in %q. Must be of the form: name=value", w)
		}
		out = append(out, key, value, "=")
	}
	return out, nil
}

// splitJSON reads the array that the arguments begin with; text after it is ignored. Where there is
// none, f says how to split.
func splitJSON(s string, f form) (args []string, isJSON bool, err error) {
	if t := strings.TrimLeftFunc(s, unicode.IsSpace); strings.HasPrefix(t, "[") {
		var values []any
		if json.NewDecoder(strings.NewReader(t)).Decode(&values) == nil {
			for _, v := range values {
				a, ok := v.(string)
				if !ok {
					return nil, false, errNotStrings
				}
				args = append(args, a)
			}
			return args, true, nil
		}
	}
	if f == formJSONList {
		return splitBlanks(s), false, nil
	}
	if s == "" {
		return nil, false, nil
	}
	return []string{s}, false, nil
}
