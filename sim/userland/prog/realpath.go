package prog

import (
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// Existing says how much of a path must exist, in Realpath.
type Existing uint8

const (
	AllButLast Existing = iota // as readlink -f
	AllExist                   // as readlink -e and realpath(3)
	AnyMissing                 // as readlink -m
)

// Realpath resolves every symbolic link in name and makes it absolute.
func Realpath(c *Ctx, name string, need Existing) (string, error) {
	if name == "" {
		return "", linux.ENOENT
	}
	done := ""
	if !strings.HasPrefix(name, "/") {
		wd, err := c.Getwd()
		if err != nil {
			return "", err
		}
		if done = wd; done == "/" {
			done = ""
		}
	}
	rest := name
	links := 0
	missing := false
	for rest != "" {
		var part string
		rest = strings.TrimLeft(rest, "/")
		part, rest, _ = strings.Cut(rest, "/")
		slash := rest != "" || strings.HasSuffix(name, "/") && rest == "" && part != "" && strings.HasSuffix(name, part+"/")
		switch part {
		case "", ".":
			continue
		case "..":
			if i := strings.LastIndexByte(done, '/'); i >= 0 {
				done = done[:i]
			}
			continue
		}
		full := done + "/" + part
		if missing {
			done = full
			continue
		}
		st, err := c.Lstat(full)
		last := strings.Trim(rest, "/") == ""
		switch {
		case err != nil && (need == AnyMissing || need == AllButLast && last && err == linux.ENOENT):
			missing = true
			done = full
			continue
		case err != nil:
			return "", err
		case st.Mode.IsSymlink():
			if links++; links > linux.MaxSymlinks {
				if need == AnyMissing {
					missing, done = true, full
					continue
				}
				return "", linux.ELOOP
			}
			to, err := c.Readlink(full)
			if err != nil {
				return "", err
			}
			if strings.HasPrefix(to, "/") {
				done = ""
			}
			if rest != "" {
				to += "/" + rest
			}
			rest = to
			continue
		case !st.Mode.IsDir() && (!last || slash && last):
			if need != AnyMissing {
				return "", linux.ENOTDIR
			}
		}
		done = full
	}
	if done == "" {
		done = "/"
	}
	return done, nil
}

// WorkDir is the working directory, or "/" where it is gone.
func WorkDir(c *Ctx) string {
	dir, err := c.Getwd()
	if err != nil {
		return "/"
	}
	return dir
}
