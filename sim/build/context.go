package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/dockerlab/dockerlab/sim/build/archive"
	"github.com/dockerlab/dockerlab/sim/build/dockerfile"
	"github.com/dockerlab/dockerlab/sim/unionfs"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

// opener makes a source and a Dockerfile of what a build is given.
type opener struct {
	engine  Engine
	web     Web
	limits  Limits
	tell    func(Event)
	release func()
}

func (o *opener) close() {
	if o.release != nil {
		o.release()
	}
}

// open finds out what the context is. The source is nil where there is only a Dockerfile.
func (o *opener) open(ctx context.Context, opt Options, body io.Reader) (*source, *dockerfile.File, []string, error) {
	switch {
	case opt.Remote == "":
		if body == nil {
			body = bytes.NewReader(nil)
		}
		return o.archive(ctx, body, opt.Dockerfile)
	case opt.Remote == "client-session":
		return nil, nil, nil, inputError{errors.New("experimental session with v1 builder is no longer supported, use builder version v2 (BuildKit) instead")}
	case IsGit(opt.Remote):
		return o.git(ctx, opt.Remote, opt.Dockerfile)
	case isURL(opt.Remote):
		return o.page(ctx, opt.Remote, opt.Dockerfile)
	}
	return nil, nil, nil, fmt.Errorf("remoteURL (%s) could not be recognized as URL", opt.Remote)
}

// archive unpacks a context and takes the Dockerfile out of it.
func (o *opener) archive(ctx context.Context, body io.Reader, name string) (*source, *dockerfile.File, []string, error) {
	fs, release := o.engine.NewFS(nil)
	o.release = release
	sums := archive.Sums{}
	if err := o.unpack(ctx, body, fs, sums); err != nil {
		return nil, nil, nil, err
	}
	return o.fromTree(fs, sums, name)
}

// unpack lays a context's archive out. The engine reads up to the first entry before it starts the
// process that unpacks.
func (o *opener) unpack(ctx context.Context, body io.Reader, fs *unionfs.FS, sums archive.Sums) error {
	lim := archive.Limits{Entries: o.limits.ContextEntries, Bytes: o.limits.ContextBytes}
	err := archive.Unpack(interruptible{ctx, body}, view(fs), lim, sums)
	if head := (*archive.HeadError)(nil); errors.As(err, &head) {
		return head.Err
	}
	if err != nil {
		return &insideError{err}
	}
	return nil
}

func (o *opener) fromTree(fs *unionfs.FS, sums archive.Sums, name string) (*source, *dockerfile.File, []string, error) {
	src := &source{tree: fs.Tree(), sums: sums}
	text, err := src.read(name, o.limits.DockerfileBytes)
	if isNotExist(err) && name == "Dockerfile" {
		if _, e := src.stat("dockerfile"); e == nil {
			return o.fromTree(fs, sums, "dockerfile")
		}
	}
	if isNotExist(err) {
		return nil, nil, nil, fmt.Errorf("Cannot locate specified Dockerfile: %s", name)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	if len(text) == 0 {
		return nil, nil, nil, inputError{fmt.Errorf("the Dockerfile (%s) cannot be empty", name)}
	}
	file, warnings, err := dockerfile.Read(text)
	if err != nil {
		return nil, nil, nil, inputError{fmt.Errorf("failed to parse %s: %w", name, err)}
	}
	if err := hideIgnored(src, fs, name); err != nil {
		return nil, nil, nil, err
	}
	return src, file, warnings, nil
}

// hideIgnored removes the Dockerfile and .dockerignore from the context where .dockerignore says
// so. All else that it names the client has left out already; from a context that did not come
// from the client (a tar on standard input, a URL), it stays.
func hideIgnored(src *source, fs *unionfs.FS, dockerfile string) error {
	const most = 1 << 20
	text, err := src.read(".dockerignore", most)
	if isNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		return err
	}
	v := view(fs)
	for _, name := range []string{".dockerignore", dockerfile} {
		// A bad pattern matches nothing, as in the engine.
		ignored, err := patternmatcher.MatchesOrParentMatches(name, patterns)
		if err != nil || !ignored {
			continue
		}
		p, err := src.resolve(name)
		if err != nil {
			continue
		}
		if err := archive.RemoveAll(v, p); err != nil {
			return err
		}
	}
	src.tree = fs.Tree()
	return nil
}

// page takes the context from the web: a tar, or a Dockerfile alone.
func (o *opener) page(ctx context.Context, address, name string) (*source, *dockerfile.File, []string, error) {
	p, err := Get(ctx, o.web, address)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("error downloading remote context %s: %w", address, err)
	}
	defer p.Body.Close()
	kind, body, err := contentKind(p)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("error detecting content type for remote %s: %w", address, err)
	}
	// The engine takes the length of its own request for that of the page, and so knows none.
	body = NewProgressReader(body, -1, func(done, _ int64, last bool) {
		o.tell(Downloading{Progress{ID: "Downloading context", Status: address, Current: done}, last})
	})
	if kind != "text/plain" {
		return o.archive(ctx, body, name)
	}
	text, err := readBounded(body, o.limits.DockerfileBytes)
	if err != nil {
		return nil, nil, nil, err
	}
	file, warnings, err := dockerfile.Read(text)
	if err != nil {
		return nil, nil, nil, inputError{err}
	}
	return nil, file, warnings, nil
}

var remoteKinds = regexp.MustCompile(`(?:application/(?:(?:x\-)?tar|octet\-stream|((?:x\-)?(?:gzip|bzip2?|xz)))|(?:text/plain))`)

// contentKind is the media type of a page, guessed from its first bytes where the server is not
// specific.
func contentKind(p *Page) (kind string, body io.Reader, err error) {
	const preamble = 100
	n := int64(preamble)
	if p.Length > 0 && p.Length < n {
		n = p.Length
	}
	head := make([]byte, n)
	got, err := io.ReadFull(p.Body, head)
	if got == 0 {
		return p.ContentType, p.Body, errors.New("empty response")
	}
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return p.ContentType, p.Body, err
	}
	body = io.MultiReader(bytes.NewReader(head[:got]), p.Body)
	kind = p.ContentType
	if kind == "" || kind == "application/octet-stream" {
		if kind, _, err = mime.ParseMediaType(http.DetectContentType(head)); err != nil {
			return kind, body, err
		}
	}
	if k := remoteKinds.FindString(kind); k != "" {
		return k, body, nil
	}
	return p.ContentType, body, fmt.Errorf("unsupported Content-Type %q", p.ContentType)
}

// git takes the context from a repository: address#ref:directory.
func (o *opener) git(ctx context.Context, address, name string) (*source, *dockerfile.File, []string, error) {
	repo, ref, dir, err := SplitGit(address)
	if err != nil {
		return nil, nil, nil, err
	}
	if o.web == nil {
		return nil, nil, nil, fmt.Errorf("error fetching: fatal: unable to access '%s': there is no network", repo)
	}
	body, err := o.web.Clone(ctx, repo, ref)
	if err != nil {
		return nil, nil, nil, err
	}
	defer body.Close()
	if dir == "" {
		return o.archive(ctx, body, name)
	}
	// The directory becomes the root, and its checksums those of an archive of it.
	fs, release := o.engine.NewFS(nil)
	defer release()
	if err := o.unpack(ctx, body, fs, nil); err != nil {
		return nil, nil, nil, err
	}
	all := &source{tree: fs.Tree()}
	p, err := all.resolve(dir)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("error setting git context, %q not within git root: %w", dir, err)
	}
	switch n := all.at(p); {
	case n == nil:
		return nil, nil, nil, fmt.Errorf("stat %s: no such file or directory", p)
	case !n.Mode.IsDir():
		return nil, nil, nil, fmt.Errorf("error setting git context, not a directory: %s", p)
	}
	sub, release2 := o.engine.NewFS(nil)
	o.release = release2
	if err := copyTree(all, p, view(sub)); err != nil {
		return nil, nil, nil, err
	}
	return o.fromTree(sub, nil, name)
}

// SplitGit takes an address apart. The ref is "master" where none is named.
func SplitGit(address string) (repo, ref, dir string, err error) {
	scheme := ""
	if u, err := url.Parse(address); err == nil {
		scheme = u.Scheme
	}
	var fragment string
	switch {
	case strings.HasPrefix(address, "git@"):
		repo, fragment, _ = strings.Cut(address, "#")
	default:
		if !slices.Contains([]string{"git", "http", "https", "ssh"}, scheme) {
			address = "https://" + address
		}
		u, err := url.Parse(address)
		if err != nil {
			return "", "", "", err
		}
		fragment, u.Fragment = u.Fragment, ""
		repo = u.String()
	}
	ref, dir, _ = strings.Cut(fragment, ":")
	if ref == "" {
		ref = "master"
	}
	if strings.HasPrefix(ref, "-") {
		return "", "", "", fmt.Errorf("invalid refspec: %s", ref)
	}
	return repo, ref, dir, nil
}

// view looks at a file system as the engine does: root, with all rights.
func view(fs vfs.Filesystem) *vfs.View {
	return vfs.NewNamespace(fs, "overlay", "rw").View(vfs.Root(vfs.CapsAll))
}

// readBounded reads all of r, which must not be longer than most bytes.
func readBounded(r io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		err = errDockerfile
	}
	return b, err
}

// interruptible ends when its context does.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

// progressReader tells how far the reading has come, and at the end once more.
type progressReader struct {
	r      io.Reader
	length int64
	done   int64
	told   int64
	tell   func(done, total int64, last bool)
}

// NewProgressReader reads r, whose length in bytes is known or -1, and tells how far it has come. Total is zero where the length is
// not known, and last is true only there, at the end.
func NewProgressReader(r io.Reader, length int64, tell func(done, total int64, last bool)) io.Reader {
	return &progressReader{r: r, length: length, tell: tell}
}

// progressStep is how much is read between two reports, in bytes, or a hundredth of the whole where
// that is less.
const progressStep = 512 << 10

func (p *progressReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.done += int64(n)
	step := int64(progressStep)
	if p.length > 0 {
		step = min(step, p.length/100)
	}
	atEnd := err == io.EOF && (p.length < 0 || p.told < p.done)
	if p.done-p.told > step || atEnd {
		p.told = p.done
		p.tell(p.done, max(p.length, 0), err == io.EOF && p.length < 0)
	}
	return n, err
}

// base is the last name of a URL's path or of a file's; empty for a directory.
func base(p string) string {
	if p == "" || strings.HasSuffix(p, "/") {
		return ""
	}
	return path.Base(p)
}
