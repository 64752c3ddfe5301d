package catalog

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"go.yaml.in/yaml/v3"
)

// folder is a folder of the catalogue's format. Its parts are read once, when they are wanted.
type folder struct {
	fsys fs.FS

	mu           sync.Mutex
	repositories map[string]*repository
	layers       map[string]*description
	suites       map[string]*suite
	digests      func() (map[string]digests, error)
	archives     func() ([]archives, error)
}

func newFolder(fsys fs.FS) *folder {
	f := &folder{fsys: fsys, repositories: map[string]*repository{}, layers: map[string]*description{}, suites: map[string]*suite{}}
	f.digests = sync.OnceValues(f.readDigests)
	f.archives = sync.OnceValues(f.readArchives)
	return f
}

// repository is the images of one name, images/NAME.yaml.
type repository struct {
	name     string
	variants []variant
}

// variant is one image, with its tags.
type variant struct {
	Tags    []string
	From    string // another image, whose layers, history and configuration it begins with
	Created time.Time
	Author  string
	Comment string
	Docker  string           // version of the engine that made it
	Config  container.Config // fields that are given replace those of From
	History []step

	given []byte // Config as JSON, only what is given
}

// step is a row of the history.
type step struct {
	CreatedBy string `yaml:"created_by"`
	Created   time.Time
	Comment   string
	Layer     string // the layer that it made: a folder below layers; none for an empty one
}

func (r *repository) variant(tag string) (variant, bool) {
	for _, v := range r.variants {
		for _, t := range v.Tags {
			if t == tag {
				return v, true
			}
		}
	}
	return variant{}, false
}

// UnmarshalYAML reads an image; its config has Docker's names.
func (v *variant) UnmarshalYAML(n *yaml.Node) error {
	if err := onlyKeys(n, "tags", "from", "created", "author", "comment", "docker", "config", "history"); err != nil {
		return err
	}
	var raw struct {
		Tags    []string
		From    string
		Created time.Time
		Author  string
		Comment string
		Docker  string
		Config  map[string]any
		History []step
	}
	if err := n.Decode(&raw); err != nil {
		return err
	}
	if len(raw.Tags) == 0 {
		return fmt.Errorf("line %d: an image needs tags", n.Line)
	}
	*v = variant{Tags: raw.Tags, From: raw.From, Created: raw.Created, Author: raw.Author, Comment: raw.Comment, Docker: raw.Docker, History: raw.History}
	if raw.Config == nil {
		return nil
	}
	given, err := json.Marshal(raw.Config)
	if err != nil {
		return fmt.Errorf("line %d: config: %w", n.Line, err)
	}
	v.given = given
	if err := v.configure(&v.Config); err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	return nil
}

// UnmarshalYAML reads a row of the history.
func (s *step) UnmarshalYAML(n *yaml.Node) error {
	if err := onlyKeys(n, "created_by", "created", "comment", "layer"); err != nil {
		return err
	}
	type plain step // without this method
	return n.Decode((*plain)(s))
}

// onlyKeys says where a mapping has another key: one that is misspelt would be ignored otherwise.
func onlyKeys(n *yaml.Node, known ...string) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: expected keys and values", n.Line)
	}
	for i := 0; i < len(n.Content); i += 2 {
		if key := n.Content[i]; !slices.Contains(known, key.Value) {
			return fmt.Errorf("line %d: unknown key %q", key.Line, key.Value)
		}
	}
	return nil
}

// configure sets what the image's description gives in c.
func (v *variant) configure(c *container.Config) error {
	if v.given == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(v.given))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return nil
}

func (f *folder) repository(name string) (*repository, error) {
	return once(&f.mu, f.repositories, name, func() (*repository, error) {
		file := path.Join("images", name) + ".yaml"
		b, err := readFile(f.fsys, file)
		if err != nil {
			return nil, err
		}
		r := &repository{name: name}
		if err := yaml.Unmarshal(b, &r.variants); err != nil {
			return nil, fmt.Errorf("catalog: %s: %w", file, err)
		}
		return r, nil
	})
}

// description is what makes a layer, layers/NAME: layer.yaml, manifest, rootfs.
type description struct {
	name string
	// Like names a layer of whose description this one is a variation: what it installs, its
	// manifest, its rootfs and its other fields come before this one's.
	Like string
	// On names the layer below, whose packages are installed already.
	On string
	// Suites have the packages that Install names; the first that has one counts.
	Suites []string
	// Install are the packages that the layer installs, with those that they depend on.
	Install []string
	// Alpine is the release of Alpine that Install names packages of instead, "v3.4": all that are to
	// be there, in order.
	Alpine string
	// Recommends says to install what the packages recommend, too.
	Recommends bool
	// SplitUsr is for distributions whose /bin is no link into /usr.
	SplitUsr bool `yaml:"split_usr"`
	// Omit are patterns of paths, path.Match's, that are not unpacked, with all below them; those
	// that match Keep are all the same.
	Omit, Keep []string
	// Remove are paths of the layers below that this one hides.
	Remove []string
	// Family is that of the layer's programs: "gnu" where it is not given, "busybox" or "alpine".
	Family string
	// Time is the files' time of change where the manifest has none.
	Time time.Time
}

func (f *folder) layer(name string) (*description, error) {
	return once(&f.mu, f.layers, name, func() (*description, error) {
		dir := path.Join("layers", name)
		d := &description{name: name}
		b, err := readFile(f.fsys, dir+"/layer.yaml")
		if errors.Is(err, fs.ErrNotExist) {
			if info, err := fs.Stat(f.fsys, dir); err == nil && info.IsDir() {
				return d, nil
			}
		}
		if err != nil {
			return nil, err
		}
		y := yaml.NewDecoder(bytes.NewReader(b))
		y.KnownFields(true)
		if err := y.Decode(d); err != nil {
			return nil, fmt.Errorf("catalog: %s/layer.yaml: %w", dir, err)
		}
		return d, nil
	})
}

// suite is packages and the texts of those of their files that matter.
type suite struct {
	packages func() (fs.FS, error)
	contents func() (map[string]string, error) // by absolute path
}

// suite finds packages/NAME, which may be a zip file, and contents/NAME. It opens neither yet.
func (f *folder) suite(name string) (*suite, error) {
	return once(&f.mu, f.suites, name, func() (*suite, error) {
		dir := "packages/" + name
		s := &suite{contents: sync.OnceValues(func() (map[string]string, error) { return readTree(f.fsys, "contents/"+name) })}
		if _, err := fs.Stat(f.fsys, dir+"/Packages"); err == nil {
			s.packages = func() (fs.FS, error) { return fs.Sub(f.fsys, dir) }
			return s, nil
		}
		if _, err := fs.Stat(f.fsys, dir+".zip"); err != nil {
			return nil, fs.ErrNotExist
		}
		s.packages = sync.OnceValues(func() (fs.FS, error) {
			b, err := fs.ReadFile(f.fsys, dir+".zip")
			if err != nil {
				return nil, err
			}
			z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				return nil, fmt.Errorf("%s.zip: %w", dir, err)
			}
			return z, nil
		})
		return s, nil
	})
}

// readTree reads all files below dir, by their path from it, which begins with a slash. A folder
// that is not there has none.
func readTree(fsys fs.FS, dir string) (map[string]string, error) {
	all := map[string]string{}
	err := fs.WalkDir(fsys, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, name)
		all[strings.TrimPrefix(name, dir)] = string(b)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return all, err
}

// readFile is fs.ReadFile for a name that others gave: one that cannot be is one that is not there.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return fs.ReadFile(fsys, name)
}

// once gives the value of that name, making it if it was not made yet. Failures are not kept.
func once[V any](mu *sync.Mutex, values map[string]V, name string, make func() (V, error)) (V, error) {
	mu.Lock()
	defer mu.Unlock()
	if v, ok := values[name]; ok {
		return v, nil
	}
	v, err := make()
	if err == nil {
		values[name] = v
	}
	return v, err
}
