package keep

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"slices"

	"github.com/dockerlab/dockerlab/sim/blob"
)

// The file's form. Numbers are little-endian; checksums are CRC-32C.
//
//	header:  magic 16, version 4, zeros 12
//	batch:   "lab " 4, flags 4, blobs 4 (bytes), count 4, checksum of these 4, zeros 4
//	         blobs: of each its refs, 32 each, and its data
//	         table: of each its ref 32, offset from the first 4, number of refs 4, length of data 4
//	         root 32, checksum of all since the batch's beginning 4
const (
	magic      = "dockerlab state\n"
	version    = 2 // of what is in the blobs as well
	headerSize = 32

	batchMagic  = "lab "
	batchHead   = 24
	batchTail   = refSize + 4
	entrySize   = refSize + 12
	refSize     = 32
	flagRoot    = 1
	batchTarget = 4 << 20 // bytes of blobs after which a batch is written out
	batchMost   = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func writeHeader(w io.Writer) error {
	h := make([]byte, headerSize)
	copy(h, magic)
	binary.LittleEndian.PutUint32(h[16:], version)
	_, err := w.Write(h)
	return err
}

// log is the file.
type log struct {
	f     *os.File
	index map[blob.Ref]place
	end   int64 // of the last batch that was written
	first int64 // the end of the first save: what was in use when the file was made
	saved int64 // the end of the last save
	cache cache

	// The batch in the making.
	blobs []byte
	table []byte
	count uint32
}

// place is where a blob lies: at off, beginning with its refs.
type place struct {
	off       int64
	refs, len uint32
}

// openLog reads the tables of a file, and gives the last root.
func openLog(f *os.File) (*log, blob.Ref, error) {
	var root blob.Ref
	head := make([]byte, headerSize)
	if _, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, root, err
	}
	if !bytes.HasPrefix(head, []byte(magic)) {
		return nil, root, &DamagedError{f.Name(), 0, "it is no state of a lab"}
	}
	if v := binary.LittleEndian.Uint32(head[16:]); v != version {
		return nil, root, &VersionError{f.Name(), v}
	}
	info, err := f.Stat()
	if err != nil {
		return nil, root, err
	}
	l := &log{f: f, index: map[blob.Ref]place{}, end: headerSize, saved: headerSize}
	s := scan{log: l, size: info.Size()}
	for {
		more, err := s.batch()
		if err != nil {
			return nil, root, err
		}
		if !more {
			break
		}
	}
	if s.root.IsZero() {
		return l, root, nil
	}
	return l, s.root, s.checkLast()
}

// scan goes through the batches of a file.
type scan struct {
	*log
	size int64
	root blob.Ref // of the last save
	last int64    // where its batch begins
}

// batch reads the next batch. It gives false at the end of the file, or before what was never
// finished: a beginning, or zeros that a file system put where nothing was written.
func (s *scan) batch() (more bool, err error) {
	left := s.size - s.end
	if left < batchHead {
		return false, nil
	}
	head := make([]byte, batchHead)
	if _, err := s.f.ReadAt(head, s.end); err != nil {
		return false, err
	}
	flags, blobs, count := binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[8:]), binary.LittleEndian.Uint32(head[12:])
	if string(head[:4]) != batchMagic || crc32.Checksum(head[:16], castagnoli) != binary.LittleEndian.Uint32(head[16:]) || blobs > batchMost || count > batchMost/entrySize {
		if s.zeros(s.end + batchHead) {
			return false, nil
		}
		return false, &DamagedError{s.f.Name(), s.end, "there should be a batch"}
	}
	size := batchHead + int64(blobs) + int64(count)*entrySize + batchTail
	if size > left {
		return false, nil
	}
	table := make([]byte, int64(count)*entrySize+batchTail)
	at := s.end + batchHead
	if _, err := s.f.ReadAt(table, at+int64(blobs)); err != nil {
		return false, err
	}
	tail := table[int64(count)*entrySize:]
	if flags&flagRoot != 0 {
		if tail[len(tail)-1] == 0 && s.zeros(s.end+size) && s.check(s.end, size) != nil {
			return false, nil
		}
		s.root, s.last, s.saved = blob.Ref(tail[:refSize]), s.end, s.end+size
		if s.first == 0 {
			s.first = s.saved
		}
	}
	for ; count > 0; count-- {
		p := place{at + int64(binary.LittleEndian.Uint32(table[refSize:])), binary.LittleEndian.Uint32(table[refSize+4:]), binary.LittleEndian.Uint32(table[refSize+8:])}
		if p.off+int64(p.refs)*refSize+int64(p.len) > at+int64(blobs) {
			return false, &DamagedError{s.f.Name(), at + int64(blobs), "a table speaks of what is not there"}
		}
		s.index[blob.Ref(table[:refSize])] = p
		table = table[entrySize:]
	}
	s.end += size
	return true, nil
}

// zeros says that nothing but zeros comes from off on.
func (s *scan) zeros(off int64) bool {
	buf := make([]byte, 64<<10)
	for off < s.size {
		n, err := s.f.ReadAt(buf[:min(int64(len(buf)), s.size-off)], off)
		if len(bytes.Trim(buf[:n], "\x00")) > 0 || err != nil {
			return false
		}
		off += int64(n)
	}
	return true
}

// check checks a batch whole.
func (s *scan) check(off, size int64) error {
	h := crc32.New(castagnoli)
	if _, err := io.Copy(h, io.NewSectionReader(s.f, off, size-4)); err != nil {
		return err
	}
	var sum [4]byte
	if _, err := s.f.ReadAt(sum[:], off+size-4); err != nil {
		return err
	}
	if h.Sum32() != binary.LittleEndian.Uint32(sum[:]) {
		return &DamagedError{s.f.Name(), off, "the last save is not what was written"}
	}
	return nil
}

// checkLast checks the last save; all before were on the disk when it began. The blobs of others are
// checked when they are read.
func (s *scan) checkLast() error {
	if err := s.check(s.last, s.saved-s.last); err != nil {
		return err
	}
	if _, ok := s.index[s.root]; !ok {
		return &DamagedError{s.f.Name(), s.last, "the last save has no root"}
	}
	return nil
}

// trim cuts off what comes after the last save.
func (l *log) trim() error {
	for r, p := range l.index {
		if p.off >= l.saved {
			delete(l.index, r)
		}
	}
	l.end = l.saved
	info, err := l.f.Stat()
	if err != nil || info.Size() == l.end {
		return err
	}
	return l.f.Truncate(l.end)
}

func (l *log) has(r blob.Ref) bool {
	_, ok := l.index[r]
	return ok
}

// get reads a blob and checks it.
func (l *log) get(r blob.Ref) (blob.Blob, error) {
	if b, ok := l.cache.get(r); ok {
		return b, nil
	}
	p, ok := l.index[r]
	if !ok {
		return blob.Blob{}, &blob.MissingError{Ref: r}
	}
	raw := make([]byte, int64(p.refs)*refSize+int64(p.len))
	if p.off >= l.end { // it is in the batch in the making
		copy(raw, l.blobs[p.off-l.end-batchHead:])
	} else if _, err := l.f.ReadAt(raw, p.off); err != nil {
		return blob.Blob{}, &blob.DamagedError{Ref: r, Err: err}
	}
	b := blob.Blob{Refs: make([]blob.Ref, p.refs)}
	for i := range b.Refs {
		b.Refs[i] = blob.Ref(raw[:refSize])
		raw = raw[refSize:]
	}
	b.Data = raw
	if b.Ref() != r {
		return blob.Blob{}, &blob.DamagedError{Ref: r, Err: &DamagedError{l.f.Name(), p.off, "a blob is not what was written"}}
	}
	l.cache.put(r, b)
	return b, nil
}

// put adds a blob to the batch in the making.
func (l *log) put(r blob.Ref, b blob.Blob) error {
	off := len(l.blobs)
	for _, child := range b.Refs {
		l.blobs = append(l.blobs, child[:]...)
	}
	l.blobs = append(l.blobs, b.Data...)
	l.table = append(l.table, r[:]...)
	for _, n := range []int{off, len(b.Refs), len(b.Data)} {
		l.table = binary.LittleEndian.AppendUint32(l.table, uint32(n))
	}
	l.count++
	l.index[r] = place{l.end + batchHead + int64(off), uint32(len(b.Refs)), uint32(len(b.Data))}
	if len(l.blobs) < batchTarget {
		return nil
	}
	return l.flush(blob.Ref{})
}

// flush writes the batch in the making.
func (l *log) flush(root blob.Ref) error {
	head := make([]byte, batchHead, batchHead+len(l.blobs)+len(l.table)+batchTail)
	copy(head, batchMagic)
	if !root.IsZero() {
		binary.LittleEndian.PutUint32(head[4:], flagRoot)
	}
	binary.LittleEndian.PutUint32(head[8:], uint32(len(l.blobs)))
	binary.LittleEndian.PutUint32(head[12:], l.count)
	binary.LittleEndian.PutUint32(head[16:], crc32.Checksum(head[:16], castagnoli))
	b := append(head, l.blobs...)
	b = append(b, l.table...)
	b = append(b, root[:]...)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	if _, err := l.f.WriteAt(b, l.end); err != nil {
		return err
	}
	l.end += int64(len(b))
	l.blobs, l.table, l.count = l.blobs[:0], l.table[:0], 0
	return nil
}

// commit writes what is left, and the root when all else is on the disk.
func (l *log) commit(root blob.Ref) error {
	if l.end > l.saved {
		if err := l.f.Sync(); err != nil {
			return err
		}
	}
	if err := l.flush(root); err != nil {
		return err
	}
	if err := l.f.Sync(); err != nil {
		return err
	}
	l.saved = l.end
	if l.first == 0 {
		l.first = l.saved
	}
	return nil
}

// wasteful says that most of the file is likely to be of no use.
func (l *log) wasteful() bool { return l.end > 3*l.first+16<<20 }

// copyTo copies what root reaches, in the order in which it lies there.
func (l *log) copyTo(to *log, root blob.Ref) error {
	live := map[blob.Ref]bool{root: true}
	for todo := []blob.Ref{root}; len(todo) > 0; {
		r := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		p, ok := l.index[r]
		if !ok {
			return &blob.MissingError{Ref: r}
		}
		refs := make([]byte, int64(p.refs)*refSize)
		if _, err := l.f.ReadAt(refs, p.off); err != nil {
			return err
		}
		for ; len(refs) > 0; refs = refs[refSize:] {
			if child := blob.Ref(refs[:refSize]); !live[child] {
				live[child] = true
				todo = append(todo, child)
			}
		}
	}
	order := make([]blob.Ref, 0, len(live))
	for r := range live {
		order = append(order, r)
	}
	slices.SortFunc(order, func(a, b blob.Ref) int { return cmp.Compare(l.index[a].off, l.index[b].off) })
	for _, r := range order {
		b, err := l.get(r)
		if err != nil {
			return err
		}
		if err := to.put(r, b); err != nil {
			return err
		}
	}
	return to.commit(root)
}
