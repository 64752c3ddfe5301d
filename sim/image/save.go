package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/container"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// Names of files in an archive of docker save.
const (
	manifestFile     = "manifest.json"
	repositoriesFile = "repositories"
	legacyVersion    = "VERSION"
	legacyConfig     = "json"
	legacyLayer      = "layer.tar"
)

// manifestItem is an image in manifest.json.
type manifestItem struct {
	Config   string
	RepoTags []string
	Layers   []string
	Parent   ID `json:",omitempty"`
}

// v1Image is the configuration of one layer, as engines before 1.10 read it.
type v1Image struct {
	ID              string            `json:"id,omitempty"`
	Parent          string            `json:"parent,omitempty"`
	Comment         string            `json:"comment,omitempty"`
	Created         time.Time         `json:"created"`
	Container       string            `json:"container,omitempty"`
	ContainerConfig container.Config  `json:"container_config"`
	DockerVersion   string            `json:"docker_version,omitempty"`
	Author          string            `json:"author,omitempty"`
	Config          *container.Config `json:"config,omitempty"`
	Architecture    string            `json:"architecture,omitempty"`
	Variant         string            `json:"variant,omitempty"`
	OS              string            `json:"os,omitempty"`
	Size            int64             `json:",omitempty"`
}

// Save writes the images that names lead to as docker save does: the archive of 20.10, readable
// by all engines before and after it. now is the time of what the engine leaves as it makes it.
func (s *Store) Save(w io.Writer, names []string, now time.Time) error {
	a := saving{store: s, now: now, tree: layer.NewTree().Edit(), repositories: map[string]map[string]string{}, layers: map[digest.Digest]string{}}
	picked, err := s.pick(names)
	if err != nil {
		return err
	}
	var manifest []manifestItem
	for _, p := range picked {
		item, err := a.image(p)
		if err != nil {
			return err
		}
		manifest = append(manifest, item)
	}
	for i, p := range picked {
		for _, q := range picked {
			if q != p && q.image.ID == p.image.Parent {
				manifest[i].Parent = p.image.Parent
			}
		}
	}
	epoch := time.Unix(0, 0)
	if len(a.repositories) > 0 {
		if err := a.json(repositoriesFile, a.repositories, epoch); err != nil {
			return err
		}
	}
	if err := a.json(manifestFile, manifest, epoch); err != nil {
		return err
	}
	t := a.tree.Freeze()
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, layer.NewTarReader(t.Walk(t.Root(), "")), make([]byte, 64<<10))
	return err
}

// picked is an image to be saved, with the tags that led to it.
type picked struct {
	image *Image
	refs  []reference.NamedTagged
}

// pick finds the images that names mean. A name without a tag means all tags of the repository.
// Picked are the images that names lead to, as Save takes them.
func (s *Store) Picked(names []string) (ids []ID, err error) {
	all, err := s.pick(names)
	for _, p := range all {
		ids = append(ids, p.image.ID)
	}
	return ids, err
}

func (s *Store) pick(names []string) ([]*picked, error) {
	var all []*picked
	add := func(i *Image, ref reference.Named) {
		var p *picked
		for _, have := range all {
			if have.image.ID == i.ID {
				p = have
			}
		}
		if p == nil {
			p = &picked{image: i}
			all = append(all, p)
		}
		tagged, ok := ref.(reference.NamedTagged)
		if _, canonical := ref.(reference.Canonical); !ok || canonical {
			return
		}
		for _, have := range p.refs {
			if have.String() == tagged.String() {
				return
			}
		}
		p.refs = append(p.refs, tagged)
	}
	for _, n := range names {
		ref, err := ParseReference(n)
		if err != nil {
			return nil, err
		}
		named, ok := ref.(reference.Named)
		if !ok {
			d, ok := ref.(reference.Digested)
			if !ok {
				return nil, fmt.Errorf("invalid reference: %v", n)
			}
			i := s.Get(d.Digest())
			if i == nil {
				return nil, &NotFoundError{n}
			}
			add(i, nil)
			continue
		}
		search := reference.FamiliarName(named) == string(digest.Canonical)
		if !search && reference.IsNameOnly(named) {
			refs := s.Named(named)
			for _, r := range refs {
				id, _ := s.Resolve(r)
				if i := s.Get(id); i != nil {
					add(i, r)
				}
			}
			search = len(refs) == 0
			if !search {
				continue
			}
		}
		if search {
			i := s.Search(n)
			if i == nil {
				return nil, &NotFoundError{n}
			}
			add(i, nil)
			continue
		}
		id, ok := s.Resolve(named)
		if !ok || s.Get(id) == nil {
			return nil, errors.New("reference does not exist")
		}
		add(s.Get(id), named)
	}
	return all, nil
}

// saving is an archive in the making, as a tree of files.
type saving struct {
	store        *Store
	now          time.Time
	tree         *layer.Edit
	repositories map[string]map[string]string
	layers       map[digest.Digest]string // where a layer's tar is, by diff ID
}

// image adds an image's files: its configuration, and a directory for each layer.
func (a *saving) image(p *picked) (manifestItem, error) {
	i := p.image
	item := manifestItem{Config: i.ID.Encoded() + ".json"}
	stacks := stacksOf(i.Layers)
	if len(stacks) == 0 {
		return item, errors.New("empty export - not implemented")
	}
	var parent digest.Digest
	var last string
	for n, stack := range stacks {
		if lost := stack.Top.Lost(); lost != "" {
			dir := "merged"
			if stack.Below == nil {
				dir = "diff"
			}
			return item, fmt.Errorf("open %s: no such file or directory", path.Join("/var/lib/docker/overlay2", stack.ChainID().Encoded(), dir, lost))
		}
		v1 := v1Image{Created: time.Unix(0, 0).UTC()}
		if n == len(stacks)-1 {
			c := i.Config
			v1 = v1Image{
				ID: c.ID, Comment: c.Comment, Created: c.Created, Container: c.Container, ContainerConfig: c.ContainerConfig,
				DockerVersion: c.DockerVersion, Author: c.Author, Config: c.Config, Architecture: c.Architecture,
				Variant: c.Variant, OS: c.OS, Size: c.Size,
			}
		}
		id, err := v1ID(v1, stack.ChainID(), parent)
		if err != nil {
			return item, err
		}
		v1.ID, v1.OS = id.Encoded(), i.Config.OS
		if parent != "" {
			v1.Parent = parent.Encoded()
		}
		if err := a.layer(stack.Top, v1, fileTime(i.Config.Created)); err != nil {
			return item, err
		}
		parent, last = id, v1.ID
		item.Layers = append(item.Layers, path.Join(v1.ID, legacyLayer))
	}
	for _, r := range p.refs {
		name := reference.FamiliarName(r)
		if a.repositories[name] == nil {
			a.repositories[name] = map[string]string{}
		}
		a.repositories[name][r.Tag()] = last
		item.RepoTags = append(item.RepoTags, reference.FamiliarString(r))
	}
	a.file("", item.Config, layer.Bytes(i.Raw), fileTime(i.Config.Created))
	return item, nil
}

// stacksOf are the stacks that a stack was made from and itself, from the bottom up.
func stacksOf(s *layer.Stack) []*layer.Stack {
	all := make([]*layer.Stack, s.Depth())
	for ; s != nil; s = s.Below {
		all[s.Depth()-1] = s
	}
	return all
}

// fileTime is what a file's time becomes: the engine's files are none before 1970.
func fileTime(t time.Time) time.Time {
	if t.Before(time.Unix(0, 0)) {
		return time.Unix(0, 0)
	}
	return t
}

// v1ID is the ID that a layer has for engines before 1.10: the hash of its configuration with the
// chain ID of the layers up to it.
func v1ID(v v1Image, chain, parent digest.Digest) (digest.Digest, error) {
	v.ID = ""
	raw, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return "", err
	}
	fields["layer_id"], _ = json.Marshal(chain)
	if parent != "" {
		fields["parent"], _ = json.Marshal(parent)
	}
	if raw, err = json.Marshal(fields); err != nil {
		return "", err
	}
	return digest.FromBytes(raw), nil
}

// layer adds a layer's directory, once. A layer that is in the archive already, under another
// directory, is a symlink.
func (a *saving) layer(l *layer.Layer, v1 v1Image, created time.Time) error {
	if a.tree.Lookup(a.tree.Root(), v1.ID) != 0 {
		return nil
	}
	raw, err := json.Marshal(v1)
	if err != nil {
		return err
	}
	at, linked := a.layers[l.DiffID()]
	if linked {
		created = a.now
	}
	dir := a.tree.New(layer.Inode{Mode: linux.S_IFDIR | 0o755, Mtime: created})
	a.tree.Put(a.tree.Root(), v1.ID, dir)
	a.file(v1.ID, legacyVersion, layer.Text("1.0"), created)
	a.file(v1.ID, legacyConfig, layer.Bytes(raw), created)
	if linked {
		a.tree.Put(dir, legacyLayer, a.tree.New(layer.Inode{
			Mode: linux.S_IFLNK | 0o777, Nlink: 1, Target: path.Join("..", at), Mtime: created,
		}))
		return nil
	}
	size, err := l.TarSize()
	if err != nil {
		return err
	}
	a.file(v1.ID, legacyLayer, &layerTar{layer: l, size: size}, created)
	a.layers[l.DiffID()] = path.Join(v1.ID, legacyLayer)
	return nil
}

func (a *saving) file(dir, name string, c layer.Content, t time.Time) {
	at := a.tree.Find(dir)
	a.tree.Put(at, name, a.tree.New(layer.Inode{Mode: linux.S_IFREG | 0o644, Nlink: 1, Content: c, Mtime: t}))
}

func (a *saving) json(name string, v any, t time.Time) error {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		return err
	}
	a.file("", name, layer.Bytes(b.Bytes()), t)
	return nil
}

// layerTar is a layer's tar as content that is read from its beginning to its end.
type layerTar struct {
	layer *layer.Layer
	size  int64
	r     io.Reader
	at    int64
}

func (t *layerTar) Size() int64 { return t.size }

func (t *layerTar) ReadAt(p []byte, off int64) (int, error) {
	if t.r == nil || off != t.at {
		r, err := t.layer.Tar()
		if err != nil {
			return 0, err
		}
		if _, err := io.CopyN(io.Discard, r, off); err != nil {
			return 0, err
		}
		t.r, t.at = r, off
	}
	n, err := io.ReadFull(t.r, p)
	t.at += int64(n)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}
