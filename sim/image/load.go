package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/container"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/layer"
)

// LoadOptions says how Load does its work; the zero value will do.
type LoadOptions struct {
	Now time.Time // of the tags
	// Limit is the most bytes that the archive may have when decompressed, and each layer in it
	// again; 0 is 4 GiB.
	Limit int64
	// Line is given what docker load prints, with its newlines, as it comes.
	Line func(string)
	// Layer is told of each layer that is not in the store yet, before it is read: the beginning
	// of its diff ID, or the ID that an archive of old times has for it, and its size in bytes.
	Layer func(id string, size int64)
	// Dir is where the engine would unpack the archive; errors name files below it.
	Dir string
}

// Load reads an archive: of docker save, whatever its version, or an OCI layout in a tar. It may
// be compressed, and so may its layers. It gives the store with what was in it, and the images in
// their order. On an error these are what came before it; the engine, too, keeps that.
func (s *Store) Load(r io.Reader, o LoadOptions) (*Store, []*Image, error) {
	if o.Limit == 0 {
		o.Limit = 4 << 30
	}
	if o.Dir == "" {
		o.Dir = "/var/lib/docker/tmp/docker-import-000000000"
	}
	if o.Line == nil {
		o.Line = func(string) {}
	}
	if o.Layer == nil {
		o.Layer = func(string, int64) {}
	}
	l := loading{store: s, o: o, stacks: s.Stacks()}
	plain, _, err := layer.Decompress(r)
	if err != nil {
		return s, nil, err
	}
	archive, err := layer.ReadAll(plain, o.Limit)
	if err != nil {
		return s, nil, &layer.UnpackError{Err: err}
	}
	if archive.Size() == 0 { // as good as a tar without members
		l.files = layer.NewTree()
	} else if l.files, err = layer.Unpack(archive); err != nil {
		return s, nil, err
	}
	switch {
	case l.has(manifestFile):
		err = l.manifest()
	case l.has("index.json") && l.has("oci-layout"):
		err = l.layout()
	default:
		err = l.legacy()
	}
	return l.store, l.images, err
}

// loading is an archive being read.
type loading struct {
	store  *Store
	o      LoadOptions
	files  *layer.Tree
	stacks map[digest.Digest]*layer.Stack // by chain ID: layers need not be read twice
	images []*Image
}

func (l *loading) has(name string) bool { return l.files.Follow(name) != 0 }

// open gives a file of the archive. Symlinks are followed within it.
func (l *loading) open(name string) (layer.Content, error) {
	at := path.Join(l.o.Dir, name)
	if at != l.o.Dir && !strings.HasPrefix(at, l.o.Dir+"/") {
		return nil, fmt.Errorf("evalSymlinksInScope: %s is not in %s", at, l.o.Dir)
	}
	n := l.files.Inode(l.files.Follow(name))
	switch {
	case n == nil:
		return nil, fmt.Errorf("open %s: no such file or directory", at)
	case n.Mode.IsDir():
		return nil, fmt.Errorf("read %s: is a directory", at)
	case !n.Mode.IsRegular():
		return nil, fmt.Errorf("open %s: no such device or address", at)
	case n.Content == nil:
		return layer.Zero(0), nil
	}
	return n.Content, nil
}

// maxJSON bounds the descriptions in an archive.
const maxJSON = 16 << 20

func (l *loading) read(name string) ([]byte, error) {
	c, err := l.open(name)
	if err != nil {
		return nil, err
	}
	if c.Size() > maxJSON {
		return nil, fmt.Errorf("read %s: %w", name, layer.ErrTooLarge)
	}
	b := make([]byte, c.Size())
	if n, err := c.ReadAt(b, 0); n < len(b) {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return b, nil
}

// decode reads the first value of a file; what follows it is nobody's business.
func (l *loading) decode(name string, v any) error {
	c, err := l.open(name)
	if err != nil {
		return err
	}
	return json.NewDecoder(io.LimitReader(layer.NewReader(c), maxJSON)).Decode(v)
}

// manifest loads what manifest.json lists.
func (l *loading) manifest() error {
	var items []manifestItem
	if err := l.decode(manifestFile, &items); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field == "" { // which names the type, and its package there
			return fmt.Errorf("json: cannot unmarshal %s into Go value of type []tarexport.manifestItem", wrong.Value)
		}
		return err
	}
	tags := 0
	var ids strings.Builder
	for _, m := range items {
		raw, err := l.read(m.Config)
		if err != nil {
			return err
		}
		i, err := l.image(raw, m.Layers)
		if err != nil {
			return err
		}
		fmt.Fprintf(&ids, "Loaded image ID: %s\n", i.ID)
		tags = 0
		for _, t := range m.RepoTags {
			named, err := ParseName(t)
			if err != nil {
				return err
			}
			tagged, ok := named.(reference.NamedTagged)
			if !ok {
				return fmt.Errorf("invalid tag %q", t)
			}
			l.tag(tagged, i.ID)
			l.o.Line(fmt.Sprintf("Loaded image: %s\n", reference.FamiliarString(tagged)))
			tags++
		}
	}
	for n, m := range items {
		if m.Parent == "" || n >= len(l.images) {
			continue
		}
		child := l.images[n]
		var parent *Image // of those in the archive
		for _, i := range l.images {
			if i.ID == m.Parent && i.ID != child.ID {
				parent = i
			}
		}
		if parent == nil {
			continue
		}
		if !validParent(child, parent) {
			return fmt.Errorf("image %v is not a valid parent for %v", parent.ID, child.ID)
		}
		l.store = l.store.With(child.withParent(parent.ID))
	}
	if tags == 0 { // an archive of no image gets an empty line
		l.o.Line(ids.String())
	}
	return nil
}

// validParent says whether child's history is parent's and one more step.
func validParent(child, parent *Image) bool {
	c, p := child.Config.History, parent.Config.History
	if len(c) == 0 && len(p) == 0 {
		return true // nobody needs a history
	}
	return len(c) == len(p)+1 && slices.Equal(c[:len(p)], p)
}

// image adds the image of a configuration, whose layers are the files named.
func (l *loading) image(raw []byte, layers []string) (*Image, error) {
	i, err := parse(raw, nil)
	if err != nil && !errors.Is(err, errManyHistory) { // which is told after the layers have been read
		return nil, err
	}
	var c struct {
		OS     string
		RootFS *RootFS
	}
	if json.Unmarshal(raw, &c); c.OS != "" && c.OS != OS {
		return nil, fmt.Errorf("cannot load %s image on linux", c.OS)
	}
	if want, got := len(layers), len(c.RootFS.DiffIDs); want != got {
		return nil, fmt.Errorf("invalid manifest, layers length mismatch: expected %d, got %d", want, got)
	}
	var stack *layer.Stack
	for n, want := range c.RootFS.DiffIDs {
		if known := l.stacks[chain(stack, want)]; known != nil {
			stack = known
			continue
		}
		next, err := l.layer(stack, layers[n], shortID(want))
		if err != nil {
			return nil, err
		}
		if got := next.Top.DiffID(); got != want {
			return nil, fmt.Errorf("invalid diffID for layer %d: expected %q, got %q", n, want, got)
		}
		l.stacks[next.ChainID()] = next
		stack = next
	}
	if i == nil {
		return nil, err
	}
	i.Layers = stack
	return l.add(i), nil
}

// chain is the chain ID of a stack with one more layer.
func chain(s *layer.Stack, top digest.Digest) digest.Digest {
	if s == nil {
		return top
	}
	return digest.FromString(s.ChainID().String() + " " + top.String())
}

func (l *loading) add(i *Image) *Image {
	l.store = l.store.With(i)
	i = l.store.Get(i.ID)
	l.images = append(l.images, i)
	return i
}

// layer reads a layer's tar onto a stack.
func (l *loading) layer(below *layer.Stack, name, id string) (*layer.Stack, error) {
	c, err := l.open(name)
	if err != nil {
		return nil, err
	}
	l.o.Layer(id, c.Size())
	top, err := ReadLayer(c, l.o.Limit)
	if err != nil {
		return nil, err
	}
	return below.Push(top)
}

// ReadLayer makes a layer of a tar that may be compressed, and then may have up to limit bytes.
func ReadLayer(c layer.Content, limit int64) (*layer.Layer, error) {
	plain, how, err := layer.Decompress(layer.NewReader(c))
	if err != nil {
		return nil, err
	}
	if how != layer.Uncompressed {
		if c, err = layer.ReadAll(plain, limit); err != nil {
			return nil, &layer.UnpackError{Err: err}
		}
	}
	return layer.Read(c)
}

// tag gives a name to a loaded image, and tells if another one loses it.
func (l *loading) tag(ref reference.NamedTagged, id ID) {
	if old, ok := l.store.Resolve(ref); ok && old != id {
		l.o.Line(fmt.Sprintf("The image %s already exists, renaming the old one with ID %s to empty string\n", reference.FamiliarString(ref), old))
	}
	l.store = l.store.WithTag(ref, id, l.o.Now)
}

// legacy loads an archive of the time before manifest.json: a directory for each layer, and the
// file repositories.
func (l *loading) legacy() error {
	done := map[string]*Image{}
	for name, i := range l.files.Names(l.files.Root()) {
		if l.files.Inode(i).Mode.IsDir() {
			if err := l.legacyImage(name, done, 0); err != nil {
				return err
			}
		}
	}
	repositories := map[string]map[string]string{}
	if err := l.decode(repositoriesFile, &repositories); err != nil {
		return err
	}
	for _, repo := range sorted(repositories) {
		for _, tag := range sorted(repositories[repo]) {
			id := repositories[repo][tag]
			i := done[id]
			if i == nil {
				return fmt.Errorf("invalid target ID: %v", id)
			}
			named, err := ParseName(repo)
			if err != nil {
				return err
			}
			ref, err := reference.WithTag(named, tag)
			if err != nil {
				return err
			}
			l.tag(ref, i.ID)
		}
	}
	return nil
}

// legacyImage loads the image that a directory of an old archive is, and its parents first. Its
// configuration becomes one of today's.
func (l *loading) legacyImage(id string, done map[string]*Image, depth int) error {
	if done[id] != nil {
		return nil
	}
	if depth > layer.MaxDepth {
		return layer.ErrMaxDepth
	}
	raw, err := l.read(id + "/" + legacyConfig)
	if err != nil {
		return err
	}
	var v1 struct {
		OS, Parent      string
		Author, Comment string
		Created         time.Time
		ContainerConfig container.Config `json:"container_config"`
		DockerVersion   string           `json:"docker_version"`
	}
	if err := json.Unmarshal(raw, &v1); err != nil {
		return err
	}
	if v1.OS != "" && v1.OS != OS {
		return fmt.Errorf("cannot load %s image on linux", v1.OS)
	}
	var parent *Image
	var stack *layer.Stack
	history := []History{}
	if v1.Parent != "" {
		if err := l.legacyImage(v1.Parent, done, depth+1); err != nil {
			return err
		}
		parent = done[v1.Parent]
		stack = parent.Layers
		history = append(history, parent.Config.History...)
	}
	if stack, err = l.layer(stack, id+"/"+legacyLayer, shortID(digest.Digest(id))); err != nil {
		return err
	}
	if known := l.stacks[stack.ChainID()]; known != nil {
		stack = known
	}
	l.stacks[stack.ChainID()] = stack
	history = append(history, History{
		Author: v1.Author, Created: v1.Created, CreatedBy: strings.Join(v1.ContainerConfig.Cmd, " "), Comment: v1.Comment,
	})
	if old(v1.DockerVersion) { // what wrote it put its fields as it liked
		var whole v1Image
		if err := json.Unmarshal(raw, &whole); err != nil {
			return err
		}
		if raw, err = json.Marshal(whole); err != nil {
			return err
		}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	for _, f := range []string{"id", "parent", "Size", "parent_id", "layer_id", "throwaway"} {
		delete(fields, f)
	}
	fields["rootfs"], _ = json.Marshal(RootFS{Type: "layers", DiffIDs: stack.DiffIDs()})
	fields["history"], _ = json.Marshal(history)
	if raw, err = json.Marshal(fields); err != nil {
		return err
	}
	i, err := Parse(raw, stack)
	if err != nil {
		return err
	}
	if parent != nil {
		i.Parent = parent.ID
	}
	done[id] = l.add(i)
	return nil
}

// old says whether a version of the engine is before 1.8.3.
func old(version string) bool {
	want := [3]int{1, 8, 3}
	for _, w := range want {
		var part string
		part, version, _ = strings.Cut(version, ".")
		n := 0
		for _, c := range part {
			if c < '0' || c > '9' {
				break
			}
			n = min(n*10+int(c-'0'), 1<<20)
		}
		if n != w {
			return n < w
		}
	}
	return false
}
