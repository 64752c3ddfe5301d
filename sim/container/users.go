package container

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/vfs"
)

// identity is what a container's --user comes to in its own passwd and group files.
type identity struct {
	uid, gid uint32
	groups   []uint32
	home     string
}

// accountsLimit bounds what is read of a passwd or group file.
const accountsLimit = 1 << 20

var errIDRange = errors.New("uids and gids must be in range 0-2147483647")

// lookupUser reads "user", "user:group", ":group" with names or numbers, as runc does: a name must
// be in the file, a number need not.
func lookupUser(spec string, extra []string, passwd, group []byte) (identity, error) {
	id := identity{home: "/"}
	f := append(strings.Split(spec, ":"), "") // what follows a second colon is not looked at
	userArg, groupArg := f[0], f[1]
	uidArg, uidErr := strconv.Atoi(userArg)
	gidArg, gidErr := strconv.Atoi(groupArg)

	matched, userName := false, ""
	for f := range records(passwd, 7) {
		if !(userArg == "" && number(f[2]) == 0 || f[0] == userArg || uidErr == nil && number(f[2]) == uidArg) {
			continue
		}
		matched, userName = true, f[0]
		id.uid, id.gid, id.home = uint32(number(f[2])), uint32(number(f[3])), f[5]
		break
	}
	if !matched && userArg != "" {
		if uidErr != nil {
			if errors.Is(uidErr, strconv.ErrRange) {
				return id, errIDRange
			}
			return id, fmt.Errorf("unable to find user %s: no matching entries in passwd file", userArg)
		}
		if uidArg < 0 || uidArg > math.MaxInt32 {
			return id, errIDRange
		}
		id.uid = uint32(uidArg)
	}
	found := false
	if groupArg != "" {
		for f := range records(group, 4) {
			if f[0] == groupArg || gidErr == nil && number(f[2]) == gidArg {
				id.gid, found = uint32(number(f[2])), true
				break
			}
		}
		if !found {
			if gidErr != nil {
				if errors.Is(gidErr, strconv.ErrRange) {
					return id, errIDRange
				}
				return id, fmt.Errorf("unable to find group %s: no matching entries in group file", groupArg)
			}
			if gidArg < 0 || gidArg > math.MaxInt32 {
				return id, errIDRange
			}
			id.gid = uint32(gidArg)
		}
	} else if matched {
		for f := range records(group, 4) {
			if slices.Contains(strings.Split(f[3], ","), userName) {
				id.groups = append(id.groups, uint32(number(f[2])))
			}
		}
	}
	for _, g := range extra {
		n, err := strconv.Atoi(g)
		known := false
		for f := range records(group, 4) {
			if f[0] == g || err == nil && number(f[2]) == n {
				id.groups, known = append(id.groups, uint32(number(f[2]))), true
				break
			}
		}
		if known {
			continue
		}
		if err != nil {
			return id, fmt.Errorf("Unable to find group %s: no matching entries in group file", g)
		}
		if n < 0 || n > math.MaxInt32 {
			return id, errIDRange
		}
		id.groups = append(id.groups, uint32(n))
	}
	return id, nil
}

// records are the lines of a file of fields by colons; lines that are short are filled up.
func records(file []byte, fields int) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(string(file)) {
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' {
				continue
			}
			f := strings.Split(line, ":")
			for len(f) < fields {
				f = append(f, "")
			}
			if !yield(f) {
				return
			}
		}
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// cred is the identity as a process has it. The kernel shows the primary group among the others,
// and all of them in the order of their numbers.
func (id identity) cred(bounding vfs.Caps) vfs.Cred {
	groups := slices.Clone(id.groups)
	if !slices.Contains(groups, id.gid) {
		groups = append(groups, id.gid)
	}
	slices.Sort(groups)
	return vfs.User(id.uid, id.gid, groups, bounding)
}

// readAccounts reads passwd and group of a container. It is called inside the kernel.
func readAccounts(v *vfs.View) (passwd, group []byte) {
	passwd, _ = v.ReadFile("/etc/passwd", accountsLimit)
	group, _ = v.ReadFile("/etc/group", accountsLimit)
	return passwd, group
}

// bounding is the capabilities that a container's options leave it.
func bounding(privileged bool, add, drop []string) vfs.Caps {
	if privileged {
		return vfs.CapsAll
	}
	caps := vfs.CapsContainer
	if slices.ContainsFunc(add, isAll) {
		caps = vfs.CapsAll
	}
	if slices.ContainsFunc(drop, isAll) {
		caps = 0
	}
	for _, n := range add {
		if i, ok := capNumber(n); ok {
			caps |= 1 << i
		}
	}
	for _, n := range drop {
		if i, ok := capNumber(n); ok {
			caps &^= 1 << i
		}
	}
	return caps
}

func isAll(name string) bool { return strings.EqualFold(name, "ALL") }

// hostUsers are the accounts of the machine that the engine runs on, a Debian, by name or number; the
// engine looks users up there for docker cp -a.
var hostUsers = func() map[string]identity {
	m := map[string]identity{}
	for f := range strings.FieldsSeq(`root:0:0 daemon:1:1 bin:2:2 sys:3:3 sync:4:65534 games:5:60 man:6:12 lp:7:7 mail:8:8 news:9:9 uucp:10:10
		proxy:13:13 www-data:33:33 backup:34:34 list:38:38 irc:39:39 _apt:42:65534 nobody:65534:65534`) {
		var id identity
		name, ids, _ := strings.Cut(f, ":")
		fmt.Sscanf(ids, "%d:%d", &id.uid, &id.gid)
		u, _, _ := strings.Cut(ids, ":")
		m[name], m[u] = id, id
	}
	return m
}()

// hostUser finds a container's user on the engine's machine.
func hostUser(name string) (identity, error) {
	id, ok := hostUsers[name]
	if !ok {
		return id, system("getent unable to find entry %q in passwd database", name)
	}
	return id, nil
}
