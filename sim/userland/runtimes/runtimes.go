// Package runtimes holds what the images of languages run: node and npm, python3 and pip, and go. The
// languages themselves are not simulated. The programs say their versions, refuse what they are
// given to run by its name, and install packages as far as there are any: the lab's registries of
// them are empty.
package runtimes

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/elfnote"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Programs are the runtimes and their package managers.
var Programs = []prog.Program{
	{Name: "go", Families: prog.GNU, Run: goTool},
	{Name: "node", Families: prog.GNU, Run: node},
	{Name: "npm", Families: prog.GNU, Run: npm},
	{Name: "pip", Families: prog.GNU, Run: pip},
	{Name: "pip3", Families: prog.GNU, Run: pip},
	{Name: "python3", Families: prog.GNU, Run: python},
}

// The releases of Debian bookworm, where a file does not say another one.
const (
	nodeRelease   = "18.20.4"
	npmRelease    = "9.2.0"
	pythonRelease = "3.11.2"
	pipRelease    = "23.0.1"
	goRelease     = "1.19.8"
)

// refuse says that a program in a language is not run, by name.
func refuse(c *prog.Ctx, language, what string) int {
	c.Errorf("dockerlab: %s: running %s is not part of the lab\n", what, language)
	return 126
}

func node(c *prog.Ctx) int {
	if len(c.Args) == 0 {
		if !c.Isatty(0) {
			return refuse(c, "JavaScript", "standard input")
		}
		return refuse(c, "JavaScript", "the prompt of node")
	}
	switch a := c.Args[0]; a {
	case "-v", "--version":
		c.Printf("v%s\n", cmp.Or(c.Release(), nodeRelease))
		return 0
	case "-e", "--eval", "-p", "--print", "-pe":
		if len(c.Args) < 2 {
			c.Errorf("%s: %s requires an argument\n", c.Name, a)
			return 9
		}
		return refuse(c, "JavaScript", strconv.Quote(c.Args[1]))
	default:
		if strings.HasPrefix(a, "-") {
			c.Errorf("%s: bad option: %s\n", c.Name, a)
			return 9
		}
		dir, _ := c.Getwd()
		full := a
		if !path.IsAbs(a) {
			full = path.Join(dir, a)
		}
		if _, err := c.Stat(full); err != nil {
			if _, err := c.Stat(full + ".js"); err != nil {
				c.Errorf("module.js:471\n    throw err;\n    ^\n\nError: Cannot find module '%s'\n", full)
				return 1
			}
		}
		return refuse(c, "JavaScript", a)
	}
}

// dependencies are those of a package.json: the names in order, with their ranges.
func dependencies(c *prog.Ctx, production bool) (names []string, ranges map[string]string, err error) {
	b, err := c.ReadFile("package.json")
	if err != nil {
		return nil, nil, err
	}
	var p struct{ Dependencies, DevDependencies map[string]string }
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, nil, fmt.Errorf("parsing package.json: %w", err)
	}
	ranges = map[string]string{}
	for n, r := range p.Dependencies {
		ranges[n] = r
	}
	if !production {
		for n, r := range p.DevDependencies {
			ranges[n] = r
		}
	}
	for n := range ranges {
		names = append(names, n)
	}
	slices.Sort(names)
	return names, ranges, nil
}

func npm(c *prog.Ctx) int {
	release := cmp.Or(c.Release(), npmRelease)
	production := c.Getenv("NODE_ENV") == "production"
	var words []string
	for _, a := range c.Args {
		switch a {
		case "-v", "--version":
			c.Print(release, "\n")
			return 0
		case "--production", "--only=production", "--omit=dev":
			production = true
		case "-g", "--global", "--save", "-S", "--save-dev", "-D", "--no-audit", "--no-fund", "--silent", "-s", "--quiet", "-q", "--unsafe-perm", "--no-optional", "--loglevel=error":
		default:
			if strings.HasPrefix(a, "-") {
				c.Errorf("npm ERR! the lab's npm does not know the option %s\n", a)
				return 1
			}
			words = append(words, a)
		}
	}
	if len(words) == 0 {
		c.Print("\nUsage: npm <command>\n\nwhere <command> is one of:\n    ci, install, version\n\nnpm@", release, "\n")
		return 1
	}
	missing := func(name, want string) int {
		c.Errorf("npm ERR! code E404\nnpm ERR! 404 Not Found: %s@%s\n", name, cmp.Or(want, "latest"))
		return 1
	}
	switch words[0] {
	case "ci", "install", "i":
		if words[0] == "ci" {
			if _, err := c.Stat("package-lock.json"); err != nil {
				c.Errorf("npm ERR! code EUSAGE\nnpm ERR! The `npm ci` command can only install with an existing package-lock.json\n")
				return 1
			}
		} else if len(words) > 1 {
			name, want, _ := strings.Cut(strings.TrimPrefix(words[1], "@"), "@")
			if strings.HasPrefix(words[1], "@") {
				name = "@" + name
			}
			return missing(name, want)
		}
		names, ranges, err := dependencies(c, production)
		if err == linux.ENOENT {
			dir, _ := c.Getwd()
			c.Errorf("npm ERR! code ENOENT\nnpm ERR! syscall open\nnpm ERR! path %s\nnpm ERR! enoent ENOENT: no such file or directory, open '%s'\n", path.Join(dir, "package.json"), path.Join(dir, "package.json"))
			return 254
		}
		if err != nil {
			c.Errorf("npm ERR! code EJSONPARSE\nnpm ERR! %v\n", err)
			return 1
		}
		if len(names) > 0 {
			return missing(names[0], ranges[names[0]])
		}
		c.Print("up to date\n")
		return 0
	}
	return refuse(c, "JavaScript", "npm "+words[0])
}

func python(c *prog.Ctx) int {
	release := cmp.Or(c.Release(), pythonRelease)
	if len(c.Args) == 0 {
		return refuse(c, "Python", "standard input")
	}
	switch a := c.Args[0]; {
	case a == "-V" || a == "--version":
		c.Printf("Python %s\n", release)
		return 0
	case a == "-c":
		if len(c.Args) < 2 {
			c.Errorf("Argument expected for the -c option\n")
			return 2
		}
		return refuse(c, "Python", strconv.Quote(c.Args[1]))
	case a == "-m":
		if len(c.Args) > 1 && c.Args[1] == "pip" {
			c.Args = c.Args[2:]
			return pipOf(c, release)
		}
		if len(c.Args) < 2 {
			c.Errorf("Argument expected for the -m option\n")
			return 2
		}
		return refuse(c, "Python", "the module "+c.Args[1])
	case strings.HasPrefix(a, "-"):
		c.Errorf("Unknown option: %s\n", a)
		return 2
	default:
		if _, err := c.Stat(a); err != nil {
			c.Errorf("%s: can't open file '%s': [Errno 2] No such file or directory\n", c.Name, a)
			return 2
		}
		return refuse(c, "Python", a)
	}
}

func pip(c *prog.Ctx) int {
	release := pythonRelease
	if c.Release() == "9.0.1" {
		release = "3.6.3"
	}
	return pipOf(c, release)
}

var requirement = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*`)

// pipOf is pip for a release of Python.
func pipOf(c *prog.Ctx, release string) int {
	version, lib := pipRelease, "/usr/lib/python3/dist-packages/pip"
	short := release[:strings.LastIndexByte(release, '.')]
	if release == "3.6.3" {
		version, lib = "9.0.1", "/usr/local/lib/python3.6/site-packages"
	}
	var words, files []string
	args := c.Args
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		switch {
		case a == "-V" || a == "--version":
			c.Printf("pip %s from %s (python %s)\n", version, lib, short)
			return 0
		case a == "-r" || a == "--requirement":
			if len(args) == 0 {
				c.Errorf("\nUsage:   \n  pip install [options] <requirement specifier> [package-index-options] ...\n\n-r option requires 1 argument\n")
				return 2
			}
			files, args = append(files, args[0]), args[1:]
		case strings.HasPrefix(a, "-r"):
			files = append(files, a[2:])
		case a == "--no-cache-dir" || a == "-q" || a == "--quiet" || a == "-U" || a == "--upgrade" || a == "--user" || a == "--disable-pip-version-check" || a == "--break-system-packages":
		case strings.HasPrefix(a, "-"):
			c.Errorf("\nUsage:   \n  pip <command> [options]\n\nno such option: %s\n", a)
			return 2
		default:
			words = append(words, a)
		}
	}
	if len(words) == 0 {
		c.Print("\nUsage:   \n  pip <command> [options]\n\nCommands:\n  install                     Install packages.\n  list                        List installed packages.\n")
		return 0
	}
	switch words[0] {
	case "list", "freeze":
		return 0
	case "install":
	default:
		c.Errorf("ERROR: unknown command \"%s\"\n", words[0])
		return 1
	}
	wanted := words[1:]
	for _, f := range files {
		b, err := c.ReadFile(f)
		if err != nil {
			c.Errorf("Could not open requirements file: [Errno 2] No such file or directory: '%s'\n", f)
			return 1
		}
		for line := range strings.Lines(string(b)) {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" {
				wanted = append(wanted, line)
			}
		}
	}
	if len(wanted) == 0 {
		if len(files) == 0 {
			c.Errorf("You must give at least one requirement to install (see \"pip help install\")\n")
			return 1
		}
		return 0
	}
	name := requirement.FindString(wanted[0])
	if name == "" {
		c.Errorf("Invalid requirement: '%s'\n", wanted[0])
		return 1
	}
	c.Printf("Collecting %s\n", wanted[0])
	c.Errorf("  Could not find a version that satisfies the requirement %s (from versions: )\nNo matching distribution found for %s\n", wanted[0], wanted[0])
	return 1
}

// stand is how a Go source of the catalogue says what program it is, and of how many bytes.
var stand = regexp.MustCompile(`(?m)^//lab:program (\S+) (\d+)$`)

// goTool is the go command: it builds the sources of the catalogue, which say what they are.
func goTool(c *prog.Ctx) int {
	release := cmp.Or(c.Release(), goRelease)
	if len(c.Args) == 0 {
		c.Errorf("Go is a tool for managing Go source code.\n\nUsage:\n\n\tgo command [arguments]\n\nThe commands are:\n\n\tbuild       compile packages and dependencies\n\tenv         print Go environment information\n\tversion     print Go version\n\n")
		return 2
	}
	switch c.Args[0] {
	case "version":
		c.Printf("go version go%s linux/amd64\n", release)
		return 0
	case "env":
		values := map[string]string{"GOOS": "linux", "GOARCH": "amd64", "GOROOT": "/usr/local/go", "GOPATH": cmp.Or(c.Getenv("GOPATH"), "/root/go")}
		for _, n := range c.Args[1:] {
			c.Print(cmp.Or(c.Getenv(n), values[n]), "\n")
		}
		return 0
	case "build":
		return goBuild(c)
	case "get", "install", "mod", "run", "test", "vet", "fmt", "doc", "clean", "generate", "list":
		c.Errorf("go: go %s is not part of the lab\n", c.Args[0])
		return 1
	}
	c.Errorf("go: unknown subcommand \"%s\"\nRun 'go help' for usage.\n", c.Args[0])
	return 2
}

func goBuild(c *prog.Ctx) int {
	out := ""
	var files []string
	args := c.Args[1:]
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		switch {
		case (a == "-o" || a == "-ldflags" || a == "-tags" || a == "-installsuffix" || a == "-gcflags") && len(args) > 0:
			if a == "-o" {
				out = args[0]
			}
			args = args[1:]
		case a == "-v" || a == "-a" || a == "-trimpath" || strings.HasPrefix(a, "-ldflags=") || strings.HasPrefix(a, "-tags="):
		case strings.HasPrefix(a, "-"):
			c.Errorf("flag provided but not defined: %s\nusage: go build [-o output] [build flags] [packages]\n", a)
			return 2
		default:
			files = append(files, a)
		}
	}
	dir, _ := c.Getwd()
	name := path.Base(dir)
	if len(files) == 0 || files[0] == "." {
		files = nil
		ents, err := c.ReadDir(".")
		if err != nil {
			c.Errorf("go build: %v\n", err)
			return 1
		}
		for _, e := range ents {
			if strings.HasSuffix(e.Name, ".go") && !strings.HasSuffix(e.Name, "_test.go") {
				files = append(files, e.Name)
			}
		}
		if len(files) == 0 {
			c.Errorf("can't load package: package .: no Go files in %s\n", dir)
			return 1
		}
	} else {
		name = strings.TrimSuffix(path.Base(files[0]), ".go")
	}
	for _, f := range files {
		b, err := c.ReadFile(f)
		if err != nil {
			c.Errorf("can't load package: package %s: open %s: %v\n", f, f, err)
			return 1
		}
		if m := stand.FindStringSubmatch(string(b)); m != nil {
			size, _ := strconv.ParseInt(m[2], 10, 40)
			return link(c, cmp.Or(out, name), m[1], size)
		}
	}
	c.Errorf("# %s\n%s:1:1: the lab compiles the Go of its catalogue only\n", cmp.Or(name, "command-line-arguments"), files[0])
	return 2
}

// link writes a program, static as Go's are, filled with zeros to its size.
func link(c *prog.Ctx, out, program string, size int64) int {
	if st, err := c.Stat(out); err == nil && st.Mode.IsDir() {
		out = path.Join(out, program)
	}
	c.Unlink(out) // a program that runs keeps its file
	f, err := c.OpenFile(out, linux.O_WRONLY|linux.O_CREAT|linux.O_TRUNC, 0o777)
	if err != nil {
		c.Errorf("go build: open %s: %v\n", out, err)
		return 1
	}
	defer f.Close()
	b := make([]byte, elfnote.HeadSize)
	copy(b, elfnote.Write(program, "gnu"))
	_, err = f.Write(b)
	zeros := make([]byte, 64<<10)
	for have := int64(len(b)); have < min(size, 1<<30) && err == nil; {
		var n int
		n, err = f.Write(zeros[:min(int64(len(zeros)), size-have)])
		have += int64(n)
	}
	if err != nil {
		c.Errorf("go build: write %s: %v\n", out, err)
		return 1
	}
	return 0
}
