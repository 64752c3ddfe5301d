package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// exec is a command that runs, or is to run, in a running container. Engine.mu guards what
// changes.
type exec struct {
	id        string
	container string
	cfg       types.ExecConfig
	env       []string // without HOME
	keys      []byte

	running bool
	code    *int
	ended   time.Time
	pid     int
	task    *kernel.Task
	io      *stdio
	tap     io.Writer // is given its output too; nil is nobody
	watch   *Wake     // fired when it has ended; nil for nobody
}

// active finds a container that a command can run in.
func (e *Engine) active(ref string) (*Container, error) {
	c, err := e.Container(ref)
	if err != nil {
		return nil, err
	}
	switch {
	case !c.Status.Running:
		return nil, notRunning(c.ID)
	case c.Status.Paused:
		return nil, conflict("Container %s is paused, unpause the container before exec", ref)
	case c.Status.Restarting:
		return nil, conflict("Container %s is restarting, wait until the container is running", c.ID)
	}
	return c, nil
}

// CreateExec makes a command ready to run in a container.
func (e *Engine) CreateExec(ref string, cfg types.ExecConfig) (string, error) {
	c, err := e.active(ref)
	if err != nil {
		return "", err
	}
	x := &exec{id: e.newID(), container: c.ID, cfg: cfg}
	if cfg.DetachKeys != "" {
		if x.keys, err = parseDetachKeys(cfg.DetachKeys); err != nil {
			return "", fmt.Errorf("Invalid escape keys (%s) provided", cfg.DetachKeys)
		}
	} else {
		x.keys, _ = parseDetachKeys("")
	}
	base := []string{"PATH=" + defaultPath, "HOSTNAME=" + c.Config.Hostname}
	if cfg.Tty {
		base = append(base, "TERM=xterm")
	}
	x.env = mergeEnv(mergeEnv(append(base, e.linkEnv(c)...), c.Config.Env), cfg.Env)
	if x.cfg.User == "" {
		x.cfg.User = c.Config.User
	}
	if x.cfg.WorkingDir == "" {
		x.cfg.WorkingDir = c.Config.WorkingDir
	}
	l := e.live(c.ID)
	e.mu.Lock()
	e.execs[x.id] = x
	l.execs[x.id] = true
	e.mu.Unlock()
	e.emitContainer(c, "exec_create: "+execText(cfg.Cmd), map[string]string{"execID": x.id})
	return x.id, nil
}

// execText is a command as events tell it: a blank follows the first word even if nothing else does.
func execText(cmd []string) string { return cmd[0] + " " + strings.Join(cmd[1:], " ") }

func noSuchExec(id string) error { return notFound("No such exec instance: %s", id) }

// execNamed finds an exec whose container can still run it.
func (e *Engine) execNamed(id string) (*exec, error) {
	e.mu.Lock()
	x := e.execs[id]
	e.mu.Unlock()
	if x == nil {
		return nil, noSuchExec(id)
	}
	c, err := e.Container(x.container)
	switch {
	case err != nil:
		return nil, refuse(NotFound, "Container %s is not running: %v", x.container, "exited")
	case !c.Status.Running:
		return nil, conflict("Container %s is not running: %v", c.ID, c.Status.ExitCode)
	case c.Status.Paused:
		return nil, conflict("Container %s is paused, unpause the container before exec", c.ID)
	case c.Status.Restarting:
		return nil, conflict("Container %s is restarting, wait until the container is running", c.ID)
	}
	return x, nil
}

// CheckExec says why an exec cannot be started, or nil.
func (e *Engine) CheckExec(id string) error {
	_, err := e.execNamed(id)
	return err
}

// StartExec starts an exec and, unless out is nil, serves a client until it ends. The command goes
// on when the client is lost.
func (e *Engine) StartExec(ctx context.Context, id string, tty bool, in io.Reader, out FrameWriter) error {
	x, err := e.execNamed(id)
	if err != nil {
		return noSuchExec(id)
	}
	e.mu.Lock()
	switch {
	case x.code != nil:
		e.mu.Unlock()
		return conflict("Error: Exec command %s has already run", id)
	case x.running:
		e.mu.Unlock()
		return conflict("Error: Exec command %s is already running", id)
	}
	x.running = true
	x.io = newStdio(e.k, x.cfg.Tty, x.cfg.AttachStdin, true, nil)
	x.io.tap = x.tap
	e.mu.Unlock()
	c, err := e.Container(x.container)
	if err != nil {
		return err
	}
	e.emitContainer(c, "exec_start: "+execText(x.cfg.Cmd), map[string]string{"execID": id})

	var f *feed
	if out != nil {
		f = x.io.subscribe(x.cfg.AttachStdout, x.cfg.AttachStderr)
	}
	e.k.Do(func() { err = e.launchExec(c, x) })
	if err != nil {
		code, worded := startError(x.cfg.Cmd[0], err)
		if code == 128 || code == 127 {
			code = 126
		}
		e.mu.Lock()
		x.running, x.code = false, &code
		delete(e.live0(x.container).execs, id)
		e.mu.Unlock()
		if f != nil {
			f.cancel()
		}
		return worded
	}
	if f == nil {
		return nil
	}
	if !x.cfg.AttachStdin {
		in = nil
	}
	err = x.io.serve(ctx, f, in, out, x.keys)
	if err == errDetached {
		e.emitContainer(c, "exec_detach", map[string]string{"execID": id})
	}
	return nil
}

// live0 is live for callers who hold mu.
func (e *Engine) live0(id string) *live {
	if l := e.lives[id]; l != nil {
		return l
	}
	return &live{execs: map[string]bool{}}
}

// launchExec starts an exec's process. It works inside the kernel.
func (e *Engine) launchExec(c *Container, x *exec) error {
	if d := x.cfg.WorkingDir; d != "" && !path.IsAbs(d) {
		return errors.New("OCI runtime exec failed: exec failed: Cwd must be an absolute path: unknown")
	}
	e.mu.Lock()
	box := e.live0(c.ID).box
	e.mu.Unlock()
	if box == nil || !box.Alive() {
		return notRunning(c.ID)
	}
	v := box.NS().View(vfs.Root(vfs.CapsAll))
	passwd, group := readAccounts(v)
	var groups []string
	if x.cfg.User == c.Config.User {
		groups = c.Host.GroupAdd
	}
	id, err := lookupUser(x.cfg.User, groups, passwd, group)
	if err != nil {
		return err
	}
	env := withHome(slices.Clone(x.env), id.home)
	privileged := x.cfg.Privileged || c.Host.Privileged
	cred := id.cred(bounding(privileged, c.Host.CapAdd, c.Host.CapDrop))
	dir := x.cfg.WorkingDir
	if dir == "" {
		dir = "/"
	}
	if err := v.Chdir(dir); err != nil {
		return fmt.Errorf("%schdir to cwd (%q) set in config.json failed: %s: unknown", execFailed, dir, errnoText(err))
	}
	path, err := findExecutable(box, x.cfg.Cmd[0], env, dir, cred)
	if err != nil {
		return fmt.Errorf("%s%w: unknown", execFailed, err)
	}
	files := x.io.files(box)
	task, err := e.startTask(box, kernel.Spec{
		Path: path, Argv: x.cfg.Cmd, Env: env, Dir: dir, Cred: cred, Umask: 0o022, Files: files, TTY: x.io.term, Limits: processLimits(c.Host),
		OnExit: func(st kernel.Status) { e.background(func() { e.execEnded(x, st) }) },
	}, x.io)
	if err != nil {
		return fmt.Errorf("%s%w: unknown", execFailed, err)
	}
	e.mu.Lock()
	x.task, x.pid = task, task.Pid()
	e.mu.Unlock()
	return nil
}

func (e *Engine) execEnded(x *exec, st kernel.Status) {
	if x.io.term != nil {
		<-x.io.drained
	}
	code, now := st.ExitCode(), e.now()
	e.mu.Lock()
	x.running, x.code, x.ended = false, &code, now
	delete(e.live0(x.container).execs, x.id)
	e.mu.Unlock()
	if c, err := e.Container(x.container); err == nil {
		e.emitContainer(c, "exec_die", map[string]string{"execID": x.id, "exitCode": strconv.Itoa(code)})
	}
	x.io.close()
	if x.watch != nil {
		x.watch.fire()
	}
}

// execsSince says whether an exec of a container runs, or has ended since then.
func (e *Engine) execsSince(id string, then time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range e.execs {
		if x.container == id && (x.running || x.ended.After(then)) {
			return true
		}
	}
	return false
}

// ExecInspect is what the API tells of an exec.
type ExecInspect struct {
	ID            string
	Running       bool
	ExitCode      *int
	ProcessConfig ExecProcess
	OpenStdin     bool
	OpenStderr    bool
	OpenStdout    bool
	CanRemove     bool
	ContainerID   string
	DetachKeys    []byte
	Pid           int
}

// ExecProcess is the command of an exec.
type ExecProcess struct {
	Tty        bool     `json:"tty"`
	Entrypoint string   `json:"entrypoint"`
	Arguments  []string `json:"arguments"`
	Privileged *bool    `json:"privileged,omitempty"`
	User       string   `json:"user,omitempty"`
}

// InspectExec describes an exec.
func (e *Engine) InspectExec(id string) (*ExecInspect, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	x := e.execs[id]
	if x == nil {
		return nil, noSuchExec(id)
	}
	if _, ok := e.state.Load().Containers.Get(x.container); !ok {
		return nil, noSuchExec(id)
	}
	privileged := x.cfg.Privileged
	keys := []byte{}
	if x.cfg.DetachKeys != "" {
		keys = x.keys
	}
	return &ExecInspect{
		ID: x.id, Running: x.running, ExitCode: x.code, ContainerID: x.container, DetachKeys: keys, Pid: x.pid,
		ProcessConfig: ExecProcess{Tty: x.cfg.Tty, Entrypoint: x.cfg.Cmd[0], Arguments: append([]string{}, x.cfg.Cmd[1:]...), Privileged: &privileged, User: x.cfg.User},
		OpenStdin:     x.cfg.AttachStdin, OpenStderr: x.cfg.AttachStderr, OpenStdout: x.cfg.AttachStdout,
	}, nil
}

// ResizeExec sets the size of an exec's terminal.
func (e *Engine) ResizeExec(id string, rows, cols int) error {
	x, err := e.execNamed(id)
	if err != nil {
		return err
	}
	e.mu.Lock()
	s, ended := x.io, !x.ended.IsZero()
	e.mu.Unlock()
	if ended {
		return notFound("no such exec")
	}
	if s == nil || !s.resize(rows, cols) {
		return errors.New("exec process is not started")
	}
	return nil
}

// execIDs are those of the container that have not ended, nil where there is none.
func (e *Engine) execIDs(id string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ids []string
	if l := e.lives[id]; l != nil {
		for x := range l.execs {
			ids = append(ids, x)
		}
	}
	slices.Sort(ids)
	return ids
}
