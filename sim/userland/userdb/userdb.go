// Package userdb reads the user and group databases of the file system that a program sees:
// /etc/passwd, /etc/group and /etc/shadow, as the C library's "files" service does. What is not
// a record of the right shape is skipped, as it is there.
package userdb

import (
	"strconv"
	"strings"
)

// User is a line of /etc/passwd.
type User struct {
	Name, Password     string
	UID, GID           uint32
	Gecos, Home, Shell string
}

// String is the line, without its newline.
func (u User) String() string {
	return strings.Join([]string{u.Name, u.Password, id(u.UID), id(u.GID), u.Gecos, u.Home, u.Shell}, ":")
}

// Group is a line of /etc/group.
type Group struct {
	Name, Password string
	GID            uint32
	Members        []string
}

// String is the line, without its newline.
func (g Group) String() string {
	return strings.Join([]string{g.Name, g.Password, id(g.GID), strings.Join(g.Members, ",")}, ":")
}

func id(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// Files is how the databases are read: the whole contents of a file.
type Files interface {
	ReadFile(path string) ([]byte, error)
}

// DB is both databases as they were when Load read them.
type DB struct {
	Users  []User
	Groups []Group
}

// Load reads /etc/passwd and /etc/group. A file that cannot be read counts as empty.
func Load(f Files) *DB {
	db := &DB{}
	if b, err := f.ReadFile("/etc/passwd"); err == nil {
		db.Users = ParseUsers(string(b))
	}
	if b, err := f.ReadFile("/etc/group"); err == nil {
		db.Groups = ParseGroups(string(b))
	}
	return db
}

// ParseUsers reads the text of a passwd file.
func ParseUsers(text string) []User {
	var us []User
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimRight(line, "\n"), ":", 7)
		if len(f) < 4 || f[0] == "" || f[0][0] == '#' {
			continue
		}
		for len(f) < 7 {
			f = append(f, "")
		}
		uid, err1 := strconv.ParseUint(f[2], 10, 32)
		gid, err2 := strconv.ParseUint(f[3], 10, 32)
		if err1 != nil || err2 != nil {
			continue
		}
		us = append(us, User{f[0], f[1], uint32(uid), uint32(gid), f[4], f[5], f[6]})
	}
	return us
}

// ParseGroups reads the text of a group file.
func ParseGroups(text string) []Group {
	var gs []Group
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimRight(line, "\n"), ":", 4)
		if len(f) < 3 || f[0] == "" || f[0][0] == '#' {
			continue
		}
		gid, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			continue
		}
		g := Group{Name: f[0], Password: f[1], GID: uint32(gid)}
		if len(f) == 4 && f[3] != "" {
			g.Members = strings.FieldsFunc(f[3], func(r rune) bool { return r == ',' || r == ' ' })
		}
		gs = append(gs, g)
	}
	return gs
}

// User finds a user by name.
func (db *DB) User(name string) (User, bool) {
	for _, u := range db.Users {
		if u.Name == name {
			return u, true
		}
	}
	return User{}, false
}

// UID finds a user by number; the first line wins.
func (db *DB) UID(uid uint32) (User, bool) {
	for _, u := range db.Users {
		if u.UID == uid {
			return u, true
		}
	}
	return User{}, false
}

// Group finds a group by name.
func (db *DB) Group(name string) (Group, bool) {
	for _, g := range db.Groups {
		if g.Name == name {
			return g, true
		}
	}
	return Group{}, false
}

// GID finds a group by number.
func (db *DB) GID(gid uint32) (Group, bool) {
	for _, g := range db.Groups {
		if g.GID == gid {
			return g, true
		}
	}
	return Group{}, false
}

// UserName is the name of a user, or the number in digits.
func (db *DB) UserName(uid uint32) string {
	if u, ok := db.UID(uid); ok {
		return u.Name
	}
	return id(uid)
}

// GroupName is the name of a group, or the number in digits.
func (db *DB) GroupName(gid uint32) string {
	if g, ok := db.GID(gid); ok {
		return g.Name
	}
	return id(gid)
}

// GroupList is getgrouplist(3): gid first, then the groups that have name as a member, each once.
func (db *DB) GroupList(name string, gid uint32) []uint32 {
	list := []uint32{gid}
	for _, g := range db.Groups {
		for _, m := range g.Members {
			if m == name {
				dup := false
				for _, have := range list {
					dup = dup || have == g.GID
				}
				if !dup {
					list = append(list, g.GID)
				}
			}
		}
	}
	return list
}

// ParseOwner reads chown's "user", "user:group", "user:", ":group" (or with a dot where no such
// user is): nil leaves what is there. An empty group after "user:" is the user's login group. The
// error is "invalid user" or "invalid group".
func (db *DB) ParseOwner(spec string) (uid, gid *uint32, err error) {
	uid, gid, err = db.parseOwner(spec, ":")
	if err != nil && !strings.Contains(spec, ":") && strings.Contains(spec, ".") {
		if u, g, e := db.parseOwner(spec, "."); e == nil {
			return u, g, nil
		}
	}
	return uid, gid, err
}

// OwnerError says which part of an owner there is not.
type OwnerError string

func (e OwnerError) Error() string { return string(e) }

// The two ways in which ParseOwner fails, in gnulib's words.
const (
	InvalidUser  = OwnerError("invalid user")
	InvalidGroup = OwnerError("invalid group")
	InvalidSpec  = OwnerError("invalid spec")
)

func (db *DB) parseOwner(spec, sep string) (uid, gid *uint32, err error) {
	user, group, both := strings.Cut(spec, sep)
	if user != "" {
		if u, ok := db.User(user); ok {
			uid = &u.UID
			if both && group == "" {
				gid = &u.GID
			}
		} else if n, ok := parseID(user); ok {
			if both && group == "" {
				return nil, nil, InvalidSpec // a number has no login group
			}
			uid = &n
		} else {
			return nil, nil, InvalidUser
		}
	}
	if group != "" {
		n, ok := db.ParseGroup(group)
		if !ok {
			return nil, nil, InvalidGroup
		}
		gid = &n
	}
	return uid, gid, nil
}

// ParseGroup reads a group's name or number.
func (db *DB) ParseGroup(s string) (gid uint32, ok bool) {
	if g, ok := db.Group(s); ok {
		return g.GID, true
	}
	return parseID(s)
}

// ParseUser reads a user's name or number.
func (db *DB) ParseUser(s string) (uid uint32, ok bool) {
	if u, ok := db.User(s); ok {
		return u.UID, true
	}
	return parseID(s)
}

func parseID(s string) (uint32, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "+"), 10, 32)
	return uint32(n), err == nil && n != 1<<32-1
}
