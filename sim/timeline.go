package sim

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dockerlab/dockerlab/sim/blob"
	"github.com/dockerlab/dockerlab/sim/catalog"
	"github.com/dockerlab/dockerlab/sim/container"
)

// Store keeps blobs, and the name of one of them, the root, from which all that is to last can be
// reached.
type Store interface {
	blob.Store
	// Root is the root; the zero Ref before the first Commit.
	Root() blob.Ref
	// Commit makes a blob the root, whole or not at all. When it returns, that, and all that can be
	// reached from it, outlasts the process; the rest may be forgotten.
	Commit(root blob.Ref) error
}

// Timeline is a lab with its past: the states that undo and redo lead to, and those that were given
// names. A state is a value, so that each of them costs a pointer. With a Store, lab and past outlast
// the process: what has happened before a call of Save is kept when it returns, and everything else
// within a second.
type Timeline struct {
	store   Store // nil: nothing is kept
	options Options

	saving sync.Mutex // one save at a time; outside of mu
	writer *blob.Writer

	mu      sync.Mutex
	lab     *Lab
	kept    past             // what was committed last
	savedOf *container.State // the engine's records then
	past    past
	begun   *State // before the command that runs
	err     error  // of a save in the background

	stop chan struct{}
	done sync.WaitGroup
}

// past is a lab's states, and which it is in. It is immutable.
type past struct {
	label string // what the lab is used for; a lesson
	now   *State
	undo  []*moment // the last one done is the last
	redo  []*moment // the last one undone is the last
	names []*moment // by name
}

// moment is a state to go back to. One that was read from a store is opened when it is wanted.
type moment struct {
	what string // the command that came after it, or its name
	at   time.Time
	open func() (*State, error)
	ref  blob.Ref // where it was kept, of one that was read
}

// undoKept is how many commands can be undone.
const undoKept = 50

// saveEvery is how soon at the latest what running processes write is kept.
const saveEvery = 500 * time.Millisecond

// NewTimeline begins a timeline of labs that are made with o; nil keeps nothing.
func NewTimeline(store Store, o Options) (*Timeline, error) {
	if o.Registry == nil {
		o.Registry = catalog.Open()
	}
	t := &Timeline{store: store, options: o, stop: make(chan struct{})}
	if store == nil {
		return t, nil
	}
	t.writer = &blob.Writer{Store: store, Memo: &blob.Memo{}}
	if root := store.Root(); !root.IsZero() {
		var err error
		if t.past, err = t.read(store, root); err != nil {
			return nil, fmt.Errorf("reading the lab that was kept: %w", err)
		}
		t.kept = t.past
	}
	t.done.Go(func() {
		tick := time.NewTicker(saveEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if err := t.Save(); err != nil {
					t.mu.Lock()
					t.err = err
					t.mu.Unlock()
				}
			case <-t.stop:
				return
			}
		}
	})
	return t, nil
}

// State is the lab as it was kept; nil where there was none.
func (t *Timeline) State() *State {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.past.now
}

// Label is what Follow was told that the lab is used for.
func (t *Timeline) Label() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.past.label
}

// Follow makes the timeline go on with a lab, which takes the place of the one before. Where that was
// used for the same, as the label tells, the move can be undone, by the name of what; where not, all
// that was done before cannot any more. Named states stay in either case.
func (t *Timeline) Follow(l *Lab, label, what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case label != t.past.label:
		t.past.undo, t.past.redo = nil, nil
	case t.lab != nil:
		t.past.undo, t.past.redo = push(t.past.undo, t.moment(what, t.lab.State())), nil
	}
	t.lab, t.past.label, t.begun = l, label, nil
}

// Save keeps what has happened in the lab. Where nothing has, it costs no more than a look.
func (t *Timeline) Save() error {
	if t.store == nil {
		return nil
	}
	t.saving.Lock()
	defer t.saving.Unlock()
	t.mu.Lock()
	lab := t.lab
	t.mu.Unlock()
	if lab == nil {
		return nil
	}
	records := lab.engine.State() // before the rest: what comes between is saved once more
	state := lab.State()
	t.mu.Lock()
	if t.lab != lab {
		t.mu.Unlock()
		return nil // it has been left meanwhile
	}
	t.past.now = state
	p := t.past
	same := p.same(t.kept)
	if same {
		t.savedOf = records
	}
	t.mu.Unlock()
	if same {
		return nil
	}
	root, err := t.write(p)
	if err == nil {
		err = t.store.Commit(root)
	}
	if err != nil {
		return fmt.Errorf("keeping the lab: %w", err)
	}
	t.mu.Lock()
	t.kept, t.savedOf = p, records
	t.mu.Unlock()
	return nil
}

func (p past) same(o past) bool {
	return p.label == o.label && p.now == o.now && slices.Equal(p.undo, o.undo) && slices.Equal(p.redo, o.redo) && slices.Equal(p.names, o.names)
}

// Close saves and ends the saving in the background. The error is also of saves that failed before.
func (t *Timeline) Close() error {
	select {
	case <-t.stop:
		return nil
	default:
	}
	close(t.stop)
	t.done.Wait()
	err := t.Save()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lab = nil
	if err == nil {
		err = t.err
	}
	return err
}

// Begin notes that somebody begins to do something; Done, that it has been done, and what it was. What
// has changed the lab can be undone. Done saves.
func (t *Timeline) Begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lab != nil {
		t.begun = t.lab.State()
	}
}

// Done is the end of what Begin began.
func (t *Timeline) Done(what string) error {
	t.mu.Lock()
	if t.lab != nil && t.begun != nil && t.lab.State().Differs(t.begun) {
		t.past.undo = push(t.past.undo, t.moment(what, t.begun))
		t.past.redo = nil
	}
	t.begun = nil
	t.mu.Unlock()
	return t.Save()
}

func (t *Timeline) moment(what string, s *State) *moment {
	return &moment{what: what, at: time.Now().UTC(), open: func() (*State, error) { return s, nil }}
}

// push adds a moment to a list, which is not changed, and forgets the oldest of too many.
func push(list []*moment, m *moment) []*moment {
	return append(slices.Clone(list[max(0, len(list)+1-undoKept):]), m)
}

// Moved is how the timeline has moved.
type Moved struct {
	What  string // the command that was undone or is done again, or the name of the state
	Again []container.Again
}

var errNoLab = errors.New("there is no lab")

// What can be in the way of moving, besides a *NoSnapshotError.
var (
	ErrNothingToUndo = errors.New("there is nothing to undo")
	ErrNothingToRedo = errors.New("there is nothing to do again")
)

// NoSnapshotError says that no state has that name.
type NoSnapshotError struct{ Name string }

func (e *NoSnapshotError) Error() string { return fmt.Sprintf("there is no snapshot %q", e.Name) }

// Undo goes back to before the last command that changed the lab. Containers that ran then are started
// anew from their command, but for those that run now as they did then.
func (t *Timeline) Undo() (Moved, error) {
	return t.move(func(p *past, now *State) (*moment, error) {
		m, rest := pop(p.undo)
		if m == nil {
			return nil, ErrNothingToUndo
		}
		p.undo, p.redo = rest, push(p.redo, t.moment(m.what, now))
		return m, nil
	})
}

// Redo goes forward again to where Undo came from.
func (t *Timeline) Redo() (Moved, error) {
	return t.move(func(p *past, now *State) (*moment, error) {
		m, rest := pop(p.redo)
		if m == nil {
			return nil, ErrNothingToRedo
		}
		p.redo, p.undo = rest, push(p.undo, t.moment(m.what, now))
		return m, nil
	})
}

func pop(list []*moment) (*moment, []*moment) {
	if len(list) == 0 {
		return nil, nil
	}
	return list[len(list)-1], list[: len(list)-1 : len(list)-1]
}

// Restore goes to the state of that name. It can be undone.
func (t *Timeline) Restore(name string) (Moved, error) {
	return t.move(func(p *past, now *State) (*moment, error) {
		for _, m := range p.names {
			if m.what == name {
				p.undo, p.redo = push(p.undo, t.moment("restore "+name, now)), nil
				return m, nil
			}
		}
		return nil, &NoSnapshotError{name}
	})
}

func (t *Timeline) move(choose func(p *past, now *State) (*moment, error)) (Moved, error) {
	t.saving.Lock() // nobody is to keep a lab that is half here, half there
	t.mu.Lock()
	p, lab := t.past, t.lab
	if lab == nil {
		t.mu.Unlock()
		t.saving.Unlock()
		return Moved{}, errNoLab
	}
	m, err := choose(&p, lab.State())
	var s *State
	if err == nil {
		s, err = m.open()
	}
	if err != nil {
		t.mu.Unlock()
		t.saving.Unlock()
		return Moved{}, err
	}
	t.past, t.begun = p, nil
	t.mu.Unlock()
	again := lab.Restore(s)
	t.saving.Unlock()
	return Moved{m.what, again}, t.Save()
}

// Snapshot gives the lab as it is now a name, of which it is the last that counts.
func (t *Timeline) Snapshot(name string) error {
	t.mu.Lock()
	if t.lab == nil {
		t.mu.Unlock()
		return errNoLab
	}
	m := t.moment(name, t.lab.State())
	names := slices.DeleteFunc(slices.Clone(t.past.names), func(o *moment) bool { return o.what == name })
	t.past.names = append(names, m)
	slices.SortFunc(t.past.names, func(a, b *moment) int { return a.at.Compare(b.at) })
	t.mu.Unlock()
	return t.Save()
}

// Snapshot is a state that has a name.
type Snapshot struct {
	Name string
	At   time.Time
}

// Snapshots lists the states that have names, the oldest first.
func (t *Timeline) Snapshots() []Snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []Snapshot
	for _, m := range t.past.names {
		list = append(list, Snapshot{m.what, m.at})
	}
	return list
}

// write writes a past, its states included.
func (t *Timeline) write(p past) (blob.Ref, error) {
	var e blob.Encoder
	e.String(p.label)
	now, err := p.now.Keep(t.writer)
	if err != nil {
		return now, err
	}
	e.Ref(now)
	for _, list := range [][]*moment{p.undo, p.redo, p.names} {
		e.Uint(uint64(len(list)))
		for _, m := range list {
			r := m.ref
			if r.IsZero() || !t.store.Has(r) {
				s, err := m.open()
				if err == nil {
					r, err = s.Keep(t.writer)
				}
				if err != nil {
					return r, err
				}
			}
			e.String(m.what)
			e.Time(m.at)
			e.Ref(r)
		}
	}
	return e.Put(t.writer)
}

func (t *Timeline) read(src blob.Source, root blob.Ref) (past, error) {
	d, err := blob.Open(src, root)
	if err != nil {
		return past{}, err
	}
	p := past{label: d.String()}
	now := d.Ref()
	o := t.options
	for _, list := range []*[]*moment{&p.undo, &p.redo, &p.names} {
		for n := d.Count(); n > 0; n-- {
			m := &moment{what: d.String(), at: d.Time(), ref: d.Ref()}
			m.open = sync.OnceValues(func() (*State, error) { return readState(src, m.ref, t.writer, o) })
			*list = append(*list, m)
		}
	}
	if err := d.End(); err != nil {
		return past{}, err
	}
	p.now, err = readState(src, now, t.writer, o)
	o.State = p.now // with which the others share
	return p, err
}

// ReadKept reads the state that a Timeline kept last, from the root of its store.
func ReadKept(src blob.Source, root blob.Ref, o Options) (*State, error) {
	t := &Timeline{options: o}
	p, err := t.read(src, root)
	return p.now, err
}
