// Package keep is the disk form of a lab's state: a directory with one file of blobs that only grows,
// and a lock.
//
//	lab    header │ batch │ batch │ batch with a root │ batch with a root │ ...
//	lock   held by the dockerlab that works on the state
//
// A batch is blobs, a table of where they lie, and a checksum; one that ends a save names the root
// blob besides, and a save counts when that batch is on the disk. Nothing that was written is ever
// written to again. So a process that is killed, or a machine that loses power, can only leave an
// unfinished batch behind, which nobody was told of; whoever wants to look at a state that another
// process holds reads up to the last root, without a lock; and saving costs one write and one fsync
// for what is new. That is why this is no database: bbolt, the alternative, would reuse pages beneath
// such a reader, lock it out, and sync twice for each save.
//
// What no root reaches any more is left behind when the file has grown to several times what is in
// use: then what is, is copied to a new file, which takes the old one's place by a rename.
package keep

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/dockerlab/dockerlab/sim"
	"github.com/dockerlab/dockerlab/sim/blob"
	"github.com/dockerlab/dockerlab/sim/catalog"
)

// The names in a state directory.
const (
	fileName = "lab"
	lockName = "lock"
)

// LockedError says that another process works on the state.
type LockedError struct {
	Dir string
	Pid string // of the process, if it said so
}

func (e *LockedError) Error() string {
	if e.Pid == "" {
		return fmt.Sprintf("the lab in %s is in use by another dockerlab", e.Dir)
	}
	return fmt.Sprintf("the lab in %s is in use by another dockerlab (process %s)", e.Dir, e.Pid)
}

// VersionError says that the state is of a form that this program does not read.
type VersionError struct {
	File    string
	Version uint32
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s is of version %d, and this dockerlab reads version %d; it was left as it is", e.File, e.Version, version)
}

// DamagedError says that the state is not what was written. Nothing was changed.
type DamagedError struct {
	File   string
	Offset int64
	What   string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s is damaged at byte %d: %s; it was left as it is", e.File, e.Offset, e.What)
}

// Dir is a state directory that this process works on. It is a sim.Store, and safe for concurrent
// use.
type Dir struct {
	path string
	lock *os.File

	mu   sync.RWMutex
	log  *log
	root blob.Ref
	err  error // a write failed: what is in the file then, only opening it anew tells
}

var _ sim.Store = (*Dir)(nil)

// Open opens a state directory to work on, and makes it where there is none. The error is a
// *LockedError, *VersionError, *DamagedError, or one of the file system.
func Open(dir string) (*Dir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the lab's state: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, lockName))
	if err != nil {
		var held *LockedError
		if errors.As(err, &held) {
			held.Dir = dir
			return nil, held
		}
		return nil, fmt.Errorf("opening the lab's state: %w", err)
	}
	d := &Dir{path: dir, lock: lock}
	if err := d.open(); err != nil {
		lock.Close()
		return nil, fmt.Errorf("opening the lab's state: %w", err)
	}
	return d, nil
}

func (d *Dir) open() error {
	file := filepath.Join(d.path, fileName)
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = create(file, func(*os.File) error { return nil }, func() {})
	}
	if err != nil {
		return err
	}
	l, root, err := openLog(f)
	if err == nil {
		err = l.trim()
	}
	if err != nil {
		f.Close()
		return err
	}
	d.log, d.root = l, root
	return nil
}

// create makes a file with a header and what fill writes, whole or not at all, and opens it. It takes
// the place of one that is there, which ready has let go of.
func create(file string, fill func(*os.File) error, ready func()) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(file), fileName+".new-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	err = writeHeader(f)
	if err == nil {
		err = fill(f)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, err
	}
	ready()
	if err := os.Rename(f.Name(), file); err != nil {
		return nil, err
	}
	if err := syncDir(filepath.Dir(file)); err != nil {
		return nil, err
	}
	return os.OpenFile(file, os.O_RDWR, 0)
}

// syncDir makes a rename last. Where a directory cannot be opened, the system sees to it.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	d.Sync()
	return nil
}

// Root is what was committed last; the zero Ref in a new directory.
func (d *Dir) Root() blob.Ref {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.root
}

// Get gives a blob.
func (d *Dir) Get(r blob.Ref) (blob.Blob, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.log.get(r)
}

// Has says whether a blob is there.
func (d *Dir) Has(r blob.Ref) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.log.has(r)
}

// Put keeps a blob, which lasts from the next Commit on.
func (d *Dir) Put(b blob.Blob) (blob.Ref, error) {
	r := b.Ref()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil || d.log.has(r) {
		return r, d.err
	}
	for _, child := range b.Refs {
		if !d.log.has(child) {
			return r, &blob.MissingError{Ref: child}
		}
	}
	d.err = d.log.put(r, b)
	return r, d.err
}

// Commit makes a blob the root. When it returns, that, and all that it reaches, outlasts the process
// and the machine. What no root reaches may be forgotten then.
func (d *Dir) Commit(root blob.Ref) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return d.err
	}
	if !d.log.has(root) {
		return &blob.MissingError{Ref: root}
	}
	if d.err = d.log.commit(root); d.err != nil {
		d.err = fmt.Errorf("saving the lab's state: %w", d.err)
		return d.err
	}
	d.root = root
	if d.log.wasteful() {
		d.err = d.compact()
	}
	return nil
}

// compact copies what the root reaches to a new file. Where that fails, for want of space say, the
// old one goes on growing.
func (d *Dir) compact() error {
	file := filepath.Join(d.path, fileName)
	old := d.log
	let := false
	f, err := create(file, func(f *os.File) error {
		fresh, _, err := openLog(f)
		if err == nil {
			err = old.copyTo(fresh, d.root)
		}
		return err
	}, func() { let = true; old.f.Close() })
	if err != nil && !let {
		return nil
	}
	if err != nil { // whichever of the two files is there now
		if f, err = os.OpenFile(file, os.O_RDWR, 0); err != nil {
			return err
		}
	}
	d.log, _, err = openLog(f)
	return err
}

// Close lets others work on the state. What was put and not committed is forgotten.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = fs.ErrClosed
	}
	err := d.log.f.Close()
	if lerr := d.lock.Close(); err == nil {
		err = lerr
	}
	return err
}

// reading is a state directory that is only looked at.
type reading struct{ log *log }

func (r reading) Get(ref blob.Ref) (blob.Blob, error) { return r.log.get(ref) }

// ErrNone says that a directory holds no state.
var ErrNone = errors.New("no lab was kept there")

// Read gives the state that was last kept in a directory, whether or not some dockerlab works on it
// at this moment, and changes nothing there. Its images are State.Engine.Images; a container's
// record has its write layer (Files) and what that lies on (Base). registry is what the state's
// catalogue layers come from; nil is the one that is built in. The state reads contents from the
// directory when they are wanted, until close is called. The error is ErrNone where there is nothing
// to read, and otherwise as of Open.
func Read(dir string, registry *catalog.Registry) (s *sim.State, close func() error, err error) {
	f, err := os.Open(filepath.Join(dir, fileName))
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNone
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the lab in %s: %w", dir, err)
	}
	l, root, err := openLog(f)
	if err == nil && root.IsZero() {
		err = ErrNone
	}
	if err == nil {
		s, err = sim.ReadKept(reading{l}, root, sim.Options{Registry: registry})
	}
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("reading the lab in %s: %w", dir, err)
	}
	return s, f.Close, nil
}
