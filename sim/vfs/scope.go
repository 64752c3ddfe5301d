package vfs

import (
	"io/fs"
	"path"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// maxSteps is how many components, those of symlinks included, the engine follows before it gives a
// path up.
const maxSteps = 255

// TooManyLinks is a path that InScope gave up.
type TooManyLinks struct{ Path string }

func (e *TooManyLinks) Error() string { return "evalSymlinksInScope: too many links in " + e.Path }

// InScope follows all symlinks of a path that is relative to a root, and gives the absolute path
// within the root. Symlinks cannot lead out of it: ".." stops at the root, and an absolute target
// begins there. A path that leads out by itself is an error. What does not exist is taken as it is
// written, so that the path of something new can be had. (moby/sys/symlink has these rules.)
//
// look gives the mode of what is at a path, without following a symlink, and a symlink's target.
// Its errors, but for ENOENT, are passed on.
func InScope(p string, look func(p string) (linux.Mode, string, error)) (string, error) {
	const root = "/\x00" // a name that no path has
	joined := path.Join(root, p)
	if joined != root && !strings.HasPrefix(joined, root+"/") {
		return "", linux.EXDEV
	}
	left := strings.TrimPrefix(joined, root)
	at := "/"
	for n := 0; left != ""; n++ {
		if n > maxSteps {
			return "", &TooManyLinks{path.Join("/", p)}
		}
		var name string
		name, left, _ = strings.Cut(left, "/")
		if name == "" {
			continue
		}
		next := path.Join(at, name)
		if next == "/" {
			at = next
			continue
		}
		mode, target, err := look(next)
		switch {
		case err == linux.ENOENT:
			at = next
		case err != nil:
			return "", err
		case !mode.IsSymlink():
			at = next
		default:
			if path.IsAbs(target) {
				at = "/"
			}
			left = target + "/" + left
		}
	}
	return at, nil
}

// InScope is InScope of v's files: the path below v's root that p leads to, or would. An error is a
// *TooManyLinks, or an *fs.PathError with the path that could not be looked at.
func (v *View) InScope(p string) (string, error) {
	return InScope(p, func(p string) (mode linux.Mode, target string, err error) {
		st, err := v.Lstat(p)
		if err == nil && st.Mode.IsSymlink() {
			target, err = v.Readlink(p)
		}
		if err != nil && err != linux.ENOENT {
			err = &fs.PathError{Op: "lstat", Path: p, Err: err}
		}
		return st.Mode, target, err
	})
}
