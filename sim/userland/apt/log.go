package apt

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/dpkg"
)

const logDir = "/var/log/apt"

// appendTo adds text to a file.
func (s *session) appendTo(file, text string, perm linux.Mode) {
	if err := s.directory(logDir, 0o755); err != nil {
		return
	}
	fd, err := s.c.Open(file, linux.O_WRONLY|linux.O_CREAT|linux.O_APPEND|linux.O_CLOEXEC, perm)
	if err != nil {
		return
	}
	s.c.Proc.Write(fd, []byte(text))
	s.c.Close(fd)
}

func (s *session) stamp(t time.Time) string { return t.In(s.c.Zone()).Format("2006-01-02  15:04:05") }

// history notes what is begun in history.log.
func (s *session) history(p *plan, began time.Time) {
	var b strings.Builder
	fmt.Fprintf(&b, "\nStart-Date: %s\nCommandline: %s\n", s.stamp(began), strings.Join(append([]string{s.binary}, s.c.Args...), " "))
	note := func(title string, names []string) {
		if len(names) > 0 {
			fmt.Fprintf(&b, "%s: %s\n", title, strings.Join(names, ", "))
		}
	}
	var fresh, again, upgraded, gone, purged []string
	for _, name := range sortedKeys(p.coming) {
		a := p.coming[name]
		label := name + ":" + dpkg.Architecture
		switch q := p.installed(name); {
		case p.again[name]:
			again = append(again, fmt.Sprintf("%s (%s)", label, a.Get("Version")))
		case q != nil:
			upgraded = append(upgraded, fmt.Sprintf("%s (%s, %s)", label, q.Version(), a.Get("Version")))
		case p.auto[name]:
			fresh = append(fresh, fmt.Sprintf("%s (%s, automatic)", label, a.Get("Version")))
		default:
			fresh = append(fresh, fmt.Sprintf("%s (%s)", label, a.Get("Version")))
		}
	}
	for _, q := range p.db.Packages() {
		text := fmt.Sprintf("%s:%s (%s)", q.Name(), dpkg.Architecture, q.Version())
		switch {
		case p.purging[q.Name()]:
			purged = append(purged, text)
		case p.going[q.Name()]:
			gone = append(gone, text)
		}
	}
	note("Install", fresh)
	note("Reinstall", again)
	note("Upgrade", upgraded)
	note("Remove", gone)
	note("Purge", purged)
	s.appendTo(logDir+"/history.log", b.String(), 0o644)
}

// endHistory notes how it ended.
func (s *session) endHistory(ok bool) {
	text := ""
	if !ok {
		text = "Error: Sub-process /usr/bin/dpkg returned an error code (1)\n"
	}
	s.appendTo(logDir+"/history.log", text+"End-Date: "+s.stamp(s.c.Now())+"\n", 0o644)
}

// mark is apt-mark.
func (s *session) mark() int {
	if len(s.args) == 0 || s.config.flag("help", false) {
		s.c.Printf("apt %s (amd64)\nUsage: apt-mark [options] {auto|manual} pkg1 [pkg2 ...]\n\napt-mark is a simple command line interface for marking packages\nas manually or automatically installed. It can also be used to\nmanipulate the dpkg(1) selection states of packages, and to list\nall packages with or without a certain marking.\n", version)
		return 0
	}
	k, err := s.open()
	if err != nil {
		return s.badSources(err)
	}
	command, names := s.args[0], s.args[1:]
	switch command {
	case "auto", "manual", "markauto", "unmarkauto":
		return s.markAs(k, names, command == "auto" || command == "markauto")
	case "hold", "unhold", "install", "remove", "deinstall", "purge":
		return s.hold(k, names, command)
	case "showauto", "showmanual", "showhold", "showheld", "showholds", "showinstall", "showremove", "showpurge":
	default:
		return s.fail("Invalid operation %s", command)
	}
	wants := map[string]string{"showhold": "hold", "showheld": "hold", "showholds": "hold", "showinstall": "install", "showremove": "deinstall", "showpurge": "purge"}
	for _, q := range k.db.Packages() {
		if len(names) > 0 && !slices.Contains(names, q.Name()) {
			continue
		}
		show := false
		switch command {
		case "showauto":
			show = q.There() && k.auto[q.Name()]
		case "showmanual":
			show = q.There() && !k.auto[q.Name()]
		default:
			show = q.Want == wants[command]
		}
		if show {
			s.c.Print(q.Name(), "\n")
		}
	}
	return 0
}

func (s *session) markAs(k *cache, names []string, auto bool) int {
	if len(names) == 0 {
		return s.fail("No packages found")
	}
	word := "manually"
	if auto {
		word = "automatically"
	}
	changed := false
	for _, name := range names {
		switch {
		case !k.known(name):
			return s.fail("Unable to locate package %s\nE: No packages found", name)
		case k.installed(name) == nil:
			s.c.Printf("%s can not be marked as it is not installed.\n", name)
		case k.auto[name] == auto:
			s.c.Printf("%s was already set to %s installed.\n", name, word)
		default:
			s.c.Printf("%s set to %s installed.\n", name, word)
			k.auto[name] = auto
			changed = true
		}
	}
	if !changed {
		return 0
	}
	if err := k.writeStates(); err != nil {
		return s.fail("Failed to write temporary StateFile %s", statesFile)
	}
	return 0
}

// hold is hold, unhold and what else dpkg's selections are.
func (s *session) hold(k *cache, names []string, command string) int {
	if len(names) == 0 {
		return s.fail("No packages found")
	}
	want := map[string]string{"hold": "hold", "unhold": "install", "install": "install", "remove": "deinstall", "deinstall": "deinstall", "purge": "purge"}[command]
	for _, name := range names {
		if !k.known(name) {
			return s.fail("Unable to locate package %s\nE: No packages found", name)
		}
	}
	if !s.root() {
		return s.fail("Executing dpkg failed. Are you root?")
	}
	r := dpkg.NewRun(k.db, s.archives)
	for _, name := range names {
		q := k.db.Package(name)
		held := q != nil && q.Want == "hold"
		switch {
		case command == "hold" && held:
			s.c.Printf("%s was already set on hold.\n", name)
			continue
		case command == "unhold" && !held:
			s.c.Printf("%s was already not on hold.\n", name)
			continue
		}
		r.Wants(name, want)
		s.c.Printf(map[string]string{"hold": "%s set on hold.\n", "unhold": "Canceled hold on %s.\n", "install": "Selected %s for installation.\n",
			"remove": "Selected %s for removal.\n", "deinstall": "Selected %s for removal.\n", "purge": "Selected %s for purge.\n"}[command], name)
	}
	if !r.Finish() {
		return 100
	}
	return 0
}
