package dpkg

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
)

// user is a user that a package made: what it is called, and its number here.
type user struct {
	name string
	uid  uint32
}

// accounts are the files of users and groups, changed as adduser --system does it.
type accounts struct {
	c                              *prog.Ctx
	passwd, group, shadow, gshadow string
	db                             *userdb.DB
}

func readAccounts(c *prog.Ctx) (*accounts, error) {
	a := &accounts{c: c, db: userdb.Load(c)}
	for name, to := range map[string]*string{"passwd": &a.passwd, "group": &a.group, "shadow": &a.shadow, "gshadow": &a.gshadow} {
		b, err := c.ReadFile("/etc/" + name)
		if err != nil && err != linux.ENOENT {
			return nil, fmt.Errorf("reading /etc/%s: %w", name, err)
		}
		*to = string(b)
	}
	return a, nil
}

// dynamic says that a number was handed out by the machine that was recorded, and is not fixed.
func dynamic(id uint32) bool { return 100 <= id && id < 60000 }

// free finds a number: upwards, or for those from the upper end downwards, as sysusers does it.
func free(recorded uint32, used func(id uint32) bool) uint32 {
	if !dynamic(recorded) {
		return recorded
	}
	if recorded >= 900 {
		for id := uint32(999); id >= 100; id-- {
			if !used(id) {
				return id
			}
		}
	}
	for id := uint32(100); id <= 999; id++ {
		if !used(id) {
			return id
		}
	}
	return recorded
}

func (a *accounts) userID(id uint32) bool {
	for _, u := range a.db.Users {
		if u.UID == id {
			return true
		}
	}
	return false
}

func (a *accounts) groupID(id uint32) bool {
	for _, g := range a.db.Groups {
		if g.GID == id {
			return true
		}
	}
	return false
}

// findGroup is the number of a group.
func (a *accounts) findGroup(name string) (uint32, bool) {
	for _, g := range a.db.Groups {
		if g.Name == name {
			return g.GID, true
		}
	}
	return 0, false
}

func (a *accounts) addGroup(line string) {
	for _, g := range userdb.ParseGroups(line) {
		if _, ok := a.findGroup(g.Name); ok {
			continue
		}
		g.GID = free(g.GID, a.groupID)
		a.db.Groups = append(a.db.Groups, g)
		a.group += g.String() + "\n"
		a.gshadow += g.Name + ":!::" + strings.Join(g.Members, ",") + "\n"
	}
}

func (a *accounts) addUser(line string) {
	for _, u := range userdb.ParseUsers(line) {
		if a.findUser(u.Name) {
			continue
		}
		// Its own group was made before it, under a number of this system.
		if gid, ok := a.findGroup(u.Name); ok {
			u.GID = gid
		}
		u.UID = free(u.UID, a.userID)
		a.db.Users = append(a.db.Users, u)
		a.passwd += u.String() + "\n"
		a.shadow += fmt.Sprintf("%s:!:%d::::::\n", u.Name, a.c.Now().Unix()/86400)
	}
}

func (a *accounts) findUser(name string) bool {
	for _, u := range a.db.Users {
		if u.Name == name {
			return true
		}
	}
	return false
}

// write writes the files, their forerunners under a name with a dash.
func (a *accounts) write() error {
	for _, f := range []struct {
		name, text string
		perm       linux.Mode
	}{{"passwd", a.passwd, 0o644}, {"group", a.group, 0o644}, {"shadow", a.shadow, 0o640}, {"gshadow", a.gshadow, 0o640}} {
		at := "/etc/" + f.name
		old, err := a.c.ReadFile(at)
		if string(old) == f.text {
			continue
		}
		perm := f.perm
		if st, err := a.c.Stat(at); err == nil {
			perm = st.Mode.Perm()
		}
		if err == nil {
			if err := a.c.WriteFile(at+"-", old, perm); err != nil {
				return err
			}
		}
		if err := a.c.WriteFile(at, []byte(f.text), perm); err != nil {
			return err
		}
	}
	return nil
}

// user is the number here of a user whose recorded number is id.
func (r *Run) user(id uint32) uint32 {
	if !dynamic(id) {
		return id
	}
	r.numbers()
	if u, ok := r.who[id]; ok {
		return u.uid
	}
	return id
}

// group is user for groups.
func (r *Run) group(id uint32) uint32 {
	if !dynamic(id) {
		return id
	}
	r.numbers()
	if g, ok := r.groups[id]; ok {
		return g
	}
	return id
}

// numbers looks what the recorded numbers of all installed packages' users are here.
func (r *Run) numbers() {
	db := userdb.Load(r.c)
	r.who, r.groups = map[uint32]user{}, map[uint32]uint32{}
	for _, p := range r.packages {
		if !p.There() {
			continue
		}
		f := r.facts(p)
		if f == nil {
			continue
		}
		for _, line := range f.Users {
			for _, u := range userdb.ParseUsers(line) {
				for _, here := range db.Users {
					if here.Name == u.Name {
						r.who[u.UID] = user{u.Name, here.UID}
					}
				}
			}
		}
		for _, line := range f.Groups {
			for _, g := range userdb.ParseGroups(line) {
				for _, here := range db.Groups {
					if here.Name == g.Name {
						r.groups[g.GID] = here.GID
					}
				}
			}
		}
	}
}

// numbered is where adduser tells a number.
var numbered = regexp.MustCompile(`\((UID|GID) (\d+)\)`)

// renumber puts this system's numbers into a line that was recorded.
func (r *Run) renumber(line string) string {
	return numbered.ReplaceAllStringFunc(line, func(s string) string {
		m := numbered.FindStringSubmatch(s)
		n, err := strconv.ParseUint(m[2], 10, 32)
		if err != nil {
			return s
		}
		id := r.user(uint32(n))
		if m[1] == "GID" {
			id = r.group(uint32(n))
		}
		return fmt.Sprintf("(%s %d)", m[1], id)
	})
}
