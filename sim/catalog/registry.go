package catalog

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/catalog/alpine"
	"github.com/dockerlab/dockerlab/sim/catalog/debian"
	"github.com/dockerlab/dockerlab/sim/layer"
)

//go:embed all:data
var data embed.FS

// Registry is the images and the web of the lab. It is safe for concurrent use.
type Registry struct {
	folders []*folder // the first that has something stands before the rest

	mu     sync.Mutex
	images map[string]*Image // by name:tag
	layers map[string]*layer.Layer
	suites map[string]*debian.Suite // by the names of what it joins
	alpine func() *alpine.Distribution
	tars   map[string][]byte // by layer and extension
}

// Open opens the catalogue that is built into the program.
func Open() *Registry {
	sub, err := fs.Sub(data, "data")
	if err != nil {
		panic(err) // the name is valid
	}
	return newRegistry(sub)
}

// OpenDir opens a folder of the catalogue's format before the catalogue that is built in: images,
// layers and pages of the folder stand in for those of the same name, and may build on the others.
func OpenDir(folder fs.FS) *Registry {
	r := newRegistry(folder)
	r.folders = append(r.folders, Open().folders...)
	return r
}

func newRegistry(fsys fs.FS) *Registry {
	r := &Registry{folders: []*folder{newFolder(fsys)}, images: map[string]*Image{}, layers: map[string]*layer.Layer{}, suites: map[string]*debian.Suite{}, tars: map[string][]byte{}}
	r.alpine = sync.OnceValue(r.openAlpine)
	return r
}

// Errors of Resolve, which the engine words as the real one does.
var (
	// ErrNoHost is for a registry that is not there: a name whose host is not Docker Hub's, and of
	// which the catalogue has nothing.
	ErrNoHost = errors.New("no such host")
	// ErrNoRepository is for a repository that the registry lacks. A real one cannot tell it from
	// a private one: "pull access denied".
	ErrNoRepository = errors.New("repository does not exist")
	// ErrNoManifest is for a repository that has no image of that tag or digest: "manifest unknown".
	ErrNoManifest = errors.New("manifest unknown")
)

// Image is an image of the registry.
type Image struct {
	// Digest is that of the manifest, by which the image can be pulled as well.
	Digest digest.Digest
	// ConfigJSON is the image's configuration, whose SHA-256 is the image's ID.
	ConfigJSON []byte
	// Layers are those of the image from the bottom up.
	Layers []Layer
}

// Layer is a layer of an Image as it lies in the registry.
type Layer struct {
	// Digest is that of the compressed blob, whose first 12 digits a pull shows.
	Digest digest.Digest
	// DiffID is that of the tar.
	DiffID digest.Digest
	// CompressedSize is the blob's size in bytes, which a pull's progress counts.
	CompressedSize int64

	layer *layer.Layer
}

// Open gives the layer. Its files are listed when they are first wanted. The same layer of several
// images is one and the same.
func (l Layer) Open() (*layer.Layer, error) { return l.layer, nil }

// Resolve finds the image of a name with a tag, "latest" where it has none, or a digest. Its errors
// are ErrNoHost, ErrNoRepository and ErrNoManifest, and those of a folder that is wrong.
func (r *Registry) Resolve(ref reference.Named) (*Image, error) {
	repository, err := r.repository(ref)
	if err != nil {
		return nil, err
	}
	if d, ok := ref.(reference.Digested); ok {
		for _, v := range repository.variants {
			image, err := r.image(repository.name, v.Tags[0], 0)
			if err != nil {
				return nil, err
			}
			if image.Digest == d.Digest() {
				return image, nil
			}
		}
		return nil, ErrNoManifest
	}
	tag := "latest"
	if t, ok := ref.(reference.Tagged); ok {
		tag = t.Tag()
	}
	return r.image(repository.name, tag, 0)
}

// Tags lists the tags of a repository in the order of its file.
func (r *Registry) Tags(ref reference.Named) ([]string, error) {
	repository, err := r.repository(ref)
	if err != nil {
		return nil, err
	}
	var tags []string
	for _, v := range repository.variants {
		tags = append(tags, v.Tags...)
	}
	return tags, nil
}

func (r *Registry) repository(ref reference.Named) (*repository, error) {
	name := reference.Path(ref)
	host := reference.Domain(ref)
	if host != "docker.io" {
		name = host + "/" + name
	}
	repository, err := r.read(strings.TrimPrefix(name, "library/"))
	if errors.Is(err, ErrNoRepository) && host != "docker.io" {
		for _, f := range r.folders {
			if _, err := fs.Stat(f.fsys, path.Join("images", host)); err == nil {
				return nil, ErrNoRepository
			}
		}
		return nil, ErrNoHost
	}
	return repository, err
}

// read finds the description of the images of a repository.
func (r *Registry) read(name string) (*repository, error) {
	for _, f := range r.folders {
		repository, err := f.repository(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return repository, err
		}
	}
	return nil, ErrNoRepository
}

// maxBases bounds how many images may stand one upon the other, and layers that vary each other.
const maxBases = 16

// image makes the image of that tag, once. depth counts the images that stand on it.
func (r *Registry) image(name, tag string, depth int) (*Image, error) {
	repository, err := r.read(name)
	if err != nil {
		return nil, err
	}
	v, ok := repository.variant(tag)
	if !ok {
		return nil, ErrNoManifest
	}
	key := name + ":" + v.Tags[0]
	r.mu.Lock()
	image := r.images[key]
	r.mu.Unlock()
	if image != nil {
		return image, nil
	}
	var base *Image
	if v.From != "" {
		from, tag, _ := strings.Cut(v.From, ":")
		if tag == "" {
			tag = "latest"
		}
		if depth > maxBases {
			return nil, fmt.Errorf("catalog: image %s is made from itself", key)
		}
		if base, err = r.image(from, tag, depth+1); err != nil {
			return nil, fmt.Errorf("catalog: image %s, from %s: %w", key, v.From, err)
		}
	}
	if image, err = r.build(key, v, base); err != nil {
		return nil, fmt.Errorf("catalog: image %s: %w", key, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if first := r.images[key]; first != nil {
		return first, nil
	}
	r.images[key] = image
	return image, nil
}
