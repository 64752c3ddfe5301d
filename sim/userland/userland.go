// Package userland is the table of the lab's programs, and says which of them a file is.
//
// The kernel asks a Loader whenever something is to be executed. An executable of a catalogue
// image carries an ELF note with the program's name and family (sim/elfnote). In a real image that
// was loaded, a file is the program that stands at its well-known path there, /bin/bash or
// /usr/bin/env, or Busybox if it contains Busybox's banner; from then on it is recognised by
// its content, so that a copy under another name still runs. An ELF file whose interpreter is
// missing fails with ENOENT, as on Linux; what is not ELF, with ENOEXEC; and a real program that
// the lab does not have says so, by name.
package userland

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/accounts"
	"github.com/dockerlab/dockerlab/sim/userland/apk"
	"github.com/dockerlab/dockerlab/sim/userland/apt"
	"github.com/dockerlab/dockerlab/sim/userland/archive"
	"github.com/dockerlab/dockerlab/sim/userland/calc"
	"github.com/dockerlab/dockerlab/sim/userland/device"
	"github.com/dockerlab/dockerlab/sim/userland/dpkg"
	"github.com/dockerlab/dockerlab/sim/userland/edit"
	"github.com/dockerlab/dockerlab/sim/userland/files"
	"github.com/dockerlab/dockerlab/sim/userland/gnumake"
	"github.com/dockerlab/dockerlab/sim/userland/gnupg"
	"github.com/dockerlab/dockerlab/sim/userland/network"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/runtimes"
	"github.com/dockerlab/dockerlab/sim/userland/services"
	"github.com/dockerlab/dockerlab/sim/userland/sh"
	"github.com/dockerlab/dockerlab/sim/userland/system"
	"github.com/dockerlab/dockerlab/sim/userland/text"
	"github.com/dockerlab/dockerlab/sim/userland/toolchain"
)

// Entry is one program of the table.
type Entry struct {
	Name     string
	Families prog.Family
	Main     func(prog.Family) kernel.Program // for exactly one of Families
}

// Table holds the programs by name and family.
type Table struct {
	gnu, busybox map[string]Entry
	ids          identities
}

// New makes the table of all programs of this module's userland, and extra ones. A later entry
// replaces an earlier one of the same name.
func New(extra ...Entry) *Table {
	t := &Table{gnu: map[string]Entry{}, busybox: map[string]Entry{}, ids: newIdentities()}
	for _, theme := range [][]prog.Program{
		accounts.Programs,
		apk.Programs(nil),
		apt.Programs(nil),
		archive.Programs,
		calc.Programs,
		device.Programs,
		dpkg.Programs(nil),
		edit.Programs,
		files.Programs,
		gnumake.Programs,
		gnupg.Programs,
		network.Programs,
		runtimes.Programs,
		system.Programs,
		services.Programs,
		text.Programs,
		toolchain.Programs,
	} {
		for _, p := range theme {
			t.add(Entry{Name: p.Name, Families: p.Families, Main: p.Main})
		}
	}
	for _, e := range shells {
		t.add(e)
	}
	t.add(Entry{Name: "busybox", Families: prog.Busybox, Main: func(f prog.Family) kernel.Program {
		return func(p *kernel.Proc) int { return t.multiCall(p, f) }
	}})
	for name, d := range map[string]sh.Dialect{"sh": sh.Dash, "dash": sh.Dash, "bash": sh.Bash} {
		t.add(Entry{Name: name, Families: prog.GNU, Main: func(prog.Family) kernel.Program { return sh.Program(d) }})
	}
	for _, name := range []string{"sh", "ash"} {
		t.add(Entry{Name: name, Families: prog.Busybox, Main: func(prog.Family) kernel.Program { return sh.Program(sh.Ash) }})
	}
	for _, e := range extra {
		t.add(e)
	}
	return t
}

// Archives is where packages come from, a *catalog.Registry.
type Archives interface {
	apt.Archives
	apk.Repositories
}

// Packages are the programs that manage packages, with the archives that those come from. Given to
// New, they replace the ones that know no archive.
func Packages(archives Archives) []Entry {
	var all []Entry
	for _, theme := range [][]prog.Program{apk.Programs(archives), dpkg.Programs(archives), apt.Programs(archives)} {
		for _, p := range theme {
			all = append(all, Entry{Name: p.Name, Families: p.Families, Main: p.Main})
		}
	}
	return all
}

func (t *Table) add(e Entry) {
	if e.Families&prog.GNU != 0 {
		t.gnu[e.Name] = e
	}
	if e.Families&prog.Busybox != 0 {
		t.busybox[e.Name] = e
	}
}

// Lookup finds a program of one family.
func (t *Table) Lookup(name string, f prog.Family) (kernel.Program, bool) {
	m := t.gnu
	if f == prog.Busybox || f == prog.Alpine {
		m = t.busybox
	}
	e, ok := m[name]
	if !ok {
		return nil, false
	}
	return e.Main(f), true
}

// Names lists the programs of one family, sorted.
func (t *Table) Names(f prog.Family) []string {
	m := t.gnu
	if f == prog.Busybox {
		m = t.busybox
	}
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// missing is what runs in the place of a program that the lab does not have.
func missing(what string) kernel.Program {
	return func(p *kernel.Proc) int {
		fmt.Fprintf(p.Writer(2), "dockerlab: %s: this program is not part of the lab\n", what)
		return 126
	}
}

// multiCall is the busybox binary: argv[0] says which applet it is to be.
func (t *Table) multiCall(p *kernel.Proc, f prog.Family) int {
	argv := p.Args()
	name := "busybox"
	if len(argv) > 0 {
		name = strings.TrimPrefix(path.Base(argv[0]), "-")
	}
	if strings.HasPrefix(name, "busybox") {
		return t.busyboxItself(p, argv, f)
	}
	return t.applet(p, name, argv, f)
}

// build is a build of Busybox.
type build struct {
	family  prog.Family
	release string
	prog.Applets
}

// buildOf is the build that a process runs.
func buildOf(p *kernel.Proc, f prog.Family) build {
	if f == prog.Busybox {
		return build{family: f, Applets: prog.BusyboxApplets()}
	}
	release := (&prog.Ctx{Proc: p}).Release()
	return build{f, release, prog.AlpineApplets(release)}
}

// help is what the binary itself says.
func (b build) help() string {
	if b.family == prog.Busybox {
		return prog.BusyboxHelp(prog.BusyboxBanner, b.Names(), true)
	}
	return prog.BusyboxHelp(prog.AlpineBanner(b.release), b.Names(), false)
}

// busyboxItself is "busybox", "busybox --list" and "busybox APPLET ...".
func (t *Table) busyboxItself(p *kernel.Proc, argv []string, f prog.Family) int {
	out, b := p.Writer(1), buildOf(p, f)
	if len(argv) < 2 {
		fmt.Fprint(out, b.help())
		return 0
	}
	switch arg := argv[1]; {
	case arg == "--list", arg == "--list-full":
		for _, a := range b.Names() {
			if arg == "--list-full" {
				a = b.Applets[a][0][1:]
			}
			fmt.Fprintln(out, a)
		}
		return 0
	case arg == "--install":
		return b.install(p, argv[2:])
	case arg == "--help" && len(argv) == 2:
		fmt.Fprint(out, b.help())
		return 0
	case arg == "--help":
		return t.applet(p, argv[2], []string{argv[2], "--help"}, f)
	default:
		return t.applet(p, arg, argv[1:], f)
	}
}

// applet runs an applet in this process, under a command line of its own.
func (t *Table) applet(p *kernel.Proc, name string, argv []string, f prog.Family) int {
	main, ok := t.Lookup(name, f)
	has := buildOf(p, f).Has(name)
	switch {
	case ok && has && name != "busybox":
		p.SetComm(name)
		p.SetArgs(argv)
		if f == prog.Busybox && (name == "sh" || name == "ash") {
			return sh.Standalone(p)
		}
		return main(p)
	case has:
		return missing("busybox " + name)(p)
	}
	fmt.Fprintf(p.Writer(2), "%s: applet not found\n", name)
	return 127
}

// install is busybox --install [-s] [DIR]: what is there already stays.
func (b build) install(p *kernel.Proc, args []string) int {
	link := p.Link
	if len(args) > 0 && args[0] == "-s" {
		link, args = p.Symlink, args[1:]
	}
	self, err := p.Readlink("/proc/self/exe")
	if err != nil {
		self = p.Exe()
	}
	for _, a := range b.Names() {
		at := b.Applets[a][0]
		if len(args) > 0 {
			at = prog.JoinPath(args[0], a)
		}
		if err := link(self, at); err != nil && err != linux.EEXIST {
			fmt.Fprintf(p.Writer(2), "busybox: %s: %v\n", at, err)
		}
	}
	return 0
}
