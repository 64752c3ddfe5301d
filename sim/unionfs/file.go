package unionfs

import (
	"bytes"
	"io"

	"github.com/dockerlab/dockerlab/sim/internal/radix"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/linux"
)

const (
	pageBits = 12
	pageSize = 1 << pageBits
	// maxFile is the largest file that there can be, as on ext4.
	maxFile = 16<<40 - pageSize
)

// file is the content of a file that was written to in an upper: pages where there were writes,
// over what was copied up. The file system whose mark it bears may change it; bearing another
// one, it is a layer's or a snapshot's, and is copied first, which copies no page.
type file struct {
	by    radix.Mark
	size  int64
	base  layer.Content // what shows where there is no page, as far as baseLen; then zeros
	below int64         // baseLen: how much of base has been left by truncation
	first page          // page 0: most files have no other
	rest  radix.Array[page]
	held  int64 // bytes that the pages take in memory
	extra int64 // pages beyond those that base takes room for
}

// page is up to pageSize bytes; those that are missing at its end are zeros. The zero page is none:
// there was no write.
type page struct {
	by   radix.Mark
	data []byte    // not nil where there is a page
	away *pageAway // where the data lies until it is wanted; nil: it is here
}

// page gives page i, nil where there is none.
func (f *file) page(i uint64) *page {
	switch {
	case i > 0:
		return f.rest.Get(i)
	case f.first.none():
		return nil
	}
	return &f.first
}

func (f *file) setPage(i uint64, p page) {
	if i == 0 {
		f.first = p
		return
	}
	q := p
	f.rest.Set(f.by, i, &q)
}

func (p *page) none() bool { return p.data == nil && p.away == nil }

// zero says that the page is one of zeros, which takes room on the disk and no memory.
func (p *page) zero() bool { return p.away == nil && len(p.data) == 0 }

// bytes are what the page holds. They may be written to where data may.
func (p *page) bytes() ([]byte, error) {
	if p.away != nil {
		return p.away.fetch()
	}
	return p.data, nil
}

// room is the memory that the page takes, or will when it is wanted.
func (p *page) room() int64 {
	if p.away != nil {
		return int64(p.away.cap)
	}
	return int64(cap(p.data))
}

// zeroPage stands for pages of zeros that were written. It bears no one's mark, so nothing writes to it.
var zeroPage = page{data: []byte{}}

var zeros [pageSize]byte

func pagesOf(size int64) int64 { return (size + pageSize - 1) >> pageBits }

// Size is the length in bytes.
func (f *file) Size() int64 { return f.size }

// ReadAt reads as io.ReaderAt says.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.size {
		return 0, io.EOF
	}
	var end error
	if int64(len(p)) > f.size-off {
		p, end = p[:f.size-off], io.EOF
	}
	total := len(p)
	for len(p) > 0 {
		in := int(off & (pageSize - 1))
		n := min(len(p), pageSize-in)
		if pg := f.page(uint64(off >> pageBits)); pg != nil {
			data, err := pg.bytes()
			if err != nil {
				return total - len(p), err
			}
			m := 0
			if in < len(data) {
				m = copy(p[:n], data[in:])
			}
			clear(p[m:n])
		} else if err := f.readBase(p[:n], off); err != nil {
			return total - len(p), err
		}
		p, off = p[n:], off+int64(n)
	}
	return total, end
}

// readBase fills p with what is there without pages.
func (f *file) readBase(p []byte, off int64) error {
	n := int(max(0, min(int64(len(p)), f.below-off)))
	clear(p[n:])
	if n == 0 {
		return nil
	}
	if m, err := f.base.ReadAt(p[:n], off); m < n {
		if err == nil || err == io.EOF {
			err = linux.EIO
		}
		return err
	}
	return nil
}

// blocks is how many 512-byte blocks the file takes on the disk.
func (f *file) blocks() int64 { return (pagesOf(f.below) + f.extra) * (pageSize / 512) }

// resources is where a file takes its memory and its room from.
type resources interface {
	// take asks for bytes of memory and pages of the disk, or gives them back where negative.
	take(bytes, pages int64) error
}

// writeAt writes p. Where it fails midway, n bytes have been written.
func (f *file) writeAt(r resources, p []byte, off int64) (n int, err error) {
	if off > maxFile-int64(len(p)) {
		return 0, linux.EFBIG
	}
	for len(p) > 0 {
		in := int(off & (pageSize - 1))
		m := min(len(p), pageSize-in)
		if err := f.writePage(r, uint64(off>>pageBits), in, p[:m]); err != nil {
			return n, err
		}
		n, p, off = n+m, p[m:], off+int64(m)
		f.size = max(f.size, off)
	}
	return n, nil
}

func (f *file) writePage(r resources, i uint64, in int, p []byte) error {
	old := f.page(i)
	var room, had int64
	if old == nil && int64(i) >= pagesOf(f.below) {
		room = 1
	}
	if old != nil {
		had = old.room()
	}
	if len(p) == pageSize && bytes.Equal(p, zeros[:]) {
		if err := r.take(-had, room); err != nil {
			return err
		}
		f.held -= had
		f.extra += room
		f.setPage(i, zeroPage)
		return nil
	}
	var have []byte // what the page holds now
	if old != nil {
		var err error
		if have, err = old.bytes(); err != nil {
			return err
		}
	} else if n := f.below - int64(i)<<pageBits; n > 0 {
		have = make([]byte, min(n, pageSize))
		if err := f.readBase(have, int64(i)<<pageBits); err != nil {
			return err
		}
	}
	need := max(len(have), in+len(p))
	if old != nil && old.by == f.by && cap(have) >= need {
		grown := have[:need]
		if in > len(have) {
			clear(grown[len(have):in])
		}
		copy(grown[in:], p)
		old.data = grown
		return nil
	}
	size := need
	if in > 0 || old != nil { // more will come: a page grows by doubling
		size = 64
		for size < need {
			size *= 2
		}
	}
	if err := r.take(int64(size)-had, room); err != nil {
		return err
	}
	data := make([]byte, need, size)
	copy(data, have)
	copy(data[in:], p)
	f.held += int64(cap(data)) - had
	f.extra += room
	f.setPage(i, page{by: f.by, data: data})
	return nil
}

// truncate makes the file size bytes long; what is new is a hole.
func (f *file) truncate(r resources, size int64) error {
	if size > maxFile {
		return linux.EFBIG
	}
	if size >= f.size {
		f.size = size
		return nil
	}
	var cut []byte // what the page holds that the end will be in
	if in := size & (pageSize - 1); in > 0 {
		if p := f.page(uint64(size >> pageBits)); p != nil {
			var err error
			if cut, err = p.bytes(); err != nil {
				return err
			}
		}
	}
	var held, pages int64
	keep := pagesOf(size)
	based := pagesOf(f.below)
	cutOff := func(i uint64, p *page) bool {
		held += p.room()
		if int64(i) >= based {
			pages++
		}
		return true
	}
	if keep == 0 && !f.first.none() {
		cutOff(0, &f.first)
		f.first = page{}
	}
	f.rest.From(uint64(keep), cutOff)
	f.rest.Truncate(f.by, uint64(keep))
	if in := int(size & (pageSize - 1)); len(cut) > in {
		last := uint64(size >> pageBits)
		data := append(make([]byte, 0, in), cut[:in]...)
		held += f.page(last).room() - int64(cap(data))
		f.setPage(last, page{by: f.by, data: data})
	}
	before := based + f.extra
	f.extra -= pages
	if f.below > size {
		f.below = size
		f.extra = 0
	}
	f.size = size
	f.held -= held
	return r.take(-held, pagesOf(f.below)+f.extra-before)
}
