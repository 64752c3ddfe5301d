package dockerfile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// sources gives the instructions of a file as builds print them, stage by stage.
func sources(f *File) []string {
	var out []string
	for _, a := range f.Args {
		out = append(out, a.String())
	}
	for _, s := range f.Stages {
		out = append(out, s.Source)
		for _, c := range s.Commands {
			out = append(out, fmt.Sprint(c))
		}
	}
	return out
}

func TestLinesAreJoined(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"one by one", "FROM a\nENV b=c\n", "FROM a|ENV b=c"},
		{"blanks around", "  FROM a \n\t\n ENV b=c\t\n", "FROM a|ENV b=c"},
		{"a backslash", "FROM a\nENV b=c \\\n  d=e\n", "FROM a|ENV b=c   d=e"},
		{"blanks after it", "FROM a\nENV b=c \\ \t\nd=e\n", "FROM a|ENV b=c d=e"},
		{"two are none", "FROM a\nENV b=c\\\\\nENV d=e\n", `FROM a|ENV b=c\\|ENV d=e`},
		{"comments between", "FROM a\nENV b=c \\\n# no\n  # no\nd=e\n", "FROM a|ENV b=c d=e"},
		{"empty lines between", "FROM a\nENV b=c \\\n\n\nd=e\n", "FROM a|ENV b=c d=e"},
		{"at the end", "FROM a\nENV b=c \\", "FROM a|ENV b=c"},
		{"Windows lines", "FROM a\r\nENV b=c \\\r\nd=e\r\n", "FROM a|ENV b=c d=e"},
		{"a byte order mark", "\ufeffFROM a\n", "FROM a"},
		{"a backtick", "# escape=`\nFROM a\nENV b=c `\nd=\\\n", `FROM a|ENV b=c d=\`},
		{"too late for a backtick", "#\n# escape=`\nFROM a\nRUN b `\nRUN c\n", "FROM a|RUN b `|RUN c"},
		{"no heredocs", "FROM a\nRUN <<EOF\nENV b=c\n", "FROM a|RUN <<EOF|ENV b=c"},
	} {
		f, _, err := Read([]byte(test.text))
		if err == nil {
			err = f.Parse()
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := strings.Join(sources(f), "|"); got != test.want {
			t.Errorf("%s:\n got %q\nwant %q", test.name, got, test.want)
		}
	}
}

func TestEmptyContinuationWarns(t *testing.T) {
	_, warnings, err := Read([]byte("FROM a\nENV b=c \\\n\n d=e\n"))
	want := "[WARNING]: Empty continuation line found in:\n    ENV b=c  d=e\n[WARNING]: Empty continuation lines will become errors in a future release."
	if got := strings.Join(warnings, "\n"); err != nil || got != want {
		t.Errorf("%v\n got %q\nwant %q", err, got, want)
	}
}

func TestMistakes(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "file with no instructions"},
		{"# only\n\n", "file with no instructions"},
		{"# escape=x\nFROM a\n", "invalid escape token 'x' does not match ` or \\"},
		{"# syntax=a\n# syntax=b\nFROM a\n", "only one syntax parser directive can be used"},
		{"FROM a\nRUN " + strings.Repeat("x", 1<<16) + "\n", "dockerfile line greater than max allowed size of 65535"},
		{"FROM a\nENV b\n", "ENV must have two arguments"},
		{"FROM a\nENV b=1 c\n", `Syntax error - can't find = in "c". Must be of the form: name=value`},
		{"FROM a\nCMD [1]\n", "when using JSON array syntax, arrays must be comprised of strings only"},

		{"ENV a=b\n", "no build stage in current context"},
		{"FROM a\n\n# c\nFOO b\n", "dockerfile parse error line 4: unknown instruction: FOO"},
		{"FROM a\nRUN b \\\n c\nWORKDIR\n", "dockerfile parse error line 4: WORKDIR requires exactly one argument"},
		{"FROM a b\n", "dockerfile parse error line 1: FROM requires either one or three arguments"},
		{"FROM a AS 1\n", `dockerfile parse error line 1: invalid name for build stage: "1", name can't start with a number or contain symbols`},
		{"FROM a\nCOPY --link b c\n", "dockerfile parse error line 2: Unknown flag: link"},
		{"FROM a\nCOPY --from b c\n", "dockerfile parse error line 2: Missing a value on flag: from"},
		{"FROM a\nADD --chown=1 --chown=2 b c\n", "dockerfile parse error line 2: Duplicate flag specified: chown"},
		{"FROM a\nRUN --mount=type=x y\n", `dockerfile parse error line 2: unsupported mount type "x"`},
		{"FROM a\nHEALTHCHECK --interval=0s CMD b\n", `dockerfile parse error line 2: Interval "interval" cannot be less than 1ms`},
		{"FROM a\nHEALTHCHECK --start-interval=1s CMD b\n", "dockerfile parse error line 2: Unknown flag: start-interval"},
		{"FROM a\nONBUILD ONBUILD RUN b\n", "dockerfile parse error line 2: Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"},
		{"FROM a\nSHELL b\n", "dockerfile parse error line 2: SHELL requires the arguments to be in JSON form"},
	} {
		f, _, err := Read([]byte(test.text))
		if err == nil {
			err = f.Parse()
		}
		if err == nil || err.Error() != test.want {
			t.Errorf("%.60q:\n got %v\nwant %s", test.text, err, test.want)
		}
	}
}

func TestFormsOfArguments(t *testing.T) {
	for _, test := range []struct {
		text string
		of   func(instructions.Command) any
		want string
	}{
		{`ENV a b  "c"`, env, `[a=b  "c"]`},
		{`ENV a="b c" d=e\ f 'g'=h`, env, `[a="b c" d=e\ f 'g'=h]`},
		{`COPY a b\ c d`, copied, `["a" "b\\" "c"] "d"`},
		{`COPY ["a b", "c"] d`, copied, `["a b"] "c"`},
		{`COPY ["a", b]`, copied, `["[\"a\","] "b]"`},
		{`COPY <<a <<b`, copied, `["<<a"] "<<b"`},
		{`CMD a  "b"`, cmd, `["a  \"b\""] shell`},
		{`CMD ["a", "b"] c`, cmd, `["a" "b"] exec`},
		{`CMD ['a']`, cmd, `["['a']"] shell`},
		{`CMD []`, cmd, `[] exec`},
	} {
		cs, err := Commands(test.text, nil)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if got := fmt.Sprint(test.of(cs[0])); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

func env(c instructions.Command) any {
	var out []string
	for _, kv := range c.(*instructions.EnvCommand).Env {
		out = append(out, kv.Key+"="+kv.Value)
	}
	return out
}

func copied(c instructions.Command) any {
	cp := c.(*instructions.CopyCommand)
	return fmt.Sprintf("%q %q", cp.SourcePaths, cp.DestPath)
}

func cmd(c instructions.Command) any {
	kind := "exec"
	if c.(*instructions.CmdCommand).PrependShell {
		kind = "shell"
	}
	return fmt.Sprintf("%q %s", c.(*instructions.CmdCommand).CmdLine, kind)
}

func TestStageIsFoundInAnyCase(t *testing.T) {
	f, _, err := Read([]byte("FROM a AS One\nFROM b AS two\n"))
	if err == nil {
		err = f.Parse()
	}
	if err != nil {
		t.Fatal(err)
	}
	if i, ok := f.Stage("TWO"); !ok || i != 1 {
		t.Errorf("TWO is stage %d, %v", i, ok)
	}
	if _, ok := f.Stage("0"); ok {
		t.Error("a number is taken for a stage's name")
	}
}

func TestExpansion(t *testing.T) {
	env := []string{"a=1", "empty=", "two=x y", "a=2"}
	for _, test := range []struct{ word, want string }{
		{"$a ${a} $ab ${a}b", "2 2  2b"},
		{"$two", "x y"},
		{"$ a$$b ${empty}.", "$ ab ."}, // $$ is a parameter of the shell, and not set here
		{`\$a '$a' "$a" "\$a" "\n"`, `$a $a 2 $a \n`},
		{"${a:-x} ${empty:-x} ${none:-x}", "2 x x"},
		{"${a:+x}.${empty:+x}.${none:+x}", "x.."},
		{"${none:-${empty:-$a}}", "2"},
		{`${none:-"q 'r'"}`, "q 'r'"},
		{"${a?x} ${empty?x}.", "2 ."},
		{"$1x $0", "x "},
	} {
		got, err := Expander{Escape: '\\'}.Word(test.word, env)
		if err != nil || got != test.want {
			t.Errorf("%s: %q, %v; want %q", test.word, got, err, test.want)
		}
	}
}

func TestExpansionThatIsRefused(t *testing.T) {
	for word, want := range map[string]string{
		"${a-x}":        "missing ':' in substitution",
		"${a#x}":        "missing ':' in substitution",
		"${a:=x}":       "unsupported modifier (=) in substitution",
		"${":            "syntax error: missing '}'",
		"${}":           "syntax error: bad substitution",
		"${a:-x":        "syntax error: missing '}'",
		"${none:?gone}": "none: gone",
		"${none?}":      "none: is not allowed to be unset",
		"'a":            "unexpected end of statement while looking for matching single-quote",
		`"a`:            "unexpected end of statement while looking for matching double-quote",
	} {
		_, err := Expander{Escape: '\\'}.Word(word, nil)
		if want := fmt.Sprintf("failed to process %q: %s", word, want); err == nil || err.Error() != want {
			t.Errorf("%s: %v; want %s", word, err, want)
		}
	}
}

func TestWordsSplitValuesOnly(t *testing.T) {
	env := []string{"two=x y", "none="}
	for word, want := range map[string]string{
		"$two":        `["x" "y"]`,
		`"$two"`:      `["x y"]`,
		"a$two":       `["ax" "y"]`,
		"8${none:-0}": `["80"]`,
		"$none":       "[]",
		`a\ b`:        `["a b"]`,
	} {
		got, err := Expander{Escape: '\\'}.Words(word, env)
		if s := fmt.Sprintf("%q", got); err != nil || s != want {
			t.Errorf("%s: %s, %v; want %s", word, s, err, want)
		}
	}
}

// A variable that doubles at each line, and substitutions without end, are refused rather than
// expanded.
func TestExpansionIsBounded(t *testing.T) {
	x := Expander{Escape: '\\'}
	big := "big=" + strings.Repeat("x", maxExpansion/2)
	if _, err := x.Word("$big$big$big", []string{big}); err == nil {
		t.Error("a long expansion is not refused")
	}
	if _, err := x.Word(`"$big$big$big"`, []string{big}); err == nil {
		t.Error("a long quoted expansion is not refused")
	}
	deep := strings.Repeat("${a:-", maxNesting+1) + strings.Repeat("}", maxNesting+1)
	if _, err := x.Word(deep, nil); err == nil {
		t.Error("a deep expansion is not refused")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("# escape=`\nFROM a AS b\nCOPY --from=c [\"d\", \"e\"] `\n f\nONBUILD RUN x\n"))
	f.Add([]byte("FROM a\nENV b=c\\\n\nHEALTHCHECK --interval=1s CMD x\nRUN --mount=type=cache,target=/x y"))
	f.Add([]byte("ONBUILD ONBUILD ONBUILD"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, _, err := Read(text)
		if err != nil {
			return
		}
		if n := strings.Count(string(text), "\n") + 1; file.Len() > n {
			t.Errorf("%d instructions in %d lines", file.Len(), n)
		}
		if err := file.Parse(); err != nil && strings.Contains(err.Error(), "is not understood") {
			t.Errorf("what the rules of 20.10 let pass, buildkit does not: %v", err)
		}
	})
}

func FuzzExpand(f *testing.F) {
	f.Add("${a:-$b'c'\"d\"}", "x y")
	f.Fuzz(func(t *testing.T, word, value string) {
		x := Expander{Escape: '\\'}
		env := []string{"a=" + value}
		s, err := x.Word(word, env)
		if _, err2 := x.Words(word, env); (err == nil) != (err2 == nil) {
			t.Errorf("Word gives %v, Words %v", err, err2)
		}
		if len(s) > 2*maxExpansion {
			t.Errorf("an expansion of %d bytes", len(s))
		}
	})
}
