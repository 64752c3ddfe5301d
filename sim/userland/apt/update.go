package apt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dockerlab/dockerlab/sim/catalog"
	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/dpkg"
)

// update is apt-get update: it fetches the lists of all sources.
func (s *session) update() int {
	if len(s.args) > 1 {
		return s.fail("The update command takes no arguments")
	}
	sources, err := s.sources()
	if err != nil {
		return s.badSources(err)
	}
	if !s.root() {
		s.say("Reading package lists...\n")
		return s.mayNot(false)
	}
	for _, dir := range []string{listsDir, listsDir + "/partial", listsDir + "/auxfiles"} {
		perm := linux.Mode(0o755)
		if strings.HasSuffix(dir, "partial") {
			perm = 0o700
		}
		if err := s.directory(dir, perm); err != nil {
			return s.fail("List directory %s is missing. - Acquire (%v)", dir, err)
		}
	}
	if err := s.lock(listsDir + "/lock"); err != nil {
		return s.fail("Could not open lock file %s/lock - open (%v)", listsDir, err)
	}
	u := &updating{session: s}
	wanted := u.releases(sources)
	u.lists(wanted)
	u.retries()
	if u.bytes > 0 {
		s.fetched(u.bytes)
	}
	s.cleanLists(sources)
	s.writeCaches(u.cacheSize)
	s.say("Reading package lists...%s\n", s.done())
	for _, w := range u.warnings {
		s.c.Errorf("%s\n", w)
	}
	if !s.scripts("APT::Update::Post-Invoke") {
		return 100
	}
	if u.failed {
		return 100
	}
	if u.transient {
		s.warn("Some index files failed to download. They have been ignored, or old ones used instead.")
	}
	if s.config.flag("APT::Cmd::Show-Update-Stats", false) {
		return s.upgradable()
	}
	return 0
}

func (s *session) done() string {
	if s.c.Isatty(1) && s.config.number("quiet") == 0 {
		return " Done"
	}
	return ""
}

// badSources words an error of sources.list.
func (s *session) badSources(err error) int {
	return s.fail("%v\nE: The list of sources could not be read.", err)
}

// mayNot is what one who is not root is told of the directories of lists and archives.
func (s *session) mayNot(archives bool) int {
	if archives {
		s.c.Errorf("E: Could not open lock file %s/lock - open (13: Permission denied)\nE: Unable to lock directory %s/\n", archivesDir, archivesDir)
	}
	if _, err := s.c.Stat(listsDir + "/partial"); err != nil {
		s.c.Errorf("E: List directory %s/partial is missing. - Acquire (13: Permission denied)\n", listsDir)
	} else {
		s.c.Errorf("E: Could not open lock file %s/lock - open (13: Permission denied)\nE: Unable to lock directory %s/\n", listsDir, listsDir)
	}
	for _, name := range []string{"pkgcache", "srcpkgcache"} {
		s.warn("Problem unlinking the file %s/%s.bin - RemoveCaches (13: Permission denied)", cacheDir, name)
	}
	return 100
}

// updating is the work of an update.
type updating struct {
	*session
	number            int   // of the last line shown
	bytes             int64 // fetched
	cacheSize         int64
	warnings          []string
	again             []retry
	failed, transient bool
}

// retry is something that could not be fetched, which is tried thrice.
type retry struct {
	number  int
	at, why string
}

// retries shows the further tries of what could not be fetched.
func (u *updating) retries() {
	for range 2 {
		for _, r := range u.again {
			u.say("Ign:%d %s\n", r.number, r.at)
		}
	}
	for _, r := range u.again {
		u.say("Err:%d %s\n  %s\n", r.number, r.at, r.why)
	}
}

// found is a source whose release file is there.
type found struct {
	source
	archive *catalog.Archive
	same    bool // as it was before
}

// line shows what is fetched.
func (u *updating) line(how, what string, bytes int64) {
	u.number++
	if bytes > 0 {
		what += fmt.Sprintf(" [%sB]", size(bytes))
	}
	u.say("%s:%d %s\n", how, u.number, what)
}

// releases fetches the release files, and gives the sources that have one.
func (u *updating) releases(sources []source) []found {
	var all []found
	for _, src := range sources {
		uri := src.uri + "dists/" + src.dist + "/InRelease"
		at := src.at() + " InRelease"
		if src.flat {
			uri, at = src.uri+src.dist+"/InRelease", src.at()+"/ InRelease"
		}
		if fault := u.reach(uri); fault != nil {
			if fault.missing {
				u.line("Ign", at, 0)
				u.number++
				u.say("Err:%d %s Release\n  %s\n", u.number, src.at(), fault)
				u.warnings = append(u.warnings, fmt.Sprintf("E: The repository '%s Release' does not have a Release file.", src.at()))
				u.failed = true
				continue
			}
			u.line("Ign", at, 0)
			u.again = append(u.again, retry{u.number, at, fault.text})
			u.warnings = append(u.warnings, fmt.Sprintf("W: Failed to fetch %s  %s", uri, fault))
			u.transient = true
			continue
		}
		a, err := u.archives.Archive(src.host(), src.path(), src.dist)
		if err != nil || a == nil {
			// A host that answers, and has no lists that could be read.
			u.line("Err", at, 0)
			u.say("  Clearsigned file isn't valid, got 'NOSPLIT' (does the network require authentication?)\n")
			u.warnings = append(u.warnings, fmt.Sprintf("E: The repository '%s InRelease' is not signed.", src.at()))
			u.failed = true
			continue
		}
		file := src.file("InRelease")
		release := a.Release()
		st, err := u.c.Stat(file)
		same := err == nil && st.Size == release.Size()
		if same {
			u.line("Hit", at, 0)
		} else {
			u.line("Get", at, release.Size())
			u.bytes += release.Size()
			if err := u.put(file, release, 0o644); err != nil {
				u.warnings = append(u.warnings, fmt.Sprintf("W: Failed to fetch %s  %v", uri, err))
				u.transient = true
				continue
			}
		}
		all = append(all, found{src, a, same})
	}
	return all
}

// lists fetches the lists of packages, and the descriptions where the system wants them.
func (u *updating) lists(sources []found) {
	compressed := u.config.flag("Acquire::GzipIndexes", false)
	languages := u.config.get("Acquire::Languages") != "none" && !slices.Contains(u.config.lists["acquire::languages"], "none")
	for _, f := range sources {
		for _, component := range f.components {
			index := f.archive.Index(component)
			if index == nil {
				u.warnings = append(u.warnings, fmt.Sprintf("W: Skipping acquire of configured file '%s/binary-%s/Packages' as repository '%s %s InRelease' doesn't have the component '%s' (component misspelt in sources.list?)",
					component, dpkg.Architecture, strings.TrimSuffix(f.uri, "/"), f.dist, component))
				continue
			}
			u.cacheSize += index.Content.Size() * 78 / 100
			u.one(f, component+"/binary-"+dpkg.Architecture+"/Packages", component+" "+dpkg.Architecture+" Packages", index, compressed)
			if t := f.archive.Translation(component); t != nil && languages {
				u.one(f, component+"/i18n/Translation-en", component+" Translation-en", t, compressed)
			}
		}
	}
}

// one fetches a list, if it is not there.
func (u *updating) one(f found, path, what string, index *catalog.Index, compressed bool) {
	if index.Content.Size() == 0 {
		return // apt does not fetch what is empty
	}
	file, content := f.file(path), index.Content
	if compressed {
		file, content = file+".lz4", lz4(index.Content)
	}
	if _, err := u.c.Stat(file); err == nil && f.same {
		return
	}
	if fault := u.reach(f.uri + "dists/" + f.dist + "/" + path); fault != nil {
		u.number++
		u.say("Err:%d %s/%s\n  %s\n", u.number, f.at(), what, fault)
		u.warnings = append(u.warnings, fmt.Sprintf("W: Failed to fetch %sdists/%s/%s  %s", f.uri, f.dist, path, fault))
		u.transient = true
		return
	}
	u.line("Get", f.at()+"/"+what, index.Download)
	u.bytes += index.Download
	if err := u.put(file, content, 0o644); err != nil {
		u.warnings = append(u.warnings, fmt.Sprintf("E: Failed to write %s: %v", file, err))
		u.failed = true
	}
}

// lz4 is a list as it is kept compressed: its size is what LZ4 makes of such lists.
func lz4(c layer.Content) layer.Content {
	const magic = "\x04\x22\x4d\x18"
	return layer.Join(layer.Text(magic), layer.Generated(uint64(c.Size()), max(0, c.Size()*376/1000-int64(len(magic)))))
}

// cleanLists removes the lists of sources that are no more.
func (s *session) cleanLists(sources []source) {
	entries, err := s.c.ReadDir(listsDir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.Mode.IsRegular() || e.Name == "lock" {
			continue
		}
		if !slices.ContainsFunc(sources, func(src source) bool {
			return strings.HasPrefix(listsDir+"/"+e.Name, strings.TrimSuffix(src.file(""), "_")+"_")
		}) {
			s.c.Unlink(listsDir + "/" + e.Name)
		}
	}
}

const cacheDir = "/var/cache/apt"

// writeCaches writes APT's binary caches, where the configuration wants them.
func (s *session) writeCaches(bytes int64) {
	if bytes == 0 {
		return
	}
	if err := s.directory(cacheDir, 0o755); err != nil {
		return
	}
	for _, name := range []string{"srcpkgcache", "pkgcache"} {
		if v, ok := s.config.values["dir::cache::"+name]; ok && v == "" {
			continue
		}
		s.put(cacheDir+"/"+name+".bin", layer.Generated(uint64(bytes), bytes), 0o644)
	}
}

// upgradable is the word about upgrades with which apt update ends.
func (s *session) upgradable() int {
	k, err := s.open()
	if err != nil {
		return s.badSources(err)
	}
	s.say("Building dependency tree...%s\n", s.done())
	if k.states {
		s.say("Reading state information...%s\n", s.done())
	}
	n := 0
	for _, p := range k.db.Packages() {
		if p.There() && k.newer(p) != nil {
			n++
		}
	}
	switch n {
	case 0:
		s.say("All packages are up to date.\n")
	case 1:
		s.say("1 package can be upgraded. Run 'apt list --upgradable' to see it.\n")
	default:
		s.say("%d packages can be upgraded. Run 'apt list --upgradable' to see them.\n", n)
	}
	return 0
}

// newer is the version that an installed package could be upgraded to; nil if none.
func (k *cache) newer(p *dpkg.Package) *available {
	if c := k.candidate(p.Name()); c != nil && debian.Compare(c.Get("Version"), p.Version()) > 0 {
		return c
	}
	return nil
}
