package files

import (
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/userland/userdb"
)

const (
	chrootGroups = prog.LongOnly + iota
	chrootUserspec
	chrootSkip
)

func chroot(c *prog.Ctx) int {
	c.UsageStatus = 125
	groups, userspec, skip, haveGroups := "", "", false, false
	if c.GNU() {
		for o := range c.Getopt("+", []prog.Long{
			{Name: "groups", Arg: prog.ReqArg, Val: chrootGroups}, {Name: "userspec", Arg: prog.ReqArg, Val: chrootUserspec}, {Name: "skip-chdir", Val: chrootSkip},
		}) {
			switch o.Val {
			case chrootGroups:
				groups, haveGroups = o.Arg, true
			case chrootUserspec:
				userspec = o.Arg
			case chrootSkip:
				skip = true
			}
		}
	} else {
		c.UsageStatus = 1
		for range c.Getopt("+", nil) {
		}
	}
	if len(c.Args) == 0 {
		missingOperand(c)
	}
	root := c.Args[0]
	if err := c.Chroot(root); err != nil {
		if c.GNU() {
			c.Die(125, "cannot change root directory to %s: %v", c.QuoteFile(root), err)
		}
		c.Die(1, "can't change root directory to '%s': %v", root, err)
	}
	if !skip {
		if err := c.Chdir("/"); err != nil {
			c.Die(125, "cannot chdir to root directory: %v", err)
		}
	}
	argv := c.Args[1:]
	if len(argv) == 0 {
		shell := c.Getenv("SHELL")
		if shell == "" {
			shell = "/bin/sh"
		}
		argv = []string{shell, "-i"}
	}
	db := userdb.Load(c)
	var gids []uint32
	if haveGroups && groups != "" {
		for _, g := range strings.Split(groups, ",") {
			gid, ok := db.ParseGroup(g)
			if !ok {
				c.Die(125, "invalid group %s", c.Quote(g))
			}
			gids = append(gids, gid)
		}
	}
	if userspec != "" {
		uid, gid, err := db.ParseOwner(userspec)
		if err != nil {
			c.Die(125, "%v", err)
		}
		if uid != nil {
			if u, ok := db.UID(*uid); ok {
				if gid == nil {
					gid = &u.GID
				}
				if !haveGroups {
					gids = db.GroupList(u.Name, *gid)
				}
			} else if gid == nil {
				c.Die(125, "no group specified for unknown uid: %s", strconv.Itoa(int(*uid)))
			}
		}
		if err := c.Setgroups(gids); err != nil {
			c.Die(125, "failed to set supplemental groups: %v", err)
		}
		if gid != nil {
			if err := c.Setgid(*gid); err != nil {
				c.Die(125, "failed to set group-ID: %v", err)
			}
		}
		if uid != nil {
			if err := c.Setuid(*uid); err != nil {
				c.Die(125, "failed to set user-ID: %v", err)
			}
		}
	} else if haveGroups {
		if err := c.Setgroups(gids); err != nil {
			c.Die(125, "failed to set supplemental groups: %v", err)
		}
	}
	return prog.ExecFailed(c, argv[0], c.Execvp(argv, c.Env()))
}
