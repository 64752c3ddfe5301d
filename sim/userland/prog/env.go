package prog

import (
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/datetime"
)

// Getenv is the value of an environment variable, "" if there is none.
func (c *Ctx) Getenv(name string) string {
	v, _ := c.LookupEnv(name)
	return v
}

// LookupEnv tells an empty variable from none.
func (c *Ctx) LookupEnv(name string) (value string, ok bool) {
	for _, kv := range c.Env() {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}

// defaultPath is what execvp searches when PATH is not set.
const defaultPath = "/bin:/usr/bin"

// Candidates are the paths that execvp tries for name, in order.
func (c *Ctx) Candidates(name string) []string {
	if strings.Contains(name, "/") || name == "" {
		return []string{name}
	}
	list, ok := c.LookupEnv("PATH")
	if !ok {
		list = defaultPath
	}
	var paths []string
	for _, dir := range strings.Split(list, ":") {
		switch {
		case dir == "":
			paths = append(paths, name)
		case strings.HasSuffix(dir, "/"):
			paths = append(paths, dir+name)
		default:
			paths = append(paths, dir+"/"+name)
		}
	}
	return paths
}

// tryPath calls f with each candidate until one does not fail in a way that makes execvp look on.
func (c *Ctx) tryPath(name string, f func(path string) error) error {
	if name == "" {
		return linux.ENOENT
	}
	denied := false
	var last error = linux.ENOENT
	for _, path := range c.Candidates(name) {
		switch last = f(path); last {
		case nil:
			return nil
		case linux.EACCES:
			denied = true
		case linux.ENOENT, linux.ENOTDIR, linux.ESTALE, linux.ENODEV, linux.ETIMEDOUT:
		default:
			return last
		}
	}
	if denied {
		return linux.EACCES
	}
	return last
}

// Execvp replaces the process by the program argv[0], found on PATH, with the environment env. It
// returns only on failure. Standard output is flushed first. A file that is no program the kernel
// knows is run by /bin/sh, as execvp does.
func (c *Ctx) Execvp(argv, env []string) error {
	c.Out.Flush()
	return c.tryPath(argv[0], func(path string) error {
		err := c.Exec(path, argv, env)
		if err == linux.ENOEXEC {
			err = c.Exec("/bin/sh", append([]string{"/bin/sh", path}, argv[1:]...), env)
		}
		return err
	})
}

// Start runs the program argv[0], found on PATH, as a child, with the environment env; nil is
// this process's own. The error is what execvp's would be.
func (c *Ctx) Start(argv, env []string, o *kernel.SpawnOpts) (pid int, err error) {
	c.Out.Flush()
	if env == nil {
		env = c.Env()
	}
	err = c.tryPath(argv[0], func(path string) error {
		pid, err = c.Spawn(path, argv, env, o)
		if err == linux.ENOEXEC {
			pid, err = c.Spawn("/bin/sh", append([]string{"/bin/sh", path}, argv[1:]...), env, o)
		}
		return err
	})
	return pid, err
}

// Command is Start and waiting for the child's end.
func (c *Ctx) Command(argv, env []string, o *kernel.SpawnOpts) (kernel.Status, error) {
	pid, err := c.Start(argv, env, o)
	if err != nil {
		return kernel.Status{}, err
	}
	for {
		_, st, err := c.Wait(pid, 0)
		if err != linux.EINTR {
			return st, err
		}
	}
}

// Zone is the time zone that the program writes times in.
func (c *Ctx) Zone() *time.Location {
	if c.zone == nil {
		tz, set := c.LookupEnv("TZ")
		c.zone = datetime.Load(tz, set, c.ReadFile)
	}
	return c.zone
}

// UTF8 says whether the locale's characters are UTF-8, as LC_ALL, LC_CTYPE or LANG have it.
func (c *Ctx) UTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := c.Getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.HasSuffix(v, "utf-8") || strings.HasSuffix(v, "utf8")
		}
	}
	return false
}

// Width is how many columns of a terminal s takes, in UTF-8.
func Width(s string) int { return runewidth.StringWidth(s) }

// Choose is gnulib's XARGMATCH: the one of valid that arg is or begins. An element of valid may
// hold words that mean the same, "never|no|none", of which Choose gives the first. Otherwise it
// says which there are and ends the program as on wrong use. option is "--sort", say.
func (c *Ctx) Choose(option, arg string, valid ...string) string {
	found := map[string]bool{}
	for _, v := range valid {
		words := strings.Split(v, "|")
		for _, w := range words {
			if w == arg {
				return words[0]
			}
			if strings.HasPrefix(w, arg) {
				found[words[0]] = true
			}
		}
	}
	if len(found) == 1 {
		for w := range found {
			return w
		}
	}
	word := "invalid"
	if len(found) > 1 {
		word = "ambiguous"
	}
	c.Warn("%s argument %s for %s", word, c.Quote(arg), c.Quote(option))
	c.Errorf("Valid arguments are:\n")
	for _, v := range valid {
		words := strings.Split(v, "|")
		for i := range words {
			words[i] = c.Quote(words[i])
		}
		c.Errorf("  - %s\n", strings.Join(words, ", "))
	}
	c.UsageStatus = 1 // whatever wrong use exits with
	c.Usage()
	return ""
}

// ExecFailed says that name could not be executed, in the words of env, nohup, chroot and their
// like, and gives the exit code: 127 for what is not there, 126 for what cannot be run.
func ExecFailed(c *Ctx, name string, err error) int {
	if c.GNU() {
		c.Warn("failed to run command %s: %v", c.QuoteFile(name), err)
	} else {
		c.Warn("can't execute '%s': %v", name, err)
	}
	if err == linux.ENOENT {
		return 127
	}
	return 126
}
