package docker

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/client"
)

// apiClient stands between docker/cli and the real client of the Engine API. It sees each call,
// and does there what docker/cli would do to the machine: the terminal's raw mode and size, the
// forwarding of signals, the clock.
type apiClient struct {
	client.APIClient
	inv *invocation
}

// session is the container or exec that the command's streams are attached to.
type session struct {
	id   string
	exec bool
	tty  bool
}

// attach notes that the streams now belong to a session, and makes the terminal raw where the
// session has a terminal and takes input. From here on docker/cli sees no terminal: all that it
// would do is to ask file descriptors of the host.
func (inv *invocation) attach(s session, input bool) error {
	inv.mu.Lock()
	inv.session = &s
	inv.mu.Unlock()
	inv.in.SetIsTerminal(false)
	inv.out.SetIsTerminal(false)
	if !s.tty || !input || !inv.o.StdinTTY {
		return nil
	}
	restore, err := inv.o.Terminal.MakeRaw()
	if err != nil {
		return err
	}
	inv.mu.Lock()
	inv.restore = restore
	inv.mu.Unlock()
	return nil
}

func (inv *invocation) isAttached() bool {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	return inv.session != nil
}

// restoreTerminal takes the terminal out of raw mode, if it is in it.
func (inv *invocation) restoreTerminal() {
	inv.mu.Lock()
	restore := inv.restore
	inv.restore = nil
	inv.mu.Unlock()
	if restore != nil {
		restore()
	}
}

// resize tells the session the size of the terminal.
func (inv *invocation) resize(ctx context.Context) {
	inv.mu.Lock()
	s := inv.session
	inv.mu.Unlock()
	if s == nil || !s.tty || !inv.o.StdoutTTY {
		return
	}
	rows, cols := inv.o.Terminal.Size()
	inv.resizeTo(ctx, *s, rows, cols)
}

func (inv *invocation) resizeTo(ctx context.Context, s session, rows, cols int) {
	if rows <= 0 || cols <= 0 {
		return
	}
	// An error means that the session is over, or not yet there: its own end will be told.
	if s.exec {
		_, _ = inv.client.APIClient.ExecResize(ctx, s.id, client.ExecResizeOptions{Height: uint(rows), Width: uint(cols)})
	} else {
		_, _ = inv.client.APIClient.ContainerResize(ctx, s.id, client.ContainerResizeOptions{Height: uint(rows), Width: uint(cols)})
	}
}

// forwardSignal sends a signal to the attached container, where the command asked for that.
func (inv *invocation) forwardSignal(ctx context.Context, name string) {
	inv.mu.Lock()
	s := inv.session
	inv.mu.Unlock()
	if s == nil || s.exec || s.tty || !inv.sigProxy || name == "CHLD" || name == "PIPE" {
		return
	}
	_, _ = inv.client.APIClient.ContainerKill(context.WithoutCancel(ctx), s.id, client.ContainerKillOptions{Signal: name})
}

func (c *apiClient) ContainerAttach(ctx context.Context, id string, o client.ContainerAttachOptions) (client.ContainerAttachResult, error) {
	info, err := c.APIClient.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return client.ContainerAttachResult{}, err
	}
	res, err := c.APIClient.ContainerAttach(ctx, id, o)
	if err != nil {
		return res, err
	}
	tty := info.Container.Config != nil && info.Container.Config.Tty
	s := session{id: id, tty: tty}
	if err := c.inv.attach(s, o.Stdin); err != nil {
		res.Close()
		return res, err
	}
	if tty && c.inv.o.StdoutTTY && info.Container.State != nil && info.Container.State.Running {
		// A program that runs already shows its prompt again when its window changes.
		rows, cols := c.inv.o.Terminal.Size()
		c.inv.resizeTo(ctx, s, rows+1, cols+1)
		c.inv.resizeTo(ctx, s, rows, cols)
	}
	return res, nil
}

func (c *apiClient) ContainerStart(ctx context.Context, id string, o client.ContainerStartOptions) (client.ContainerStartResult, error) {
	res, err := c.APIClient.ContainerStart(ctx, id, o)
	if err == nil {
		c.inv.resize(ctx)
	}
	return res, err
}

func (c *apiClient) ExecAttach(ctx context.Context, id string, o client.ExecAttachOptions) (client.ExecAttachResult, error) {
	o.ConsoleSize = client.ConsoleSize{}
	res, err := c.APIClient.ExecAttach(ctx, id, o)
	if err != nil {
		return res, err
	}
	if err := c.inv.attach(session{id: id, exec: true, tty: o.TTY}, true); err != nil {
		res.Close()
		return res, err
	}
	c.inv.resize(ctx)
	return res, nil
}

func (c *apiClient) ExecCreate(ctx context.Context, container string, o client.ExecCreateOptions) (client.ExecCreateResult, error) {
	if o.TTY {
		o.ConsoleSize = client.ConsoleSize{}
		if c.inv.o.StdoutTTY {
			rows, cols := c.inv.o.Terminal.Size()
			o.ConsoleSize = client.ConsoleSize{Height: uint(rows), Width: uint(cols)}
		}
	}
	return c.APIClient.ExecCreate(ctx, container, o)
}

// ContainerKill is refused while a session is attached: docker/cli then only calls it to forward
// the signals of this program's process, which are none of the container's business.
func (c *apiClient) ContainerKill(ctx context.Context, id string, o client.ContainerKillOptions) (client.ContainerKillResult, error) {
	if c.inv.isAttached() {
		return client.ContainerKillResult{}, nil
	}
	return c.APIClient.ContainerKill(ctx, id, o)
}

func (c *apiClient) ContainerCreate(ctx context.Context, o client.ContainerCreateOptions) (client.ContainerCreateResult, error) {
	if o.HostConfig != nil {
		o.HostConfig.ConsoleSize = [2]uint{}
		if c.inv.o.StdoutTTY {
			rows, cols := c.inv.o.Terminal.Size()
			o.HostConfig.ConsoleSize = [2]uint{uint(rows), uint(cols)}
		}
	}
	if o.Config != nil {
		o.Config.Env = inOrder(o.Config.Env, c.inv.env)
	}
	if err := c.inv.cidFile.make(); err != nil {
		return client.ContainerCreateResult{}, err
	}
	res, err := c.APIClient.ContainerCreate(ctx, o)
	if err == nil {
		err = c.inv.cidFile.write(res.ID)
	}
	return res, err
}

// inOrder puts variables in the order in which the command line has them; docker/cli keeps them
// in a map on the way. The rest follows as it is.
func inOrder(env, order []string) []string {
	rank := make(map[string]int, len(order))
	for i, entry := range order {
		rank[entry] = i
	}
	place := func(entry string) int {
		if i, ok := rank[entry]; ok {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(env, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	return env
}

// ImageBuild listens to the builder's messages for the ID of the image, which docker/cli would
// write to a file of this machine for --iidfile.
func (c *apiClient) ImageBuild(ctx context.Context, content io.Reader, o client.ImageBuildOptions) (client.ImageBuildResult, error) {
	res, err := c.APIClient.ImageBuild(ctx, content, o)
	if err == nil {
		res.Body = &idListener{ReadCloser: res.Body, quiet: o.SuppressOutput, found: func(id string) { c.inv.builtID = id }}
	}
	return res, err
}

// idListener passes a stream of JSON messages on, and finds the image's ID in it.
type idListener struct {
	io.ReadCloser
	line  []byte
	quiet bool // all that a quiet build says is the ID
	found func(id string)
}

// maxMessage is the longest message looked at; the one with the ID is short.
const maxMessage = 4096

func (l *idListener) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	for _, b := range p[:n] {
		if b != '\n' {
			if len(l.line) < maxMessage {
				l.line = append(l.line, b)
			}
			continue
		}
		var message struct {
			Stream string
			Aux    struct{ ID string }
		}
		switch err := json.Unmarshal(l.line, &message); {
		case err != nil:
		case message.Aux.ID != "":
			l.found(message.Aux.ID)
		case l.quiet && message.Stream != "":
			l.found(message.Stream)
		}
		l.line = l.line[:0]
	}
	return n, err
}

// Tables tell ages by the clock of this machine, which docker/cli asks itself. Where the engine's
// host has another clock, the times in lists are moved, so that the ages come out right.

// shift moves t, in seconds since the epoch, from the engine's clock to this machine's.
func (c *apiClient) shift(t int64) int64 {
	if c.inv.keepTime || t <= 0 {
		return t
	}
	there := c.inv.o.Now()
	if d := time.Since(there); d > -time.Second && d < time.Second {
		return t // one clock
	}
	age := int64(math.Floor(there.Sub(time.Unix(t, 0)).Seconds()))
	here := time.Now()
	if left := time.Second - time.Duration(here.Nanosecond()); left < 30*time.Millisecond {
		// The age must not grow by a second between here and its display, or the same script
		// would print two things.
		time.Sleep(left)
		here = here.Add(left)
	}
	return here.Unix() - age
}

func (c *apiClient) ImageList(ctx context.Context, o client.ImageListOptions) (client.ImageListResult, error) {
	res, err := c.APIClient.ImageList(ctx, o)
	for i := range res.Items {
		res.Items[i].Created = c.shift(res.Items[i].Created)
	}
	return res, err
}

func (c *apiClient) ContainerList(ctx context.Context, o client.ContainerListOptions) (client.ContainerListResult, error) {
	res, err := c.APIClient.ContainerList(ctx, o)
	for i := range res.Items {
		res.Items[i].Created = c.shift(res.Items[i].Created)
	}
	return res, err
}

func (c *apiClient) ImageHistory(ctx context.Context, image string, o ...client.ImageHistoryOption) (client.ImageHistoryResult, error) {
	res, err := c.APIClient.ImageHistory(ctx, image, o...)
	for i := range res.Items {
		res.Items[i].Created = c.shift(res.Items[i].Created)
	}
	return res, err
}

func (c *apiClient) DiskUsage(ctx context.Context, o client.DiskUsageOptions) (client.DiskUsageResult, error) {
	res, err := c.APIClient.DiskUsage(ctx, o)
	for i := range res.Images.Items {
		res.Images.Items[i].Created = c.shift(res.Images.Items[i].Created)
	}
	for i := range res.Containers.Items {
		res.Containers.Items[i].Created = c.shift(res.Containers.Items[i].Created)
	}
	return res, err
}

// moment turns a duration before now, as --since and --until take it, into a time on the engine's
// clock. Everything else is a time already.
func (c *apiClient) moment(value string) string {
	d, err := time.ParseDuration(strings.TrimSpace(value))
	if err != nil {
		return value
	}
	return c.inv.o.Now().Add(-d).UTC().Format(time.RFC3339Nano)
}

func (c *apiClient) ContainerLogs(ctx context.Context, id string, o client.ContainerLogsOptions) (client.ContainerLogsResult, error) {
	o.Since, o.Until = c.moment(o.Since), c.moment(o.Until)
	return c.APIClient.ContainerLogs(ctx, id, o)
}

func (c *apiClient) Events(ctx context.Context, o client.EventsListOptions) client.EventsResult {
	o.Since, o.Until = c.moment(o.Since), c.moment(o.Until)
	return c.APIClient.Events(ctx, o)
}
