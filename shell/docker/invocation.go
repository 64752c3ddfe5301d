package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config/configfile"
	contextdocker "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/docker/cli/cli/streams"
	"github.com/docker/cli/opts"
	"github.com/moby/moby/client"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
)

// initTimeout is how long the first ping may take, as docker/cli has it.
const initTimeout = 2 * time.Second

// invocation is one docker command line on its way. It is the command.Cli that docker/cli's
// commands work with.
type invocation struct {
	o      Options
	in     *streams.In
	out    *streams.Out
	err    *streams.Out
	stderr io.Writer // the same as err, safe from several goroutines

	// From global flags.
	hosts       []string
	contextName string
	configDir   string

	configOnce sync.Once
	config     *configfile.ConfigFile

	clientOnce sync.Once
	client     *apiClient
	clientErr  error
	host       string
	serverInfo command.ServerInfo

	mu       sync.Mutex
	conns    []net.Conn
	hungUp   bool
	session  *session // the attached container or exec, if any
	restore  func()   // of the terminal
	sigProxy bool
	cidFile  cidFile
	env      []string // --env and --env-file, in order
	builtID  string   // the image that the last build made
	keepTime bool     // absolute times are shown, so that none may be shifted
}

var _ command.Cli = (*invocation)(nil)

func newInvocation(o Options) *invocation {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Dir == "" {
		o.Dir = "/"
	}
	if o.Terminal == nil {
		o.StdinTTY, o.StdoutTTY, o.StderrTTY = false, false, false
	}
	if o.Stdin == nil {
		o.Stdin = strings.NewReader("")
	}
	inv := &invocation{o: o, stderr: &lockedWriter{w: o.Stderr}}
	inv.in = streams.NewIn(&stdin{inv: inv, r: o.Stdin})
	inv.in.SetIsTerminal(o.StdinTTY)
	// Wrapped, so that docker/cli never sees an *os.File and asks the machine about it.
	inv.out = streams.NewOut(struct{ io.Writer }{o.Stdout})
	inv.out.SetIsTerminal(o.StdoutTTY)
	inv.err = streams.NewOut(inv.stderr)
	inv.err.SetIsTerminal(o.StderrTTY)
	return inv
}

// lockedWriter makes a writer safe: docker/cli prints warnings from several goroutines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// stdin is the input that docker/cli reads and closes. A terminal session closes it as soon as
// its output ends, which is when the terminal has to be restored.
type stdin struct {
	inv  *invocation
	r    io.Reader
	once sync.Once
}

func (s *stdin) Read(p []byte) (int, error) { return s.r.Read(p) }

func (s *stdin) Close() error {
	s.inv.restoreTerminal()
	s.once.Do(func() {
		if c, ok := s.r.(io.Closer); ok {
			c.Close()
		}
	})
	return nil
}

// close ends all that the command line has left: connections, reads, the terminal's raw mode.
func (inv *invocation) close() {
	inv.restoreTerminal()
	inv.in.Close()
	if inv.client != nil {
		inv.client.Close()
	}
	inv.hangUp()
}

// hangUp closes every connection to the engine, and refuses new ones. A command that waits for
// the engine then ends.
func (inv *invocation) hangUp() {
	inv.mu.Lock()
	conns := inv.conns
	inv.conns, inv.hungUp = nil, true
	inv.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// dial connects to the engine and remembers the connection.
func (inv *invocation) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := inv.o.Dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	inv.mu.Lock()
	defer inv.mu.Unlock()
	if inv.hungUp {
		conn.Close()
		return nil, net.ErrClosed
	}
	inv.conns = append(inv.conns, conn)
	return conn, nil
}

// abort unwinds the command when the client cannot even be made; Client has no error to return.
type abort struct{ err error }

// Client gives the client of the Engine API, made and greeted on first use.
func (inv *invocation) Client() client.APIClient {
	if err := inv.connect(); err != nil {
		panic(abort{fmt.Errorf("Failed to initialize: %w", err)}) // docker/cli's own words
	}
	return inv.client
}

func (inv *invocation) connect() error {
	inv.clientOnce.Do(func() { inv.clientErr = inv.makeClient() })
	return inv.clientErr
}

func (inv *invocation) makeClient() error {
	host, err := inv.engineHost()
	if err != nil {
		return fmt.Errorf("unable to resolve docker endpoint: %w", err)
	}
	inv.host = host
	url, err := client.ParseHostURL(host)
	if err != nil {
		return err
	}
	options := []client.Opt{
		client.WithHost(host),
		client.WithDialContext(func(ctx context.Context, _, _ string) (net.Conn, error) {
			return inv.dial(ctx, url.Scheme, url.Host)
		}),
		client.WithUserAgent(command.UserAgent()),
	}
	if headers := inv.ConfigFile().HTTPHeaders; len(headers) > 0 {
		options = append(options, client.WithHTTPHeaders(headers))
	}
	if note := inv.o.Note; note != nil {
		options = append(options, client.WithHTTPResponseHook(func(res *http.Response) {
			if res.Request != nil {
				note(res.Request.Method, unversioned(res.Request.URL.Path), res.StatusCode)
			}
		}))
	}
	if version := inv.getenv("DOCKER_API_VERSION"); version != "" {
		options = append(options, client.WithAPIVersion(version))
	}
	c, err := client.New(options...)
	if err != nil {
		return err
	}
	inv.client = &apiClient{APIClient: c, inv: inv}
	ctx, cancel := context.WithTimeout(context.Background(), initTimeout)
	defer cancel()
	ping, err := c.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	if err != nil {
		// An engine that does not answer may have anything; the command itself reports it.
		inv.serverInfo = command.ServerInfo{HasExperimental: true}
		return nil
	}
	inv.serverInfo = command.ServerInfo{
		HasExperimental: ping.Experimental,
		OSType:          ping.OSType,
		BuildkitVersion: ping.BuilderVersion,
		SwarmStatus:     ping.SwarmStatus,
	}
	return nil
}

// unversioned takes the API's version off a path: "/v1.41/info" is "/info".
func unversioned(p string) string {
	if rest, ok := strings.CutPrefix(p, "/v1."); ok {
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			return rest[i:]
		}
	}
	return p
}

// engineHost is the engine's address: -H, then DOCKER_HOST, then the default.
func (inv *invocation) engineHost() (string, error) {
	if inv.contextName != "" && len(inv.hosts) > 0 {
		return "", errors.New("conflicting options: cannot specify both --host and --context")
	}
	if name := inv.CurrentContext(); name != command.DefaultContextName {
		return "", contextNotFound(inv.configDir, name)
	}
	host := inv.getenv(client.EnvOverrideHost)
	if len(inv.hosts) > 0 {
		host = inv.hosts[0]
	}
	if host == "" {
		// opts.ParseHost's default depends on the machine; the lab's is Linux's.
		return "unix:///var/run/docker.sock", nil
	}
	return opts.ParseHost(false, host)
}

// The streams of the command.
func (inv *invocation) In() *streams.In       { return inv.in }
func (inv *invocation) Out() *streams.Out     { return inv.out }
func (inv *invocation) Err() *streams.Out     { return inv.err }
func (inv *invocation) SetIn(in *streams.In)  { inv.in = in }
func (inv *invocation) setOut(w *streams.Out) { inv.out = w }

// ServerInfo is what the engine's greeting said of it.
func (inv *invocation) ServerInfo() command.ServerInfo {
	_ = inv.connect()
	return inv.serverInfo
}

// CurrentVersion is the API version in use.
func (inv *invocation) CurrentVersion() string {
	if inv.connect() != nil {
		return client.MaxAPIVersion
	}
	return inv.client.ClientVersion()
}

// BuildKitEnabled is false: see the package comment.
func (inv *invocation) BuildKitEnabled() (bool, error) { return false, nil }

// maxConfig bounds the client's configuration file.
const maxConfig = 1 << 20

// ConfigFile is the lab's ~/.docker/config.json. What would run a program to get at credentials
// is left out of it.
func (inv *invocation) ConfigFile() *configfile.ConfigFile {
	inv.configOnce.Do(func() {
		name := path.Join(inv.abs(inv.configDir), "config.json")
		cfg := configfile.New(name)
		if inv.o.Files != nil {
			b, err := readFile(inv.o.Files, name, maxConfig)
			if err == nil {
				err = cfg.LoadFromReader(strings.NewReader(string(b)))
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				fmt.Fprintf(inv.stderr, "WARNING: Error loading config file: %v\n", err)
				cfg = configfile.New(name)
			}
		}
		cfg.CredentialsStore, cfg.CredentialHelpers = "", nil
		if cfg.ImagesFormat == "" {
			// The table that matches a classic engine; the other one hides untagged images.
			cfg.ImagesFormat = "table"
		}
		inv.config = cfg
	})
	return inv.config
}

// ContextStore holds the default context and no other.
func (inv *invocation) ContextStore() store.Store { return contextStore{inv} }

// CurrentContext is the name of the context in use.
func (inv *invocation) CurrentContext() string {
	switch {
	case inv.contextName != "":
		return inv.contextName
	case len(inv.hosts) > 0 || inv.getenv(client.EnvOverrideHost) != "":
		return command.DefaultContextName
	case inv.getenv(command.EnvOverrideContext) != "":
		return inv.getenv(command.EnvOverrideContext)
	case inv.ConfigFile().CurrentContext != "":
		return inv.ConfigFile().CurrentContext
	}
	return command.DefaultContextName
}

// DockerEndpoint is the engine's address in the form that contexts have it.
func (inv *invocation) DockerEndpoint() contextdocker.Endpoint {
	if err := inv.connect(); err != nil {
		fmt.Fprintln(inv.stderr, err)
	}
	return contextdocker.Endpoint{EndpointMeta: contextdocker.EndpointMeta{Host: inv.host}}
}

// Telemetry goes nowhere.
func (inv *invocation) Resource() *resource.Resource         { return resource.Empty() }
func (inv *invocation) TracerProvider() trace.TracerProvider { return nooptrace.NewTracerProvider() }
func (inv *invocation) MeterProvider() metric.MeterProvider  { return noopmetric.NewMeterProvider() }
