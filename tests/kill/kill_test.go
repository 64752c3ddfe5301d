// Package kill proves that a kept lab loses nothing that it has acknowledged. An engine that keeps its
// lab in a directory is put under load and killed with SIGKILL at a random moment, again and again on
// the same directory. After each death all that a client was told is looked for in what is left, and
// the engine must come up again.
package kill

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dockerlab/dockerlab/shell/keep"
	"github.com/dockerlab/dockerlab/sim"
	"github.com/dockerlab/dockerlab/sim/container"
)

var (
	kills = flag.Int("kills", 6, "how often the engine is killed")
	seed  = flag.Uint64("seed", 0, "of the load and of the moments; 0 is the time")
)

// The engine is this test's own program, told so by its environment.
const (
	dirVariable    = "DOCKERLAB_KILL_DIR"
	socketVariable = "DOCKERLAB_KILL_SOCKET"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(dirVariable); dir != "" {
		fmt.Fprintln(os.Stderr, serve(dir, os.Getenv(socketVariable)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func serve(dir, socket string) error {
	d, err := keep.Open(dir)
	if err != nil {
		return err
	}
	timeline, err := sim.NewTimeline(d, sim.Options{})
	if err != nil {
		return err
	}
	lab, err := sim.New(sim.Options{Seed: uint64(time.Now().UnixNano()), State: timeline.State()})
	if err != nil {
		return err
	}
	timeline.Follow(lab, "engine", "")
	if err := timeline.Save(); err != nil {
		return err
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	return http.Serve(l, timeline.Handler(lab.Handler()))
}

// engine is a running one.
type engine struct {
	cmd    *exec.Cmd
	errs   bytes.Buffer
	ended  chan struct{}
	client *http.Client
}

func start(t *testing.T, dir string) *engine {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	e := &engine{cmd: exec.Command(os.Args[0]), ended: make(chan struct{})}
	e.cmd.Env = append(os.Environ(), dirVariable+"="+dir, socketVariable+"="+socket)
	e.cmd.Stderr = &e.errs
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		e.cmd.Wait()
		close(e.ended)
	}()
	e.client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		for {
			conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
			if err == nil {
				return conn, nil
			}
			select {
			case <-e.ended:
				return nil, fmt.Errorf("the engine has ended")
			case <-time.After(time.Millisecond):
			}
		}
	}}}
	return e
}

func (e *engine) kill() {
	e.cmd.Process.Kill()
	<-e.ended
	e.client.CloseIdleConnections()
}

// call makes a request and reads the answer to its end.
func (e *engine) call(method, path string, body any) ([]byte, error) {
	var r io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case []byte:
		r, kind = bytes.NewReader(b), "application/x-tar"
	default:
		j, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		r = bytes.NewReader(j)
	}
	q, err := http.NewRequest(method, "http://lab/v1.41"+path, r)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Content-Type", kind)
	a, err := e.client.Do(q)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err == nil && a.StatusCode >= 400 {
		err = refused(fmt.Sprintf("%s %s: %s: %s", method, path, a.Status, b))
	}
	return b, err
}

// refused is an answer that says no: no death is the cause.
type refused string

func (r refused) Error() string { return string(r) }

// facts are what is known of the lab: by the name of a thing, what it is; "" is that it is not there.
type facts map[string]string

// worker does one thing after the other, all with things of its own.
type worker struct {
	n     int
	r     *rand.Rand
	facts facts
	// open is what the request that is under way would make of things: nobody knows whether it has.
	open facts
	runs map[string]bool // containers that were started since the engine was
	made int
}

// names of the worker's things that are there, of a kind.
func (w *worker) names(kind string) (all []string) {
	for k, v := range w.facts {
		if rest, ok := strings.CutPrefix(k, kind+" "); ok && v != "" {
			all = append(all, rest)
		}
	}
	return all
}

func (w *worker) pick(kind string) string {
	all := w.names(kind)
	if len(all) == 0 {
		return ""
	}
	return all[w.r.IntN(len(all))]
}

func (w *worker) fresh() string {
	w.made++
	return fmt.Sprintf("w%dn%d", w.n, w.made)
}

// act does one thing. What it changes is open until the answer is there.
func (w *worker) act(e *engine) error {
	told := func(method, path string, body any) ([]byte, error) {
		b, err := e.call(method, path, body)
		if err == nil {
			for k, v := range w.open {
				w.facts[k] = v
			}
			w.open = facts{}
		}
		return b, err
	}
	text := strings.Repeat(fmt.Sprintf("%x ", w.r.Uint64()), 1+w.r.IntN(1<<(1+w.r.IntN(13))))
	c := w.pick("container")
	switch k := w.r.IntN(14); {
	case c == "" || k == 0 && len(w.names("container")) < 12:
		name := w.fresh()
		w.open = facts{"container " + name: "created"}
		_, err := told("POST", "/containers/create?name="+name, map[string]any{"Image": "busybox", "Cmd": []string{"sleep", "100000"}})
		return err
	case k <= 3: // a file
		name := fmt.Sprintf("f%d", w.r.IntN(5))
		var b bytes.Buffer
		a := tar.NewWriter(&b)
		a.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))})
		io.WriteString(a, text)
		a.Close()
		w.open = facts{"file " + c + ":" + name: text}
		_, err := told("PUT", "/containers/"+c+"/archive?path=/", b.Bytes())
		return err
	case k == 4 && !w.runs[c]:
		w.open = facts{"container " + c: "ran"}
		_, err := told("POST", "/containers/"+c+"/start", nil)
		w.runs[c] = true
		return err
	case k <= 6 && w.runs[c]: // what a command in it writes
		name := fmt.Sprintf("e%d", w.r.IntN(5))
		value := fmt.Sprintf("%x\n", w.r.Uint64())
		b, err := e.call("POST", "/containers/"+c+"/exec", map[string]any{"Cmd": []string{"sh", "-c", "echo " + strings.TrimSpace(value) + " > /" + name}, "AttachStdout": true})
		if err != nil {
			return err
		}
		var x struct{ Id string }
		if err := json.Unmarshal(b, &x); err != nil {
			return err
		}
		w.open = facts{"file " + c + ":" + name: value}
		// Its output ends with the command or with the engine: only asking tells.
		if _, err = e.call("POST", "/exec/"+x.Id+"/start", map[string]any{"Detach": false}); err == nil {
			_, err = told("GET", "/exec/"+x.Id+"/json", nil)
		}
		return err
	case k == 7:
		to := w.fresh()
		w.open = facts{"container " + c: "", "container " + to: w.facts["container "+c]}
		for f := range w.facts {
			if rest, ok := strings.CutPrefix(f, "file "+c+":"); ok {
				w.open["file "+to+":"+rest], w.open[f] = w.facts[f], ""
			}
		}
		_, err := told("POST", "/containers/"+c+"/rename?name="+to, nil)
		w.runs[to] = w.runs[c]
		return err
	case k == 8:
		w.open = facts{"container " + c: ""}
		for f := range w.facts {
			if strings.HasPrefix(f, "file "+c+":") {
				w.open[f] = ""
			}
		}
		_, err := told("DELETE", "/containers/"+c+"?force=1", nil)
		return err
	case k == 9:
		name := w.fresh()
		w.open = facts{"image " + name: "made"}
		_, err := told("POST", "/commit?container="+c+"&repo="+name, map[string]any{})
		return err
	case k == 10 && len(w.names("image")) > 3:
		i := w.pick("image")
		w.open = facts{"image " + i: ""}
		_, err := told("DELETE", "/images/"+i+"?force=1", nil)
		return err
	case k == 11:
		name := w.fresh()
		w.open = facts{"volume " + name: "made"}
		_, err := told("POST", "/volumes/create", map[string]any{"Name": name})
		return err
	case k == 12:
		if v := w.pick("volume"); v != "" {
			w.open = facts{"volume " + v: ""}
			_, err := told("DELETE", "/volumes/"+v, nil)
			return err
		}
	case k == 13 && len(w.names("network")) < 4:
		name := w.fresh()
		w.open = facts{"network " + name: "made"}
		_, err := told("POST", "/networks/create", map[string]any{"Name": name})
		return err
	case k == 13:
		n := w.pick("network")
		w.open = facts{"network " + n: ""}
		_, err := told("DELETE", "/networks/"+n, nil)
		return err
	}
	return nil
}

// work acts until the engine is dead. An answer that says no is a failure of the test.
func (w *worker) work(e *engine) error {
	w.runs = map[string]bool{}
	for {
		w.open = facts{}
		err := w.act(e)
		if no, ok := err.(refused); ok {
			return no
		}
		if err != nil {
			return nil
		}
	}
}

// found is what a state has of a thing.
func found(s *container.State, name string) (string, error) {
	kind, name, _ := strings.Cut(name, " ")
	named := func(n string) *container.Container {
		id, _ := s.Names.Get("/" + n)
		c, _ := s.Containers.Get(id)
		return c
	}
	switch kind {
	case "container":
		c := named(name)
		switch {
		case c == nil:
			return "", nil
		case c.HasStarted:
			return "ran", nil
		}
		return "created", nil
	case "file":
		c, file, _ := strings.Cut(name, ":")
		of := named(c)
		if of == nil {
			return "", nil
		}
		tree := of.Files.Tree()
		n := tree.Inode(tree.Find(file))
		if n == nil || n.Content == nil {
			return "", nil
		}
		b := make([]byte, n.Content.Size())
		_, err := n.Content.ReadAt(b, 0)
		if err == io.EOF {
			err = nil
		}
		return string(b), err
	case "image":
		if _, err := s.Images.Find(name); err != nil {
			return "", nil
		}
		return "made", nil
	case "volume":
		if _, ok := s.Volumes.Get(name); !ok {
			return "", nil
		}
		return "made", nil
	case "network":
		for _, n := range s.Networks.All() {
			if n.Name == name {
				return "made", nil
			}
		}
		return "", nil
	}
	return "", fmt.Errorf("nothing is of kind %q", kind)
}

// check looks for what the worker was told. What was open is settled by what is there.
func (w *worker) check(s *container.State) error {
	for k, v := range w.open {
		if _, known := w.facts[k]; !known && v != "" {
			w.facts[k] = ""
		}
	}
	for k, want := range w.facts {
		got, err := found(s, k)
		if err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		if open, is := w.open[k]; got != want && !(is && got == open) {
			return fmt.Errorf("%s is %.40q and not %.40q", k, got, want)
		}
		if w.facts[k] = got; got == "" {
			delete(w.facts, k)
		}
	}
	w.open = facts{}
	return nil
}

func TestNothingAcknowledgedIsLost(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-kills %d -seed %d", *kills, *seed)
	r := rand.New(rand.NewPCG(*seed, 0))
	dir := t.TempDir()
	var workers []*worker
	for n := range 4 {
		workers = append(workers, &worker{n: n, r: rand.New(rand.NewPCG(*seed, uint64(n+1))), facts: facts{}})
	}
	first := start(t, dir)
	if _, err := first.call("POST", "/images/create?fromImage=busybox&tag=latest", nil); err != nil {
		t.Fatal(err, first.errs.String())
	}
	first.kill()
	asked := 0
	for kill := range *kills {
		e := start(t, dir)
		if kill%8 == 7 { // while it opens
			time.Sleep(time.Duration(r.IntN(200)) * time.Millisecond)
			e.kill()
		} else {
			all, err := e.call("GET", "/containers/json?"+url.Values{"all": {"1"}, "filters": {`{"status":["running"]}`}}.Encode(), nil)
			if err != nil {
				t.Fatalf("kill %d: the engine does not come up: %v\n%s", kill, err, e.errs.String())
			}
			if string(bytes.TrimSpace(all)) != "[]" {
				t.Fatalf("kill %d: containers run after a crash: %s", kill, all)
			}
			failed := make(chan error, len(workers))
			var group sync.WaitGroup
			for _, w := range workers {
				group.Go(func() { failed <- w.work(e) })
			}
			time.Sleep(time.Duration(r.IntN(400)) * time.Millisecond)
			e.kill()
			group.Wait()
			for range workers {
				if err := <-failed; err != nil {
					t.Fatalf("kill %d: %v", kill, err)
				}
			}
		}
		s, done, err := keep.Read(dir, nil)
		if err != nil {
			t.Fatalf("kill %d: %v", kill, err)
		}
		for _, w := range workers {
			if err := w.check(s.Engine); err != nil {
				t.Fatalf("kill %d: %v", kill, err)
			}
			asked += len(w.facts)
		}
		done()
	}
	t.Logf("%d facts were looked for after %d deaths", asked, *kills)
}
