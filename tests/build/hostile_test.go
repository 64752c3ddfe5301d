package build

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim"
)

// hostile is a build that means harm, by its query, and what the engine must say to it: a part of the
// error, or "" where the build works.
type hostile struct {
	name, dockerfile string
	context          func(*tar.Writer) error // what else is in the context; nil: nothing
	want             string
}

var hostiles = []hostile{
	{name: "100,000 lines", dockerfile: "FROM busybox\n" + strings.Repeat("ENV a=b\n", 100_000), want: "too many instructions"},
	{name: "100,000 lines of one RUN", dockerfile: "FROM busybox\nRUN true \\\n" + strings.Repeat(" && : \\\n", 100_000) + " && true\n", want: "returned a non-zero code: 1"}, // too much for one argument
	{name: "not text", dockerfile: "\x7fELF\x02\x01\x01\x00\x00\xff\xfe", want: "unknown instruction"},
	{name: "a line of 4 MB", dockerfile: "FROM busybox\nRUN echo " + strings.Repeat("$(", 2<<20-20) + "\n", want: "line greater than max allowed size of 65535"},
	{name: "3 MB of $( to run", dockerfile: "FROM busybox\nRUN echo " + folded("$(", 3<<19), want: "returned a non-zero code: 1"},
	{name: "100 KB of $( to run", dockerfile: "FROM busybox\nRUN echo " + folded("$(", 50_000), want: "returned a non-zero code"},
	{name: "100 KB of parentheses to run", dockerfile: "FROM busybox\nRUN " + folded("(", 100_000), want: "returned a non-zero code"},
	{name: "3 MB of $( to set", dockerfile: "FROM busybox\nENV a=" + folded("$(", 3<<19), want: "failed to process"},
	{name: "3 MB of ${ to set", dockerfile: "FROM busybox\nENV a=" + folded("${a:-", 600_000), want: "failed to process"},
	{name: "3 MB of JSON", dockerfile: "FROM busybox\nCMD " + folded("[", 3<<20), want: ""},
	{name: "a trigger of a trigger", dockerfile: "FROM busybox\nONBUILD ONBUILD ONBUILD RUN true\n", want: "Chaining ONBUILD"},
	{name: "a stage of itself", dockerfile: "FROM a AS a\nCOPY --from=a / /\n", want: "a"},
	{name: "a shell that forks without end", dockerfile: "FROM busybox\nRUN f() { f | f & wait; }; f\n"},
	{name: "a loop without end", dockerfile: "FROM busybox\nRUN while :; do :; done\n", want: "returned a non-zero code"},
	{name: "a file without end", dockerfile: "FROM busybox\nRUN cat /dev/zero > /f; rm /f; exit 3\n", want: "returned a non-zero code"},
	{name: "output without end", dockerfile: "FROM busybox\nRUN yes\n", want: "returned a non-zero code"},
	{name: "names that lead out", dockerfile: "FROM busybox\nCOPY . /x\nRUN test ! -e /escaped && cat /x/escaped\n", context: func(w *tar.Writer) error {
		return file(w, "../../../../escaped", "caught\n")
	}},
	{name: "a copy from above", dockerfile: "FROM busybox\nCOPY ../../etc/passwd /x\n", want: "forbidden path outside the build context"},
	{name: "a link that leads out", dockerfile: "FROM busybox\nCOPY l /x\n", want: "not found", context: func(w *tar.Writer) error {
		return w.WriteHeader(&tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "../../../../etc/passwd"})
	}},
	{name: "a directory that is a link out", dockerfile: "FROM busybox\nCOPY . /x\nRUN test ! -e /escaped\n", context: func(w *tar.Writer) error {
		if err := w.WriteHeader(&tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/../../.."}); err != nil {
			return err
		}
		return file(w, "l/escaped", "caught\n")
	}},
	{name: "links in a ring", dockerfile: "FROM busybox\nCOPY a/x /x\n", want: "forbidden path", context: func(w *tar.Writer) error {
		for _, l := range [][2]string{{"a", "b"}, {"b", "a"}} {
			if err := w.WriteHeader(&tar.Header{Name: l[0], Typeflag: tar.TypeSymlink, Linkname: l[1]}); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "a name of 100 KB", dockerfile: "FROM busybox\nCOPY . /x\n", want: "file name too long", context: func(w *tar.Writer) error {
		return file(w, strings.Repeat("n", 100_000), "")
	}},
	{name: "a Dockerfile that is a link out", want: "forbidden path", context: func(w *tar.Writer) error {
		return w.WriteHeader(&tar.Header{Name: "Dockerfile", Typeflag: tar.TypeSymlink, Linkname: "Dockerfile"})
	}},
	{name: "a small archive of a large file", dockerfile: "FROM busybox\nADD bomb.tar.gz /x\n", want: "No space left on device", context: func(w *tar.Writer) error {
		bomb, err := tarOf("large size=100000000", "gz")
		if err != nil {
			return err
		}
		return file(w, "bomb.tar.gz", string(bomb))
	}},
}

// folded is a text again and again, over lines that go on.
func folded(text string, times int) string {
	const perLine = 10_000
	line := strings.Repeat(text, perLine) + "\\\n"
	return strings.Repeat(line, times/perLine) + "\n"
}

func file(w *tar.Writer, name, text string) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text))}); err != nil {
		return err
	}
	_, err := io.WriteString(w, text)
	return err
}

// TestHostile gives the whole lab builds that mean harm. Each ends, as a build or with a clear error;
// what fails leaves no container and no image, and the engine builds on.
func TestHostile(t *testing.T) {
	lab, err := sim.New(sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := serve(t, lab.Handler())
	if _, err := e.post("/images/create?fromImage=busybox&tag=latest", nil); err != nil {
		t.Fatal(err)
	}
	before := e.left(t)
	for _, h := range hostiles {
		t.Run(h.name, func(t *testing.T) {
			said := e.attack(h)
			if h.want == "" && said != "" || !strings.Contains(said, h.want) {
				t.Errorf("the engine says %.300q, want %q", said, h.want)
			}
			if _, err := e.post("/images/prune", nil); err != nil {
				t.Error(err)
			}
			if after := e.left(t); after != before {
				t.Errorf("left behind: %.300s", after)
			}
			if said := e.attack(hostile{dockerfile: "FROM busybox\n"}); said != "" {
				t.Errorf("and then a plain build fails: %s", said)
			}
		})
	}
}

// attack does a hostile build and gives the error that it ends with, "" for none.
func (r *remote) attack(h hostile) string {
	in, out := io.Pipe()
	go func() {
		w := tar.NewWriter(out)
		var err error
		if h.dockerfile != "" {
			err = file(w, "Dockerfile", h.dockerfile)
		}
		if err == nil && h.context != nil {
			err = h.context(w)
		}
		if err == nil {
			err = w.Close()
		}
		out.CloseWithError(err)
	}()
	defer in.Close()
	stream, err := r.build("rm=1&nocache=1", in)
	if err != nil {
		return err.Error()
	}
	_, failed := printed(stream)
	return failed
}

// left is the engine's containers and images, as it lists them.
func (r *remote) left(t *testing.T) string {
	t.Helper()
	var all bytes.Buffer
	for _, list := range []string{"/containers/json?all=1", "/images/json?all=1"} {
		b, err := r.get(list)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
