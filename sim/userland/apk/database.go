package apk

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/catalog/alpine"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/reach"
	"github.com/dockerlab/dockerlab/sim/userland/unpack"
)

// Where apk keeps what it fetches.
const (
	cacheDir  = "/var/cache/apk" // of indexes
	keptCache = "/etc/apk/cache" // of packages too, if somebody made it
)

// candidate is a package that can be, or is, installed.
type candidate struct {
	*alpine.Package
	installed *alpine.Installed // nil where it is not
	repos     []int             // the repositories that have it
	file      string            // the file that somebody gave, of a package that is one
	virtual   bool              // somebody made it, with -t
}

// available says that the package could be installed now.
func (p *candidate) available() bool {
	return len(p.repos) > 0 || p.file != "" || p.virtual || p.installed != nil
}

// repository is a line of /etc/apk/repositories.
type repository struct {
	url, tag string
	index    *alpine.Repository
}

// database is what is installed, what is to be, and what can be.
type database struct {
	s         *session
	installed []*candidate
	world     []alpine.Dependency
	repos     []repository
	made      []*candidate // packages that this run makes: virtual ones, and files
	failed    int          // indexes that could not be fetched
	fetched   bool         // some index is new

	known     map[string][]*candidate // by name: those that are or provide it
	bySum     map[string]*candidate   // by checksum, which says that two are the same
	bySelf    []*candidate            // those that install themselves where others are
	selfKnown bool
}

// open is what a command needs of the database.
type open struct {
	write, fetch, refresh, cache bool
	noState, noWorld, noRepos    bool
}

// open reads the database and the indexes. What it gives is 0, or the number of an error below 0.
func (s *session) open(o open) int {
	db := &database{s: s, bySum: map[string]*candidate{}, known: map[string][]*candidate{}}
	s.db = db
	fail := func(what string, err error) int {
		text, code := why(err), -int(linux.EIO)
		if errno, ok := err.(linux.Errno); ok {
			code = -int(errno)
		}
		s.fail("%s: %s", what, text)
		s.fail("Failed to open apk database: %s", text)
		return code
	}
	if _, err := s.c.Stat(s.path("/")); err != nil {
		return fail("Unable to open root", err)
	}
	if o.write {
		fd, err := s.c.Open(s.path(alpine.LockFile), linux.O_CREAT|linux.O_RDWR|linux.O_CLOEXEC, 0o600)
		if err != nil {
			return fail("Unable to lock database", err)
		}
		s.c.Close(fd)
	}
	if !o.noState {
		if err := db.readState(); err != nil {
			if _, ok := err.(*alpine.FormatError); ok {
				s.fail("%v", err)
			}
			return fail("Unable to read database state", err)
		}
	}
	if o.noRepos {
		return 0
	}
	for _, url := range s.extra {
		db.addRepository(url, o)
	}
	file := s.path("/etc/apk/repositories")
	if s.file != "" {
		file = s.file
	}
	b, err := s.c.ReadFile(file)
	if err != nil && s.file != "" {
		s.fail("failed to read repositories: %s", s.file)
	}
	for line := range strings.Lines(string(b)) {
		db.addRepository(strings.TrimSpace(line), o)
	}
	if db.fetched && !s.simulate {
		db.writeInstalledIndex()
	}
	return 0
}

// path is where a file of the system lies, with --root.
func (s *session) path(name string) string {
	if s.root == "" || s.root == "/" {
		return name
	}
	return path.Join(s.root, name)
}

// readState reads what is installed and the world.
func (db *database) readState() error {
	s := db.s
	b, err := s.c.ReadFile(s.path(alpine.InstalledFile))
	if err != nil {
		return err
	}
	all, err := alpine.ParseInstalled(string(b))
	if err != nil {
		return err
	}
	scripts, _ := s.c.ReadFile(s.path(alpine.ScriptsFile))
	triggers, _ := s.c.ReadFile(s.path(alpine.TriggersFile))
	alpine.ReadScripts(all, bytes.NewReader(scripts), string(triggers))
	for _, i := range all {
		c := &candidate{Package: i.Package, installed: i}
		db.installed = append(db.installed, c)
		db.bySum[c.Checksum] = c
	}
	world, err := s.c.ReadFile(s.path(alpine.WorldFile))
	if err != nil {
		return err
	}
	db.world = alpine.ParseDependencies(string(world))
	return nil
}

// addRepository reads a line of /etc/apk/repositories, and the index that it leads to.
func (db *database) addRepository(line string, o open) {
	s := db.s
	if line == "" || line[0] == '#' {
		return
	}
	r := repository{url: line}
	if line[0] == '@' {
		tag, rest, _ := strings.Cut(line, " ")
		r.tag, r.url = tag[1:], strings.TrimSpace(rest)
	}
	if slices.ContainsFunc(db.repos, func(other repository) bool { return other.url == r.url }) {
		return
	}
	var err error
	shown := r.url
	u, parsed := url.Parse(r.url)
	switch {
	case parsed != nil || u.Scheme == "":
		r.index, err = db.readIndex(r.url, path.Join(s.path(r.url), "x86_64/APKINDEX.tar.gz"))
	case s.noCache:
		s.message("fetch %s/x86_64/APKINDEX.tar.gz", r.url)
		r.index, err = db.fetchIndex(u)
		if !s.since("2.12.0") && err != nil {
			shown = r.url + "/x86_64/APKINDEX.tar.gz"
		}
	default:
		name := indexFile(r.url)
		file := s.path(cacheDir) + "/" + name
		if o.fetch && !s.noNetwork && (s.since("2.10.0") || o.refresh || s.updateCache) {
			db.updateIndex(r.url, u, file, o)
		}
		if !s.since("2.10.0") {
			shown = name
		}
		r.index, err = db.readIndex(r.url, file)
	}
	if err != nil {
		s.warn("Ignoring %s: %s", shown, why(err))
	}
	db.repos = append(db.repos, r)
}

// indexFile is what the index of a repository is called in the cache.
func indexFile(url string) string {
	sum := sha1.Sum([]byte(url))
	return "APKINDEX." + hex.EncodeToString(sum[:4]) + ".tar.gz"
}

// updateIndex fetches an index into the cache, if the one there is not new enough: four hours old,
// or with -U one minute.
func (db *database) updateIndex(url string, u *url.URL, file string, o open) {
	s := db.s
	age := 4 * time.Hour
	if s.updateCache {
		age = time.Minute
	}
	if st, err := s.c.Stat(file); err == nil && !o.refresh && s.since("2.10.0") && s.c.Now().Sub(st.Mtime) <= age {
		return
	}
	s.message("fetch %s/x86_64/APKINDEX.tar.gz", url)
	if s.simulate {
		return
	}
	index, err := db.fetchIndex(u)
	if err == nil {
		if err = unpack.Parents(s.c, file); err == nil {
			s.c.Unlink(file)
			err = unpack.Put(s.c, file, layer.Bytes(index.Packed), 0o644)
		}
	}
	if err != nil {
		s.fail("%s: %s", url, why(err))
		db.failed++
		return
	}
	db.fetched = true
}

// fetchIndex asks the repository's host for its index.
func (db *database) fetchIndex(u *url.URL) (*alpine.Repository, error) {
	s := db.s
	if s.noNetwork {
		return nil, linux.ENOENT
	}
	if err := reach.File(s.c, u.String()+"/x86_64/APKINDEX.tar.gz", "apk-tools/"+s.version); err != nil {
		// https needs no certificates here: apk brings keys of its own.
		if err.Kind != reach.Untrusted {
			return nil, err
		}
	}
	r, err := s.repositories.Alpine(u.Hostname(), u.Path)
	if err == nil && r == nil {
		err = linux.ENOENT
	}
	return r, err
}

// readIndex reads an index that is a file. One that is the catalogue's own is not parsed again.
func (db *database) readIndex(uri, file string) (*alpine.Repository, error) {
	b, err := db.s.c.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(uri); err == nil {
		if r, err := db.s.repositories.Alpine(u.Hostname(), u.Path); err == nil && r != nil && bytes.Equal(r.Packed, b) {
			return r, nil
		}
	}
	return alpine.ReadIndex(uri, b)
}

// writeInstalledIndex keeps what is installed beside packages that are kept, if they are.
func (db *database) writeInstalledIndex() {
	s := db.s
	if !unpack.IsDir(s.c, s.path(keptCache)) {
		return
	}
	var b strings.Builder
	for _, p := range db.installed {
		b.WriteString(p.Stanza() + "\n")
	}
	s.c.WriteFile(s.path(keptCache)+"/installed", []byte(b.String()), 0o644)
}

// release is the release that a repository is of, "v3.4".
func (r repository) release() string {
	if r.index == nil {
		return ""
	}
	return r.index.Release()
}

// wrap is the candidate for a package of a repository: the installed one, or another repository's, if
// they are the same.
func (db *database) wrap(p *alpine.Package, repo int) *candidate {
	c := db.bySum[p.Checksum]
	if c == nil {
		c = &candidate{Package: p}
		db.bySum[p.Checksum] = c
	}
	if !slices.Contains(c.repos, repo) {
		c.repos = append(c.repos, repo)
	}
	return c
}

// providers are the packages that are or provide something: the installed ones first, then those of
// the repositories in their order.
func (db *database) providers(name string) []*candidate {
	if all, ok := db.known[name]; ok {
		return all
	}
	var all []*candidate
	for _, list := range [][]*candidate{db.installed, db.made} {
		for _, c := range list {
			if _, ok := c.Provided(name); ok {
				all = append(all, c)
			}
		}
	}
	for i, r := range db.repos {
		if r.index == nil {
			continue
		}
		for _, p := range r.index.Providers(name) {
			if c := db.wrap(p, i); !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	db.known[name] = all
	return all
}

// dependants are the packages among some that depend on one, in the order in which apk goes through
// them: by what they depend on, its name first, and then in the order of the table of names.
func dependants(c *candidate, among []*candidate) []*candidate {
	var all []*candidate
	for _, name := range append([]string{c.Name}, c.provided()...) {
		var found []*candidate
		for _, other := range among {
			if !slices.Contains(all, other) && slices.ContainsFunc(other.Depends, func(d alpine.Dependency) bool { return d.Name == name && !d.Conflict && c.Satisfies(d) }) {
				found = append(found, other)
			}
		}
		slices.SortStableFunc(found, func(a, b *candidate) int { return int(hash(a.Name)%buckets) - int(hash(b.Name)%buckets) })
		all = append(all, found...)
	}
	return all
}

// provided are the names that the package has beside its own.
func (p *candidate) provided() []string {
	names := make([]string, len(p.Provides))
	for i, d := range p.Provides {
		names[i] = d.Name
	}
	return names
}

// owner is the installed package of that name.
func (db *database) owner(name string) *candidate {
	for _, c := range db.installed {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// all are all packages: what is installed, and what repositories have.
func (db *database) all() []*candidate {
	all := slices.Clone(db.installed)
	seen := map[*candidate]bool{}
	for _, c := range all {
		seen[c] = true
	}
	for i, r := range db.repos {
		if r.index == nil {
			continue
		}
		for _, p := range r.index.Packages {
			if c := db.wrap(p, i); !seen[c] {
				seen[c] = true
				all = append(all, c)
			}
		}
	}
	return all
}

// write writes the database.
func (db *database) write() error {
	s := db.s
	var world strings.Builder
	for _, d := range db.world {
		world.WriteString(d.String() + "\n")
	}
	all := make([]*alpine.Installed, len(db.installed))
	for i, c := range db.installed {
		all[i] = c.installed
	}
	for _, f := range []struct{ name, text string }{
		{alpine.WorldFile, world.String()},
		{alpine.InstalledFile, alpine.FormatInstalled(all)},
		{alpine.ScriptsFile, alpine.FormatScripts(all, s.c.Now())},
		{alpine.TriggersFile, alpine.FormatTriggers(all)},
	} {
		at := s.path(f.name)
		if err := unpack.Parents(s.c, at); err != nil {
			return err
		}
		if err := s.c.WriteFile(at+".new", []byte(f.text), 0o644); err != nil {
			return err
		}
		if err := s.c.Rename(at+".new", at); err != nil {
			return err
		}
	}
	db.writeInstalledIndex()
	return nil
}
