// Package archive looks at archives of images as they stream by: what docker save and the tools
// that write OCI layouts make, compressed or not, from a file or a pipe. Nothing is unpacked and no
// file's content is kept, so that memory is proportional to the number of entries and not to bytes.
//
//	archive ─┬─ descriptions (manifest.json, index.json, configurations)  kept until the end
//	         └─ layers ── layer.Summarize ── names, attributes, sums      which is known what for then
//
// The order of an archive's members is anybody's: docker save puts the description last. So every
// member that is a tar is taken for a layer, and what was a layer of what is known at the end.
//
// Nobody trusts an archive. Digests and diff IDs are checked, Limits bounds what one may cost, and
// errors say which part of the archive is wrong.
//
// To load an archive into an engine's store is the business of package image.
package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
)

// Image is an image of an archive.
type Image struct {
	// Names are what it is called, in the familiar form: "redis:3.2". It may have none.
	Names []string
	// Platform is "linux/amd64", say.
	Platform string
	Config   image.Config
	ID       image.ID
	// Layers are those of the image from the bottom up. Contents of files are layer.Summed.
	Layers []*layer.Layer
}

// Limits bounds what an archive may cost. A field that is zero has the value of DefaultLimits.
type Limits struct {
	Bytes   int64 // after all decompression
	Entries int64 // of all layers; a layer that several images share counts for each
	Text    int64 // bytes of names, targets of links and extended attributes
	Layers  int   // of one image
}

// DefaultLimits are those of a reading that asks for none.
var DefaultLimits = Limits{Bytes: 1 << 40, Entries: 4 << 20, Text: 1 << 30, Layers: 1024}

// Sizes of descriptions: of one, and of all together.
const (
	maxJSON    = 16 << 20
	maxAllJSON = 64 << 20
)

// A LimitError says that an archive costs more than is allowed.
type LimitError struct {
	What  string // "entries"
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the archive has more than %d %s", e.Limit, e.What)
}

// Read reads an archive to its end and gives the images in it, in its order. An error says what is
// wrong with the archive; it is a *LimitError where it costs too much.
func Read(r io.Reader, l Limits) ([]*Image, error) {
	d := DefaultLimits
	for _, f := range []struct{ of, otherwise *int64 }{{&l.Bytes, &d.Bytes}, {&l.Entries, &d.Entries}, {&l.Text, &d.Text}} {
		if *f.of == 0 {
			*f.of = *f.otherwise
		}
	}
	if l.Layers == 0 {
		l.Layers = d.Layers
	}
	a := reading{limits: l, members: map[string]*member{}}
	plain, _, err := layer.Decompress(r)
	if err != nil {
		return nil, err
	}
	if err := a.read(a.counted(plain)); err != nil {
		return nil, err
	}
	return a.images()
}

// reading is an archive being read.
type reading struct {
	limits   Limits
	members  map[string]*member
	bytes    int64 // that were read, after decompression
	entries  int64
	text     int64
	json     int64 // bytes of descriptions kept
	exceeded error // a *LimitError; nothing more is read then
}

// member is a file of the archive, of which only what it is good for is kept.
type member struct {
	link    string // where a link leads to: the path of another member
	json    []byte // of what may be a description
	layer   *layer.Layer
	entries int64         // of the layer
	sum     digest.Digest // of the bytes of a blob
	err     error         // why it is no layer, should one be looked for here
}

// counted is r, of which all that is read counts.
func (a *reading) counted(r io.Reader) io.Reader { return &counter{a, r} }

type counter struct {
	a *reading
	r io.Reader
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.a.bytes += int64(n); c.a.bytes > c.a.limits.Bytes {
		return n, c.a.exceed("bytes", c.a.limits.Bytes)
	}
	return n, err
}

func (a *reading) exceed(what string, limit int64) error {
	if a.exceeded == nil {
		a.exceeded = &LimitError{what, limit}
	}
	return a.exceeded
}

// maxMembers bounds the members of the archive itself; an image has a few for each layer.
const maxMembers = 100_000

// read takes in all members.
func (a *reading) read(r io.Reader) error {
	t := tar.NewReader(r)
	for n := 0; ; n++ {
		h, err := t.Next()
		switch {
		case err == io.EOF && n == 0:
			return errors.New("the archive is empty")
		case err == io.EOF:
			// To the end, where the checksum of a compressed archive stands.
			if _, err := io.Copy(io.Discard, r); err != nil {
				return fmt.Errorf("read the archive: %w", a.first(err))
			}
			return nil
		case a.exceeded != nil:
			return a.exceeded
		case errors.Is(err, tar.ErrHeader) && n == 0:
			return errors.New("this is no tar archive")
		case err != nil:
			return fmt.Errorf("read the archive: %w", err)
		case n == maxMembers:
			return &LimitError{"members", maxMembers}
		}
		name := inside(h.Name)
		m := &member{}
		switch h.Typeflag {
		case tar.TypeReg:
			if err := a.file(m, name, h.Size, t); err != nil {
				return fmt.Errorf("read %s in the archive: %w", name, err)
			}
		case tar.TypeSymlink:
			m.link = path.Join(path.Dir(name), h.Linkname)
			if path.IsAbs(h.Linkname) {
				m.link = h.Linkname
			}
			m.link = inside(m.link)
		case tar.TypeLink:
			m.link = inside(h.Linkname)
		default:
			continue
		}
		a.members[name] = m
	}
}

// inside is a name as a path in the archive that does not leave it.
func inside(name string) string { return path.Clean("/" + name)[1:] }

// file takes in a file. The error is one of the archive as a whole; what is wrong with the file
// matters only if it is wanted.
func (a *reading) file(m *member, name string, size int64, r io.Reader) error {
	var sum hash.Hash
	if strings.HasPrefix(name, blobs) {
		sum = sha256.New()
		r = io.TeeReader(r, sum)
	}
	br := bufio.NewReaderSize(r, 64<<10)
	head, err := br.Peek(tarBlock)
	if err != nil && err != io.EOF {
		return a.first(err)
	}
	how := layer.DetectCompression(head)
	switch {
	case how != layer.Uncompressed:
		plain, _, err := layer.Decompress(br)
		if err != nil {
			m.err = err
			break
		}
		m.err = a.layer(m, bufio.NewReaderSize(a.counted(plain), 64<<10))
	case isTar(head):
		m.err = a.layer(m, br)
	case size <= maxJSON:
		if a.json += size; a.json > maxAllJSON {
			return &LimitError{"bytes of descriptions", maxAllJSON}
		}
		if m.json, err = io.ReadAll(br); err != nil {
			return a.first(err)
		}
	}
	if a.exceeded != nil {
		return a.exceeded
	}
	if m.layer == nil && m.json == nil && m.err == nil {
		m.err = errors.New("it is no tar")
	}
	if _, err := io.Copy(io.Discard, br); err != nil {
		return a.first(err)
	}
	if sum != nil {
		m.sum = digest.NewDigest(digest.SHA256, sum)
	}
	return nil
}

// first is the limit that was exceeded, whose error may have changed on its way, or err.
func (a *reading) first(err error) error {
	if a.exceeded != nil {
		return a.exceeded
	}
	return err
}

const tarBlock = 512

// isTar says whether something that begins with head may be a tar: its first header has the right
// checksum, or it is a tar without members.
func isTar(head []byte) bool {
	if len(head) < tarBlock {
		return false
	}
	if len(bytes.Trim(head, "\x00")) == 0 {
		return true
	}
	_, err := tar.NewReader(bytes.NewReader(head)).Next()
	return err == nil || !errors.Is(err, tar.ErrHeader)
}

// layer reads the tar of a layer.
func (a *reading) layer(m *member, r io.Reader) error {
	l, err := layer.Summarize(r, func(e *layer.Entry) error {
		m.entries++
		if a.entries++; a.entries > a.limits.Entries {
			return a.exceed("entries", a.limits.Entries)
		}
		a.text += int64(len(e.Name) + len(e.Target) + len(e.Link))
		for k, v := range e.Xattrs {
			a.text += int64(len(k) + len(v))
		}
		if a.text > a.limits.Text {
			return a.exceed("bytes of names", a.limits.Text)
		}
		return nil
	})
	m.layer = l
	return err
}

// find gives a member by its path, through links.
func (a *reading) find(name string) (*member, error) {
	name = inside(name)
	for range 40 {
		m := a.members[name]
		if m == nil {
			return nil, fmt.Errorf("%s is not in the archive", name)
		}
		if m.link == "" {
			return m, nil
		}
		name = m.link
	}
	return nil, fmt.Errorf("%s: too many links", name)
}
