package shell

import (
	"bytes"
	"context"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dockerlab/dockerlab/shell/docker"
	"github.com/dockerlab/dockerlab/shell/line"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// completer knows how a line at the prompt can go on: docker's commands, flags, images and
// containers as docker/cli's own command tree has them, the host's programs, and paths.
type completer struct{ s *Session }

var _ line.Completer = (*completer)(nil)

// Complete offers docker's words while they are typed, and everything else when asked.
func (c *completer) Complete(before string, asked bool) []line.Suggestion {
	words, word, ok := lastCommand(before)
	if !ok {
		return nil
	}
	var out []line.Suggestion
	switch {
	case len(words) > 0 && words[0] == "docker":
		out = c.docker(words[1:], word, asked)
	case len(words) > 0 && slices.Contains(viewNames, words[0]):
		out = c.view(words, word, asked)
	case !asked:
		return nil
	case len(words) == 0 && !strings.Contains(word, "/"):
		out = c.programs(word)
	case len(words) == 1 && words[0] == "clock":
		out = startingWith(word, "+30s", "+5m", "+1h")
	case len(words) == 1 && words[0] == "restore" && c.s.Timeline != nil:
		for _, n := range c.s.Timeline.Snapshots() {
			if strings.HasPrefix(n.Name, word) {
				out = append(out, line.Suggestion{Text: n.Name, Description: n.At.Format("2006-01-02 15:04:05")})
			}
		}
	default:
		out = c.paths(word, false)
	}
	// The editor replaces what follows the last separator; suggestions are of the whole word.
	cut := line.WordStart(word)
	kept := out[:0]
	for _, s := range out {
		if len(s.Text) > cut && s.Text[:cut] == word[:cut] {
			kept = append(kept, line.Suggestion{Text: s.Text[cut:], Description: s.Description})
		}
	}
	return kept
}

// lastCommand finds the words of the simple command that before ends in: those that are complete,
// and the one that is being typed. It is not ok inside quotes.
func lastCommand(before string) (words []string, word string, ok bool) {
	var quote rune
	start := 0
	for i, r := range before {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			quote = r
		case strings.ContainsRune("|;&({`", r):
			start = i + 1
		}
	}
	if quote != 0 {
		return nil, "", false
	}
	fields := strings.Fields(before[start:])
	if len(fields) > 0 && !strings.HasSuffix(before, " ") && !strings.HasSuffix(before, "\t") {
		word, fields = fields[len(fields)-1], fields[:len(fields)-1]
	}
	// Assignments and words that take a command stand before it.
	for len(fields) > 0 && (strings.Contains(fields[0], "=") || slices.Contains([]string{"sudo", "time", "exec", "then", "do", "else", "!"}, fields[0])) {
		fields = fields[1:]
	}
	return fields, word, true
}

// completeFor is how long the engine may take to name its images and containers.
const completeFor = 300 * time.Millisecond

// docker asks docker/cli's own completion.
func (c *completer) docker(args []string, word string, asked bool) []line.Suggestion {
	ctx, cancel := context.WithTimeout(context.Background(), completeFor)
	defer cancel()
	var out bytes.Buffer
	docker.Run(ctx, append(append([]string{cobra.ShellCompRequestCmd}, args...), word), docker.Options{
		Dial:   c.s.Lab.dial,
		Stdout: &out,
		Stderr: io.Discard,
		Dir:    Home,
	})
	var suggestions []line.Suggestion
	directive := cobra.ShellCompDirectiveDefault
	for text := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\n"), "\n") {
		if number, ok := strings.CutPrefix(text, ":"); ok {
			n, _ := strconv.Atoi(number)
			directive = cobra.ShellCompDirective(n)
			continue
		}
		name, description, _ := strings.Cut(text, "\t")
		if name == "" || !strings.HasPrefix(name, word) {
			continue
		}
		suggestions = append(suggestions, line.Suggestion{Text: name, Description: description})
	}
	if len(suggestions) > 0 || !asked {
		return suggestions
	}
	if directive&cobra.ShellCompDirectiveFilterDirs != 0 {
		return c.paths(word, true)
	}
	return c.paths(word, false)
}

// programs are those on PATH.
func (c *completer) programs(word string) []line.Suggestion {
	names := make(map[string]bool)
	c.s.Lab.sim.Kernel().Do(func() {
		v := c.s.Lab.rootView()
		for _, dir := range []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
			entries, err := v.ReadDir(dir)
			if err != nil {
				continue
			}
			for _, e := range entries {
				if strings.HasPrefix(e.Name, word) {
					names[e.Name] = true
				}
			}
		}
	})
	own := builtins
	if c.s.Timeline != nil {
		own = slices.Concat(own, timelineCommands)
	}
	for _, name := range own {
		if strings.HasPrefix(name, word) {
			names[name] = true
		}
	}
	var out []line.Suggestion
	for name := range names {
		out = append(out, line.Suggestion{Text: name})
	}
	slices.SortFunc(out, func(a, b line.Suggestion) int { return strings.Compare(a.Text, b.Text) })
	return out
}

// builtins are the commands that bash has in itself and that somebody may want to complete.
var builtins = []string{"cd", "echo", "exit", "export", "fg", "bg", "help", "history", "jobs", "kill", "pwd", "set", "source", "type", "unset", "wait"}

// paths are the files whose path begins with word.
func (c *completer) paths(word string, dirsOnly bool) []line.Suggestion {
	i := strings.LastIndex(word, "/") + 1
	dir, base := word[:i], word[i:]
	look := dir
	if strings.HasPrefix(look, "~/") {
		look = Home + look[1:]
	}
	if !path.IsAbs(look) {
		look = path.Join(c.s.workingDirectory(), look)
	}
	var out []line.Suggestion
	c.s.Lab.sim.Kernel().Do(func() {
		v := c.s.Lab.rootView()
		entries, err := v.ReadDir(look)
		if err != nil {
			return
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name, base) || strings.HasPrefix(e.Name, ".") && base == "" {
				continue
			}
			isDir := e.Mode.IsDir()
			if e.Mode.IsSymlink() {
				var st vfs.Stat
				if st, err = v.Stat(path.Join(look, e.Name)); err == nil {
					isDir = st.Mode.IsDir()
				}
			}
			switch {
			case isDir:
				out = append(out, line.Suggestion{Text: dir + e.Name + "/"})
			case !dirsOnly:
				out = append(out, line.Suggestion{Text: dir + e.Name})
			}
		}
	})
	slices.SortFunc(out, func(a, b line.Suggestion) int { return strings.Compare(a.Text, b.Text) })
	return out
}
