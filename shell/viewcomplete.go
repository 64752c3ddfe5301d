package shell

import (
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/spf13/pflag"

	"github.com/dockerlab/dockerlab/shell/line"
	"github.com/dockerlab/dockerlab/sim/layer"
)

// view completes the command line of a program of package views: words are its name and what stands
// between it and word.
func (c *completer) view(words []string, word string, asked bool) []line.Suggestion {
	lab := c.s.Lab
	flags := lab.viewCommand(lab.viewEnv(nil), words[0]).Flags()
	if strings.HasPrefix(word, "-") {
		var out []line.Suggestion
		flags.VisitAll(func(f *pflag.Flag) {
			if name := "--" + f.Name; strings.HasPrefix(name, word) {
				_, usage := pflag.UnquoteUsage(f)
				out = append(out, line.Suggestion{Text: name, Description: usage})
			}
		})
		return out
	}
	var given []string // what is no flag, and no flag's value
	archive, value := false, ""
	for _, w := range words[1:] {
		if value != "" {
			value = ""
			continue
		}
		name, isFlag := strings.CutPrefix(w, "--")
		name, _, closed := strings.Cut(name, "=")
		switch f := flags.Lookup(name); {
		case !isFlag:
			given = append(given, w)
		case f != nil:
			archive = archive || name == "archive"
			if !closed && f.NoOptDefVal == "" {
				value = name
			}
		}
	}
	switch {
	case value == "format":
		return startingWith(word, "json", "text")
	case value == "archive" || value == "dockerfile":
		return c.paths(word, false)
	case value == "image" || value == "base":
		return c.subjects(word, false)
	case value != "" || words[0] == "explain":
		return nil
	case words[0] == "compare" && archive:
		return c.paths(word, false)
	case len(given) == 0 && !archive || words[0] == "compare" && len(given) == 1:
		return c.subjects(word, true)
	case words[0] == "layers" && len(given) == 1 && !archive && asked:
		return c.within(given[0], word)
	}
	return nil
}

// startingWith are the words that begin with a prefix.
func startingWith(prefix string, words ...string) []line.Suggestion {
	var out []line.Suggestion
	for _, w := range words {
		if strings.HasPrefix(w, prefix) {
			out = append(out, line.Suggestion{Text: w})
		}
	}
	return out
}

// subjects are the images, and perhaps the containers, whose name begins with word.
func (c *completer) subjects(word string, containers bool) []line.Suggestion {
	state := c.s.Lab.sim.Engine().State()
	var names []string
	for _, img := range state.Images.All() {
		for _, r := range state.Images.Refs(img.ID) {
			if t, ok := r.(reference.NamedTagged); ok {
				name := reference.FamiliarString(t)
				names = append(names, strings.TrimSuffix(name, ":latest"))
			}
		}
	}
	if containers {
		for name := range state.Names.All() {
			names = append(names, strings.TrimPrefix(name, "/"))
		}
	}
	slices.Sort(names)
	return startingWith(word, slices.Compact(names)...)
}

// within are the paths in an image or a container that begin with word.
func (c *completer) within(ref, word string) []line.Suggestion {
	state := c.s.Lab.sim.Engine().Snapshot()
	var tree *layer.Tree
	if box, err := state.Container(ref); err == nil {
		tree = box.Files.Tree()
	} else if img, err := state.Images.Find(ref); err != nil {
		return nil
	} else if tree, err = img.Tree(); err != nil {
		return nil
	}
	at := strings.LastIndexByte(word, '/') + 1
	dir, base := word[:at], word[at:]
	var out []line.Suggestion
	for name, i := range tree.Names(tree.Follow(dir)) {
		if !strings.HasPrefix(name, base) {
			continue
		}
		text := dir + name
		if n := tree.Inode(i); n.Mode.IsDir() {
			text += "/"
		}
		out = append(out, line.Suggestion{Text: text})
	}
	return out
}
