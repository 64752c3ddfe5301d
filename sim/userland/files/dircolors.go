package files

import (
	"bytes"
	"io"
	"path"
	"strings"

	"github.com/dockerlab/dockerlab/sim/fnmatch"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// colorKeywords are the keywords of dircolors' database, with the key of LS_COLORS that each
// stands for and its colour in the database that is built in ("": none).
var colorKeywords = []struct{ word, key, color string }{
	{"RESET", "rs", "0"}, {"DIR", "di", "01;34"}, {"LINK", "ln", "01;36"}, {"MULTIHARDLINK", "mh", "00"}, {"FIFO", "pi", "40;33"},
	{"SOCK", "so", "01;35"}, {"DOOR", "do", "01;35"}, {"BLK", "bd", "40;33;01"}, {"CHR", "cd", "40;33;01"}, {"ORPHAN", "or", "40;31;01"},
	{"MISSING", "mi", "00"}, {"SETUID", "su", "37;41"}, {"SETGID", "sg", "30;43"}, {"CAPABILITY", "ca", "00"},
	{"STICKY_OTHER_WRITABLE", "tw", "30;42"}, {"OTHER_WRITABLE", "ow", "34;42"}, {"STICKY", "st", "37;44"}, {"EXEC", "ex", "01;32"},
	{"NORMAL", "no", ""}, {"NORM", "no", ""}, {"FILE", "fi", ""}, {"LNK", "ln", ""}, {"SYMLINK", "ln", ""}, {"PIPE", "pi", ""},
	{"BLOCK", "bd", ""}, {"CHAR", "cd", ""}, {"LEFT", "lc", ""}, {"LEFTCODE", "lc", ""}, {"RIGHT", "rc", ""}, {"RIGHTCODE", "rc", ""},
	{"END", "ec", ""}, {"ENDCODE", "ec", ""}, {"CLRTOEOL", "cl", ""},
}

// colorTerms are the terminals that the database that is built in is for.
const colorTerms = "Eterm ansi *color* con[0-9]*x[0-9]* cons25 console cygwin *direct* dtterm gnome hurd jfbterm konsole kterm linux linux-c " +
	"mlterm putty rxvt* screen* st terminator tmux* vt100 xterm*"

// colorExtensions are its colours of names by their ends.
var colorExtensions = []struct{ color, ends string }{
	{"01;31", `.tar .tgz .arc .arj .taz .lha .lz4 .lzh .lzma .tlz .txz .tzo .t7z .zip .z .dz .gz .lrz .lz .lzo .xz .zst .tzst .bz2 .bz .tbz .tbz2 .tz .deb .rpm .jar .war .ear .sar .rar .alz .ace .zoo .cpio .7z .rz .cab .wim .swm .dwm .esd`},
	{"01;35", `.avif .jpg .jpeg .mjpg .mjpeg .gif .bmp .pbm .pgm .ppm .tga .xbm .xpm .tif .tiff .png .svg .svgz .mng .pcx .mov .mpg .mpeg .m2v .mkv .webm .webp .ogm .mp4 .m4v .mp4v .vob .qt .nuv .wmv .asf .rm .rmvb .flc .avi .fli .flv .gl .dl .xcf .xwd .yuv .cgm .emf .ogv .ogx`},
	{"00;36", `.aac .au .flac .m4a .mid .midi .mka .mp3 .mpc .ogg .ra .wav .oga .opus .spx .xspf`},
	{"00;90", `*~ *# .bak .old .orig .part .rej .swp .tmp .dpkg-dist .dpkg-old .ucf-dist .ucf-new .ucf-old .rpmnew .rpmorig .rpmsave`},
}

// colorDatabase is the database that is built in, as dircolors -p prints it.
func colorDatabase() string {
	var b strings.Builder
	for _, t := range strings.Fields(colorTerms) {
		b.WriteString("TERM " + t + "\n")
	}
	b.WriteString("COLORTERM ?*\n")
	for _, k := range colorKeywords {
		if k.color != "" {
			b.WriteString(k.word + " " + k.color + "\n")
		}
	}
	for _, e := range colorExtensions {
		for _, end := range strings.Fields(e.ends) {
			b.WriteString(end + " " + e.color + "\n")
		}
	}
	return b.String()
}

const dircolorsLS = prog.LongOnly

var dircolorsLong = []prog.Long{
	{Name: "bourne-shell", Val: 'b'}, {Name: "sh", Val: 'b'}, {Name: "csh", Val: 'c'}, {Name: "c-shell", Val: 'c'},
	{Name: "print-database", Val: 'p'}, {Name: "print-ls-colors", Val: dircolorsLS},
}

func dircolors(c *prog.Ctx) int {
	shell, database, show := 0, false, false
	for o := range c.Getopt("bcp", dircolorsLong) {
		switch o.Val {
		case 'p':
			database = true
		case dircolorsLS:
			show = true
		default:
			shell = o.Val
		}
	}
	most := 1
	if database {
		most = 0
	}
	switch {
	case (database || show) && shell != 0:
		c.Warn("the options to output non shell syntax,\nand to select a shell syntax are mutually exclusive")
		c.Usage()
	case database && show:
		c.Warn("options --print-database and --print-ls-colors are mutually exclusive")
		c.Usage()
	case len(c.Args) > most:
		c.Warn("extra operand %s", c.Quote(c.Args[most]))
		if database {
			c.Errorf("file operands cannot be combined with --print-database (-p)\n")
		}
		c.Usage()
	case database:
		c.Print(colorDatabase())
		return 0
	}
	if shell == 0 && !show {
		sh := c.Getenv("SHELL")
		if sh == "" {
			c.Die(1, "no SHELL environment variable, and no shell type option given")
		}
		shell = 'b'
		if base := path.Base(sh); base == "csh" || base == "tcsh" {
			shell = 'c'
		}
	}
	text, name := colorDatabase(), ""
	if len(c.Args) > 0 {
		name = c.Args[0]
		f, err := c.OpenInput(name)
		if err != nil {
			c.Die(1, "%s: %v", c.QuoteColon(name), err)
		}
		b, err := io.ReadAll(io.LimitReader(f, 1<<20+1))
		f.Close()
		if err == nil && len(b) > 1<<20 {
			err = linux.EFBIG
		}
		if err != nil {
			c.Die(1, "%s: %v", c.QuoteColon(name), err)
		}
		text = string(bytes.ToValidUTF8(b, []byte("?")))
	}
	var out strings.Builder
	lead, tail := "LS_COLORS='", "';\nexport LS_COLORS\n"
	switch {
	case show:
		lead, tail = "", ""
	case shell == 'c':
		lead, tail = "setenv LS_COLORS '", "'\n"
	}
	ok := parseColors(c, text, name, func(key, color string) {
		if show {
			out.WriteString("\x1b[" + color + "m" + key + "\t" + color + "\x1b[0m\n")
			return
		}
		out.WriteString(key + "=" + strings.ReplaceAll(color, "'", `'\''`) + ":")
	})
	if !ok {
		return 1
	}
	c.Print(lead, out.String(), tail)
	return 0
}

// parseColors reads a database and tells the colours in it that are for this terminal. It is
// false when a line is wrong.
func parseColors(c *prog.Ctx, text, name string, tell func(key, color string)) bool {
	term := c.Getenv("TERM")
	if term == "" {
		term = "none"
	}
	// A TERM line after other lines begins a new section, for its terminals alone.
	const (
		everywhere = iota
		noTerm     // only TERM lines so far, none of them this terminal's
		thisTerm
		thisTermDone // the section of this terminal
	)
	state, ok := everywhere, true
	n := 0
	for line := range strings.Lines(text) {
		c.Step(1)
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		word, value, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		if i := strings.Index(value, " #"); i >= 0 {
			value = value[:i]
		}
		value = strings.TrimSpace(value)
		shown := name
		if shown == "" {
			shown = "<internal>"
		}
		if value == "" {
			c.Warn("%s:%d: invalid line;  missing second token", shown, n)
			ok = false
			continue
		}
		upper := strings.ToUpper(word)
		if upper == "TERM" || upper == "COLORTERM" {
			have := term
			if upper == "COLORTERM" {
				have = c.Getenv("COLORTERM")
			}
			if fnmatch.Match(value, have, 0) {
				state = thisTerm
			} else if state != thisTerm {
				state = noTerm
			}
			continue
		}
		switch state {
		case thisTerm:
			state = thisTermDone
		case noTerm:
			continue
		}
		switch {
		case word[0] == '.':
			tell("*"+word, value)
		case word[0] == '*':
			tell(word, value)
		case upper == "OPTIONS" || upper == "COLOR" || upper == "EIGHTBIT":
			// of other systems' dircolors
		default:
			key := ""
			for _, k := range colorKeywords {
				if k.word == upper {
					key = k.key
				}
			}
			switch {
			case key == "" && state == everywhere:
			case key == "":
				c.Warn("%s:%d: unrecognized keyword %s", c.QuoteColon(shown), n, word)
				ok = false
			default:
				tell(key, value)
			}
		}
	}
	return ok
}
