// Package dpkg is the lab's dpkg: the database of installed packages below /var/lib/dpkg, the
// archives that packages come in, and the programs that work with both: dpkg, dpkg-deb, dpkg-query,
// update-alternatives and their like. Package apt decides what is to be installed and hands it on
// to a Run, as the real one calls dpkg.
//
//	Deb ─▶ Run.Unpack ─▶ files, info/NAME.list, status "unpacked"
//	       Run.Configure ─▶ conffiles, users, alternatives, status "installed"
//	       Run.Triggers
//	       Run.Remove, Run.Purge
//
// The database is the truth: it is read anew by each program, and written after each step that
// changed it. What a package of the catalogue has and does is data (package debian): its files are
// made when they are read, and what its scripts would do is done for them. A package that somebody
// built has files and scripts of its own, and those are unpacked and run.
package dpkg

import (
	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Facts is what is known of packages, a *catalog.Registry.
type Facts interface {
	// Package is one version of a package, nil where it is not known.
	Package(name, version string) (*debian.Package, error)
	// FileContent is what a file of a package holds; family is that of the programs.
	FileContent(e manifest.Entry, family string) (layer.Content, error)
	// Deb is a package as a file.
	Deb(p *debian.Package) layer.Content
}

// NoFacts knows nothing: all packages are of those that somebody built.
var NoFacts Facts = none{}

type none struct{}

func (none) Package(string, string) (*debian.Package, error)           { return nil, nil }
func (none) FileContent(manifest.Entry, string) (layer.Content, error) { return layer.Text(""), nil }
func (none) Deb(p *debian.Package) layer.Content                       { return debian.WriteDeb(p) }

// Programs are the programs of dpkg 1.21.22 and debconf. Without facts they know only packages
// that were built in the lab.
func Programs(facts Facts) []prog.Program {
	if facts == nil {
		facts = NoFacts
	}
	with := func(run func(*prog.Ctx, Facts) int) func(*prog.Ctx) int {
		return func(c *prog.Ctx) int { return run(c, facts) }
	}
	return []prog.Program{
		{Name: "dpkg", Families: prog.GNU, Run: with(dpkgProgram)},
		{Name: "dpkg-deb", Families: prog.GNU, Run: with(debProgram)},
		{Name: "dpkg-query", Families: prog.GNU, Run: query},
		{Name: "dpkg-divert", Families: prog.GNU, Run: divert},
		{Name: "dpkg-statoverride", Families: prog.GNU, Run: statoverride},
		{Name: "dpkg-reconfigure", Families: prog.GNU, Run: with(reconfigure)},
		{Name: "debconf-set-selections", Families: prog.GNU, Run: setSelections},
		{Name: "update-alternatives", Families: prog.GNU, Run: alternatives},
		{Name: "update-rc.d", Families: prog.GNU, Run: updateRC},
		{Name: "invoke-rc.d", Families: prog.GNU, Run: invokeRC},
	}
}

const (
	database = "/var/lib/dpkg"
	version  = "1.21.22"
	// Architecture is that of the machine.
	Architecture = "amd64"
)
