package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/go-units"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
)

// Errors that a Registry answers with; the engine words them as the real one does.
var (
	ErrNoHost       = errors.New("no such host")                            // there is no such registry
	ErrNoRepository = errors.New("no such repository, or a private one")    // "pull access denied"
	ErrNoManifest   = errors.New("no image of that tag or digest is there") // "manifest unknown"
)

// Progress is one message of a stream that tells how a pull, a load or a push comes along.
type Progress struct {
	ID             string // of a layer, or the tag; empty for a line of its own
	Status         string
	Current, Total int64 // bytes, where Bar is set
	Bar            bool
	Detail         bool // the message has a progress detail, if an empty one
}

// Text is the bar that a terminal shows.
func (p Progress) Text() string {
	if p.Current <= 0 && p.Total <= 0 {
		return ""
	}
	now := units.HumanSize(float64(p.Current))
	if p.Total <= 0 {
		return fmt.Sprintf("%8v", now)
	}
	half := min(int(float64(p.Current)/float64(p.Total)*100)/2, 50)
	bar := fmt.Sprintf("[%s>%s] ", strings.Repeat("=", half), strings.Repeat(" ", 50-half))
	if p.Current > p.Total {
		return bar + fmt.Sprintf("%8v", now)
	}
	return bar + fmt.Sprintf("%8v/%v", now, units.HumanSize(float64(p.Total)))
}

// Pull fetches an image from the registry. name may have a tag or a digest; tag may be either, and
// stands before that of the name; without any, all tags are pulled. tell is given the progress.
func (e *Engine) Pull(ctx context.Context, name, tag, platform string, tell func(Progress)) error {
	name = strings.TrimSuffix(name, ":")
	ref, err := image.ParseName(name)
	if err != nil {
		return as(Invalid, err)
	}
	if tag != "" {
		if d, derr := digest.Parse(tag); derr == nil {
			ref, err = reference.WithDigest(reference.TrimNamed(ref), d)
		} else {
			ref, err = reference.WithTag(reference.TrimNamed(ref), tag)
		}
		if err != nil {
			return as(Invalid, err)
		}
	}
	if reference.FamiliarName(ref) == "scratch" {
		return invalid("'scratch' is a reserved name")
	}
	if !reference.IsNameOnly(ref) {
		return e.pull(ctx, ref, platform, tell)
	}
	if e.o.Registry == nil {
		return registryError(ref, ErrNoHost)
	}
	tags, err := e.o.Registry.Tags(ctx, ref)
	if err != nil {
		return registryError(ref, err)
	}
	for _, t := range tags {
		tagged, err := reference.WithTag(ref, t)
		if err != nil {
			return err
		}
		if err := e.pull(ctx, tagged, platform, tell); err != nil {
			return err
		}
	}
	return nil
}

// registryError words what a registry answered.
func registryError(ref reference.Named, err error) error {
	name := reference.FamiliarName(ref)
	switch {
	case errors.Is(err, ErrNoRepository):
		return notFound("pull access denied for %s, repository does not exist or may require 'docker login': denied: requested access to the resource is denied", name)
	case errors.Is(err, ErrNoManifest):
		return notFound("manifest for %s not found: manifest unknown: manifest unknown", reference.FamiliarString(ref))
	case errors.Is(err, ErrNoHost):
		return noHost(ref)
	}
	return err
}

// noHost is how reaching for a registry fails in a lab that has no network.
func noHost(ref reference.Named) error {
	host := reference.Domain(ref)
	if host == "docker.io" {
		host = "registry-1.docker.io"
	}
	bare, _, _ := strings.Cut(host, ":")
	return system("Get %q: dial tcp: lookup %s: no such host", "https://"+host+"/v2/", bare)
}

func (e *Engine) pull(ctx context.Context, ref reference.Named, platform string, tell func(Progress)) error {
	if e.o.Registry == nil {
		return registryError(ref, ErrNoHost)
	}
	m, err := e.o.Registry.Resolve(ctx, ref)
	if err != nil {
		return registryError(ref, err)
	}
	id := digest.FromBytes(m.Config)
	label := ""
	switch r := ref.(type) {
	case reference.Canonical:
		label = r.Digest().String()
	case reference.Tagged:
		label = r.Tag()
	}
	if platform != "" && !strings.HasPrefix(platform, "linux") && platform != "amd64" && platform != "x86_64" || strings.Contains(platform, "/") && !strings.HasPrefix(platform, "linux/amd64") {
		return notFound("no matching manifest for %s in the manifest list entries", platform)
	}
	tell(Progress{ID: label, Status: "Pulling from " + reference.Path(ref)})
	img := e.State().Images.Get(id)
	have := e.State().Images.Stacks()
	var stack *layer.Stack
	missing := false
	var fetch []ManifestLayer
	for _, l := range m.Layers {
		if stack, err = stack.Push(l.Layer); err != nil {
			return err
		}
		short := shortID(string(l.Digest))
		if have[stack.ChainID()] != nil && !missing {
			if img == nil {
				tell(Progress{ID: short, Status: "Already exists", Detail: true})
			}
			continue
		}
		missing = true
		fetch = append(fetch, l)
		tell(Progress{ID: short, Status: "Pulling fs layer", Detail: true})
	}
	if img == nil {
		if err := e.fetch(ctx, fetch, tell); err != nil {
			return err
		}
		if img, err = image.Parse(m.Config, stack); err != nil {
			return err
		}
		if err := e.AddImage(img); err != nil {
			return err
		}
	}
	status := "Image is up to date for "
	now := e.now()
	if old, ok := e.State().Images.Resolve(ref); !ok || old != id {
		status = "Downloaded newer image for "
	}
	byDigest, err := reference.WithDigest(reference.TrimNamed(ref), m.Digest)
	if err != nil {
		return err
	}
	err = e.update(func(s *State) error {
		s.Images = s.Images.WithTag(byDigest, id, now)
		if _, ok := ref.(reference.Tagged); ok {
			s.Images = s.Images.WithTag(ref, id, now)
		}
		return nil
	})
	if err != nil {
		return err
	}
	tell(Progress{Status: "Digest: " + m.Digest.String()})
	tell(Progress{Status: "Status: " + status + reference.FamiliarString(ref)})
	e.emitImage(string(id), reference.FamiliarString(ref), "pull")
	return nil
}

// together is how many layers are downloaded at the same time, as the engine does it.
const together = 3

// fetch tells of the download of layers. Their bytes are here already: what a pull would take of
// time is only shown, as slowly as Options.Pace says.
func (e *Engine) fetch(ctx context.Context, layers []ManifestLayer, tell func(Progress)) error {
	for i, l := range layers {
		if i >= together {
			tell(Progress{ID: shortID(string(l.Digest)), Status: "Waiting", Detail: true})
		}
	}
	for _, l := range layers {
		short := shortID(string(l.Digest))
		if err := e.steps(ctx, l.Size, func(n int64) {
			tell(Progress{ID: short, Status: "Downloading", Current: n, Total: l.Size, Bar: true, Detail: true})
		}); err != nil {
			return err
		}
		tell(Progress{ID: short, Status: "Verifying Checksum", Detail: true})
		tell(Progress{ID: short, Status: "Download complete", Detail: true})
	}
	for _, l := range layers {
		short := shortID(string(l.Digest))
		if err := e.steps(ctx, l.Size, func(n int64) {
			tell(Progress{ID: short, Status: "Extracting", Current: n, Total: l.Size, Bar: true, Detail: true})
		}); err != nil {
			return err
		}
		tell(Progress{ID: short, Status: "Pull complete", Detail: true})
	}
	return nil
}

// steps counts to total in a few steps.
func (e *Engine) steps(ctx context.Context, total int64, show func(int64)) error {
	n := min(max(total>>20, 1), 20)
	for i := int64(1); i <= n; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.o.Pace > 0 {
			select {
			case <-time.After(e.o.Pace):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		show(total * i / n)
	}
	return nil
}

// Push fails as it does without a network, since there is none in the lab.
func (e *Engine) Push(ctx context.Context, name, tag string, tell func(Progress)) error {
	ref, err := image.ParseName(name)
	if err != nil {
		return err
	}
	if tag != "" {
		if ref, err = reference.WithTag(reference.TrimNamed(ref), tag); err != nil {
			return err
		}
	}
	tell(Progress{Status: fmt.Sprintf("The push refers to repository [%s]", ref.Name())})
	if reference.IsNameOnly(ref) {
		if len(e.State().Images.Named(ref)) == 0 {
			return fmt.Errorf("An image does not exist locally with the tag: %s", reference.FamiliarName(ref))
		}
	} else if _, ok := e.State().Images.Resolve(ref); !ok {
		return fmt.Errorf("An image does not exist locally with the tag: %s", reference.FamiliarName(ref))
	}
	return noHost(ref)
}

// Distribution fails as looking an image up in a registry does without a network.
func (e *Engine) Distribution(name string) error {
	ref, err := image.ParseName(name)
	if err != nil {
		return as(Invalid, err)
	}
	return noHost(ref)
}

// Login fails as it does without a network.
func (e *Engine) Login(server string) error {
	if server == "" || strings.Contains(server, "index.docker.io") {
		server = "registry-1.docker.io"
	}
	host := strings.TrimPrefix(strings.TrimPrefix(server, "https://"), "http://")
	host, _, _ = strings.Cut(host, "/")
	bare, _, _ := strings.Cut(host, ":")
	return system("Get %q: dial tcp: lookup %s: no such host", "https://"+host+"/v2/", bare)
}

// FindImage finds an image that is here.
func (e *Engine) FindImage(ref string) (*image.Image, error) { return e.findImage(ref) }

// Search looks for repositories in the registry.
func (e *Engine) Search(ctx context.Context, term string, limit int) ([]SearchResult, error) {
	if term == "" {
		return nil, invalid("Get \"https://index.docker.io/v1/search?q=&n=%d\": no term", limit)
	}
	if limit < 1 || limit > 100 {
		return nil, invalid("Limit %d is outside the range of [1, 100]", limit)
	}
	if e.o.Registry == nil {
		return nil, system("Get \"https://index.docker.io/v1/search?q=%s&n=%d\": dial tcp: lookup index.docker.io: no such host", term, limit)
	}
	list, err := e.o.Registry.Search(ctx, term)
	if len(list) > limit {
		list = list[:limit]
	}
	return list, err
}

// Save writes images as docker save does.
func (e *Engine) Save(w io.Writer, names []string) error {
	images := e.State().Images
	if ids, err := images.Picked(names); err == nil {
		for _, id := range ids {
			e.emitImage(string(id), string(id), "save")
		}
	}
	err := images.Save(w, names, e.now())
	var none *image.NotFoundError
	if errors.As(err, &none) {
		return as(NotFound, err)
	}
	return err
}

// Load reads an archive of images. line is given what docker load prints, step the progress.
func (e *Engine) Load(r io.Reader, line func(string), step func(Progress)) error {
	now := e.now()
	o := image.LoadOptions{Now: now, Line: line}
	e.k.Do(func() { o.Dir = fmt.Sprintf("%s/tmp/docker-import-%09d", Root, e.k.Rand().IntN(1_000_000_000)) })
	if step != nil {
		o.Layer = func(id string, size int64) {
			step(Progress{ID: shortID(id), Status: "Loading layer", Current: size, Total: size, Bar: true, Detail: true})
		}
	}
	// Reading may take its time: others may change the store meanwhile, and both are kept.
	before := e.State().Images
	after, loaded, err := before.Load(r, o)
	e.update(func(s *State) error {
		if s.Images == before {
			s.Images = after
			return nil
		}
		for _, img := range loaded {
			s.Images = s.Images.With(img)
			for _, ref := range after.Refs(img.ID) {
				if at, ok := before.Resolve(ref); !ok || at != img.ID {
					s.Images = s.Images.WithTag(ref, img.ID, now)
				}
			}
		}
		return nil
	})
	for _, img := range loaded {
		e.emitImage(string(img.ID), string(img.ID), "load")
	}
	return err
}

// Import makes an image of one layer out of a tar.
func (e *Engine) Import(r io.Reader, repo, tag, message string, changes []string) (image.ID, error) {
	var ref reference.Named
	var err error
	if repo != "" {
		if ref, err = image.ParseName(repo); err != nil {
			return "", as(Invalid, err)
		}
		if _, ok := ref.(reference.Canonical); ok {
			return "", invalid("cannot import digest reference")
		}
		if tag != "" {
			if ref, err = reference.WithTag(reference.TrimNamed(ref), tag); err != nil {
				return "", as(Invalid, err)
			}
		}
	}
	config, err := e.importConfig(changes)
	if err != nil {
		return "", err
	}
	plain, _, err := layer.Decompress(r)
	if err != nil {
		return "", err
	}
	content, err := layer.ReadAll(plain, importLimit)
	if err != nil {
		return "", &layer.UnpackError{Err: err}
	}
	l, err := layer.Read(content)
	if err != nil {
		return "", err
	}
	img, err := image.Imported(l, config, message, e.now())
	if err != nil {
		return "", err
	}
	if err := e.AddImage(img); err != nil {
		return "", err
	}
	if ref != nil {
		if err := e.tag(img.ID, ref); err != nil {
			return "", err
		}
	}
	e.emitImage(string(img.ID), string(img.ID), "import")
	return img.ID, nil
}

// importLimit is the most bytes that an imported tar may have.
const importLimit = 4 << 30
