package apk

import (
	"io"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog/alpine"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/reach"
	"github.com/dockerlab/dockerlab/sim/userland/unpack"
)

var fetchOptions = []option{
	flag('R', "recursive"), flag('s', "stdout"), flag('l', "link"), flag(0, "url"), flag('w', "world"),
	{0, "simulate", "", func(s *session, _ string) { s.simulate = true }},
	{'o', "output", "DIR", func(s *session, v string) { s.output = v }},
}

// retrieve asks a repository for the file of a package. It is laid down as to, or kept where
// packages are kept, if they are.
func (s *session) retrieve(c *candidate, to string) error {
	if len(c.repos) == 0 {
		return errNoRepository
	}
	r := s.db.repos[c.repos[0]]
	u, err := url.Parse(r.url)
	if err != nil || u.Scheme == "" {
		return nil // a folder
	}
	if err := reach.File(s.c, r.url+"/x86_64/"+c.File(), "apk-tools/"+s.version); err != nil && err.Kind != reach.Untrusted {
		return err
	}
	switch kept := s.path(keptCache); {
	case to != "":
	case unpack.IsDir(s.c, kept) && !s.noCache:
		sum := strings.NewReplacer("/", "_").Replace(strings.TrimPrefix(c.Checksum, "Q1"))
		to = path.Join(kept, c.String()+"."+strings.ToLower(sum[:8])+".apk")
		if _, err := s.c.Stat(to); err == nil {
			return nil
		}
	default:
		return nil
	}
	s.c.Unlink(to)
	return unpack.Put(s.c, to, alpine.WriteFile(c.Package), 0o644)
}

// errNoRepository is for a package that no repository has.
var errNoRepository = noRepository{}

type noRepository struct{}

func (noRepository) Error() string {
	return "could not find a repo which provides this package (check repositories file and run 'apk update')"
}

// fetch downloads packages.
func (s *session) fetch(args []string) int {
	if s.flags["stdout"] {
		s.progress, s.verbosity = false, 0
	}
	if len(args) == 1 && args[0] == "coffee" {
		s.message("Go and fetch your own coffee.")
		return 0
	}
	errors := 0
	var wanted []*candidate
	missing := func(name string) {
		if strings.Contains(name, "*") {
			return
		}
		its := "its"
		if !s.since("2.10.0") {
			its = "it's"
		}
		s.message("%s: unable to select package (or %s dependencies)", name, its)
		errors++
	}
	names := s.matching(args, missing)
	if s.flags["recursive"] || s.flags["world"] {
		q := request{loose: true}
		if s.flags["world"] {
			q.world = append(q.world, s.db.world...)
		}
		for _, name := range names {
			q.world = with(q.world, alpine.Dependency{Name: name})
		}
		if errors == 0 {
			// As if nothing were installed.
			bare := *s.db
			bare.installed, bare.known, bare.bySum, bare.bySelf, bare.selfKnown = nil, map[string][]*candidate{}, map[string]*candidate{}, nil, false
			solution := bare.solve(q)
			changes := bare.order(q, solution)
			if solution.errors > 0 {
				s.report(q, solution, changes)
				errors++
			}
			for _, c := range changes {
				wanted = append(wanted, c.new)
			}
		}
	} else {
		for _, name := range names {
			var newest *candidate
			for _, c := range s.db.providers(name) {
				if newest == nil || alpine.Compare(c.Version, newest.Version) > 0 {
					newest = c
				}
			}
			if newest == nil {
				missing(name)
				continue
			}
			wanted = append(wanted, newest)
		}
	}
	if errors > 0 {
		return errors
	}
	for _, c := range wanted {
		if !s.fetchOne(c) {
			errors++
		}
	}
	return errors
}

// fetchOne downloads one package; it reports whether that went well.
func (s *session) fetchOne(c *candidate) bool {
	to := path.Join(s.output, c.File())
	if st, err := s.c.Stat(to); err == nil && st.Size == c.Size && !s.flags["stdout"] {
		return true
	}
	if s.flags["url"] && len(c.repos) > 0 {
		s.message("%s/x86_64/%s", s.db.repos[c.repos[0]].url, c.File())
	} else {
		s.message("Downloading %s", c.Package)
	}
	if s.simulate {
		return true
	}
	if len(c.repos) == 0 {
		s.fail("%s: %v", c.Package, errNoRepository)
		return false
	}
	if s.flags["stdout"] {
		if _, err := io.Copy(s.c.Out, layer.NewReader(alpine.WriteFile(c.Package))); err != nil {
			s.fail("%s: %s", c.Package, why(err))
			return false
		}
		return true
	}
	if s.output != "" && !unpack.IsDir(s.c, s.output) {
		s.fail("%s: %s", c.Package, why(linux.EBADF))
		return false
	}
	if err := s.retrieve(c, to); err != nil {
		s.fail("%s: %s", c.Package, why(err))
		return false
	}
	return true
}

var cacheOptions = []option{
	flag('a', "available"), flag('l', "latest"), flag('u', "upgrade"), flag(0, "add-dependencies"), flag(0, "ignore-conflict"),
	{'s', "simulate", "", func(s *session, _ string) { s.simulate = true }},
}

// cache manages the packages that are kept in /etc/apk/cache.
func (s *session) cache(args []string) int {
	misused := func() int {
		if s.since("2.12.0") {
			return -1
		}
		k := slices.IndexFunc(commands, func(k command) bool { return k.name == "cache" })
		return s.usage(&commands[k])
	}
	if len(args) < 1 {
		return misused()
	}
	clean, download := args[0] == "clean" || args[0] == "sync", args[0] == "download" || args[0] == "sync"
	if !clean && !download {
		return misused()
	}
	dir := s.path(keptCache)
	if !unpack.IsDir(s.c, dir) {
		s.fail("Package cache is not enabled.\n")
		return 2
	}
	if clean {
		keep := map[string]bool{"installed": true}
		for _, r := range s.db.repos {
			keep[indexFile(r.url)] = true
		}
		entries, err := s.c.ReadDir(dir)
		if err != nil {
			s.fail("%s", why(err))
			return 1
		}
		for _, e := range entries {
			installed := false
			for _, c := range s.db.installed {
				installed = installed || strings.HasPrefix(e.Name, c.String()+".")
			}
			if keep[e.Name] || strings.HasSuffix(e.Name, ".apk") && (installed || !s.purge) {
				continue
			}
			if s.verbosity >= 2 {
				s.message("deleting %s", e.Name)
			}
			if !s.simulate {
				s.c.Unlink(path.Join(dir, e.Name))
			}
		}
	}
	if !download {
		return 0
	}
	failed := 0
	for _, c := range s.db.installed {
		if c.InstalledSize == 0 {
			continue
		}
		if len(s.db.providers(c.Name)) > 0 && len(c.repos) > 0 {
			s.message("fetch %s/x86_64/%s", s.db.repos[c.repos[0]].url, c.File())
			if err := s.retrieve(c, ""); err != nil {
				s.fail("%s: %s", c.Package, why(err))
				failed++
			}
		}
	}
	return failed
}
