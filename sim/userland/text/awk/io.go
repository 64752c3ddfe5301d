package awk

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/posixre"
)

// output finds or opens where print goes.
func (in *interp) output(mode, name string) io.Writer {
	if mode == "" {
		return in.h.Stdout()
	}
	switch name {
	case "/dev/stdout", "-":
		return in.h.Stdout()
	case "/dev/stderr":
		if in.d == Busybox {
			in.h.Flush()
		}
		return in.h.Stderr()
	}
	if s := in.streams[name]; s != nil && s.w != nil {
		return s.w
	}
	if mode == "|" {
		in.h.Flush()
		p, err := in.h.Command(name, true)
		if err != nil {
			in.die("cannot open \"%s\" for output (%v)", name, err)
		}
		return in.keep(name, &stream{w: bufio.NewWriter(p), c: p, pipe: p}).w
	}
	if name == "" {
		if in.d == Busybox {
			in.die("can't open '': %v", linux.ENOENT)
		}
	}
	f, err := in.h.OpenWrite(name, mode == ">>")
	if err != nil {
		if in.d == Busybox {
			in.die("can't open '%s': %v", name, err)
		}
		in.die("cannot open \"%s\" for output (%v)", name, err)
	}
	return in.keep(name, &stream{w: bufio.NewWriter(f), c: f}).w
}

func (in *interp) keep(name string, s *stream) *stream {
	if in.streams[name] == nil {
		in.order = append(in.order, name)
	}
	in.streams[name] = s
	return s
}

// close closes a file or command and gives close's value.
func (in *interp) close(name string) float64 {
	s := in.streams[name]
	if s == nil {
		if in.d == Busybox {
			return 0
		}
		return -1
	}
	delete(in.streams, name)
	for i, n := range in.order {
		if n == name {
			in.order = append(in.order[:i:i], in.order[i+1:]...)
			break
		}
	}
	return s.close()
}

func (s *stream) close() float64 {
	if s.w != nil {
		s.w.Flush()
	}
	s.c.Close()
	if s.pipe != nil {
		return s.pipe.Status()
	}
	return 0
}

// closeAll ends the program's streams in the order in which they were opened.
func (in *interp) closeAll() {
	in.h.Flush()
	for _, n := range in.order {
		if s := in.streams[n]; s != nil {
			s.close()
		}
	}
	in.streams, in.order = map[string]*stream{}, nil
}

// flushAll sends out what all streams hold back.
func (in *interp) flushAll() {
	in.h.Flush()
	for _, n := range in.order {
		if s := in.streams[n]; s != nil && s.w != nil {
			s.w.Flush()
		}
	}
}

// recordReader cuts a stream into records.
type recordReader struct {
	r   *bufio.Reader
	c   io.Closer
	buf []byte
	end bool
}

func newRecordReader(r io.ReadCloser) *recordReader {
	return &recordReader{r: bufio.NewReaderSize(r, 4096), c: r}
}

// more reads on; false at the end.
func (r *recordReader) more(in *interp) (bool, error) {
	if r.end {
		return false, nil
	}
	if len(r.buf) > maxString {
		in.die("out of memory")
	}
	// What is buffered comes first, then one read: a terminal's or pipe's line must not wait.
	b, err := r.r.Peek(1)
	if err != nil {
		r.end = true
		if err == io.EOF {
			err = nil
		}
		return false, err
	}
	n := r.r.Buffered()
	b, _ = r.r.Peek(n)
	r.buf = append(r.buf, b...)
	r.r.Discard(n)
	return true, nil
}

// read gives the next record.
func (r *recordReader) read(in *interp) (rec string, ok bool, err error) {
	rs := in.str(in.globals[vRS].v)
	in.h.Step(1)
	if rs == "" { // paragraphs
		for {
			r.buf = bytes.TrimLeft(r.buf, "\n")
			if len(r.buf) > 0 {
				break
			}
			more, err := r.more(in)
			if err != nil || !more {
				return "", false, err
			}
		}
		for {
			if i := bytes.Index(r.buf, []byte("\n\n")); i >= 0 {
				rec = string(r.buf[:i])
				r.buf = r.buf[i+2:]
				return rec, true, nil
			}
			if more, err := r.more(in); err != nil || !more {
				rec = strings.TrimSuffix(string(r.buf), "\n")
				r.buf = nil
				return rec, true, err
			}
		}
	}
	var re *posixre.Regexp
	if len(rs) > 1 {
		re = in.dynamic(rs)
	}
	searched := 0
	for {
		b, e := -1, -1
		if re == nil {
			if i := bytes.IndexByte(r.buf[searched:], rs[0]); i >= 0 {
				b, e = searched+i, searched+i+1
			}
			searched = len(r.buf)
		} else if loc := re.Match(r.buf, 0, 0, 0, in.h.Step); loc != nil && loc[1] > loc[0] {
			if loc[1] < len(r.buf) || r.end {
				b, e = loc[0], loc[1]
			}
		}
		if b >= 0 {
			rec = string(r.buf[:b])
			in.endedBy(r.buf[b:e])
			r.buf = r.buf[e:]
			in.h.Step(len(rec) / 64)
			return rec, true, nil
		}
		more, err := r.more(in)
		if err != nil {
			return "", false, err
		}
		if !more {
			if re != nil && len(r.buf) > 0 {
				if loc := re.Match(r.buf, 0, 0, 0, in.h.Step); loc != nil && loc[1] > loc[0] {
					rec = string(r.buf[:loc[0]])
					in.endedBy(r.buf[loc[0]:loc[1]])
					r.buf = r.buf[loc[1]:]
					return rec, true, nil
				}
			}
			if len(r.buf) == 0 {
				return "", false, nil
			}
			rec = string(r.buf)
			r.buf = nil
			if re != nil {
				rec = strings.TrimSuffix(rec, "\n")
			}
			in.endedBy(nil)
			return rec, true, nil
		}
	}
}

// endedBy keeps what stood between a record and the next.
func (in *interp) endedBy(separator []byte) {
	if in.d == Busybox {
		in.globals[vRT].v = text(string(separator))
	}
}

// openNext opens the next file of ARGV, carrying out assignments on the way.
func (in *interp) openNext() bool {
	for {
		argc := int(in.globals[vARGC].v.num(in.d))
		if in.args >= argc {
			if in.opened {
				return false
			}
			in.opened = true
			f, err := in.h.OpenRead("-")
			if err != nil {
				return false
			}
			in.main = newRecordReader(f)
			in.globals[vFILENAME].v = text("-")
			return true
		}
		key := strconv.Itoa(in.args)
		in.args++
		arr := in.globals[vARGV].arr
		if !arr.has(key) {
			continue
		}
		name := in.str(*arr.get(key))
		if name == "" || in.assignment(name) {
			continue
		}
		in.opened = true
		f, err := in.h.OpenRead(name)
		if err != nil {
			if in.d == Busybox {
				in.die("%s: %v", name, err)
			}
			in.die("cannot open %s (%v)", name, err)
		}
		in.main = newRecordReader(f)
		in.globals[vFILENAME].v = input(name)
		in.globals[vFNR].v = number(0)
		return true
	}
}

// nextRecord reads from the main input.
func (in *interp) nextRecord() (string, bool) {
	for {
		if in.done {
			return "", false
		}
		if in.main == nil && !in.openNext() {
			in.done = true
			return "", false
		}
		rec, ok, err := in.main.read(in)
		if err != nil {
			if in.d == Mawk {
				in.die("read error (%v)", err)
			}
		}
		if ok {
			in.globals[vNR].v = number(in.globals[vNR].v.num(in.d) + 1)
			in.globals[vFNR].v = number(in.globals[vFNR].v.num(in.d) + 1)
			return rec, true
		}
		in.nextFile()
	}
}

func (in *interp) nextFile() {
	if in.main != nil {
		in.main.c.Close()
		in.main = nil
	}
}

func (in *interp) readMain() bool {
	rec, ok := in.nextRecord()
	if ok {
		in.setLine(rec)
	}
	return ok
}

// getline gives 1, 0 at the end, -1 on an error.
func (in *interp) getline(x *getline) value {
	var rec string
	ok := false
	switch {
	case x.cmd == nil && x.file == nil:
		rec, ok = in.nextRecord()
		if !ok {
			return number(0)
		}
	default:
		var name string
		if x.cmd != nil {
			name = in.str(in.eval(x.cmd))
		} else {
			name = in.str(in.eval(x.file))
		}
		s := in.streams[name]
		if s == nil || s.r == nil {
			in.flushAll()
			s = &stream{}
			if x.cmd != nil {
				p, err := in.h.Command(name, false)
				if err != nil {
					return number(-1)
				}
				s.pipe, s.c, s.r = p, p, newRecordReader(p)
			} else {
				f, err := in.h.OpenRead(name)
				if err != nil {
					if errno, ok := err.(linux.Errno); ok && in.d == Busybox {
						in.globals[vERRNO].v = number(float64(errno))
					}
					return number(-1)
				}
				s.c, s.r = f, newRecordReader(f)
			}
			in.keep(name, s)
		}
		var err error
		rec, ok, err = s.r.read(in)
		if err != nil {
			if in.d == Mawk {
				in.die("read error (%v)", err)
			}
			return number(-1)
		}
		if !ok {
			return number(0)
		}
	}
	if x.target != nil {
		in.store(x.target, input(rec))
	} else {
		in.setLine(rec)
	}
	return number(1)
}
