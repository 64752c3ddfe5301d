package layer

import (
	"io"
	"strconv"
	"strings"
)

// Accounts are the names that a tar gives to the numbers of owners.
type Accounts struct {
	Users, Groups map[uint32]string
}

// Accounts are those of the tree's own /etc/passwd and /etc/group, by which the engine names owners
// when it exports the tree: it works inside of it then.
func (t *Tree) Accounts() Accounts {
	a := Accounts{t.accounts("/etc/passwd"), t.accounts("/etc/group")}
	a.Complete()
	return a
}

// Complete adds the accounts that a Debian's engine knows even where no file has them: systemd's
// plug-in of the C library makes them up.
func (a *Accounts) Complete() {
	for _, known := range []struct {
		names map[uint32]string
		id    uint32
		name  string
	}{{a.Users, 0, "root"}, {a.Groups, 0, "root"}, {a.Users, nobody, "nobody"}, {a.Groups, nobody, "nogroup"}} {
		if known.names[known.id] == "" {
			known.names[known.id] = known.name
		}
	}
}

const nobody = 65534

// accounts reads a file of lines "name:x:number:...", of which the first for a number counts.
func (t *Tree) accounts(path string) map[uint32]string {
	m := map[uint32]string{}
	n := t.Inode(t.Follow(path))
	if n == nil || !n.Mode.IsRegular() || n.Content == nil {
		return m
	}
	const most = 1 << 20
	b, err := io.ReadAll(io.LimitReader(NewReader(n.Content), most))
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(b)) {
		name, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		if !ok || name == "" {
			continue
		}
		_, rest, _ = strings.Cut(rest, ":")
		number, _, _ := strings.Cut(rest, ":")
		id, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			continue
		}
		if _, had := m[uint32(id)]; !had {
			m[uint32(id)] = name
		}
	}
	return m
}

// Name puts the accounts' names on entries.
func (a Accounts) Name(es []Entry) {
	for i := range es {
		es[i].Uname, es[i].Gname = a.Users[es[i].UID], a.Groups[es[i].GID]
	}
}
