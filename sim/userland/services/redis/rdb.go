package redis

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
	"math"
	"path"
	"strconv"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// The RDB file format, version 10, as far as these types of values need it
// (https://rdb.fnordig.de/file_format.html).
const (
	rdbString   = 0
	rdbList     = 1
	rdbSet      = 2
	rdbHash     = 4
	rdbZset     = 5
	opAux       = 0xfa
	opResize    = 0xfb
	opExpireMs  = 0xfc
	opSelect    = 0xfe
	opEnd       = 0xff
	rdbMagic    = "REDIS0010"
	maxRdbBytes = 64 << 20
)

// jones is redis's CRC-64.
var jones = crc64.MakeTable(0x95ac9329ac4bc9b5)

// checksum is redis's: without the inversions that Go's package makes before and after.
func checksum(b []byte) uint64 { return ^crc64.Update(^uint64(0), jones, b) }

type rdbWriter struct{ b bytes.Buffer }

func (w *rdbWriter) length(n int) {
	switch {
	case n < 1<<6:
		w.b.WriteByte(byte(n))
	case n < 1<<14:
		w.b.Write([]byte{byte(n>>8) | 0x40, byte(n)})
	default:
		w.b.WriteByte(0x80)
		binary.Write(&w.b, binary.BigEndian, uint32(n))
	}
}

func (w *rdbWriter) string(s string) {
	w.length(len(s))
	w.b.WriteString(s)
}

func (w *rdbWriter) aux(k, v string) {
	w.b.WriteByte(opAux)
	w.string(k)
	w.string(v)
}

// save writes the snapshot: beside the old one first, and then in its place.
func (s *server) save() error {
	w := &rdbWriter{}
	w.b.WriteString(rdbMagic)
	w.aux("redis-ver", version)
	w.aux("redis-bits", "64")
	w.aux("ctime", strconv.FormatInt(s.now().Unix(), 10))
	for i, d := range s.dbs {
		if len(d) == 0 {
			continue
		}
		expires := 0
		for _, v := range d {
			if !v.expire.IsZero() {
				expires++
			}
		}
		w.b.WriteByte(opSelect)
		w.length(i)
		w.b.WriteByte(opResize)
		w.length(len(d))
		w.length(expires)
		for _, k := range keysOf(d) {
			w.entry(k, d[k])
		}
	}
	w.b.WriteByte(opEnd)
	sum := checksum(w.b.Bytes())
	binary.Write(&w.b, binary.LittleEndian, sum)
	c := &prog.Ctx{Proc: s.p}
	tmp := fmt.Sprintf("temp-%d.rdb", s.p.Pid())
	if err := c.WriteFile(tmp, w.b.Bytes(), 0o644); err != nil {
		s.log('#', fmt.Sprintf("Failed opening the temp RDB file %s (in server root dir %s) for saving: %v", tmp, s.conf["dir"], err))
		return err
	}
	if err := s.p.Rename(tmp, s.conf["dbfilename"]); err != nil {
		s.p.Unlink(tmp)
		s.log('#', fmt.Sprintf("Error moving temp DB file %s on the final destination %s (in server root dir %s): %v", tmp, s.conf["dbfilename"], s.conf["dir"], err))
		return err
	}
	s.log('*', "DB saved on disk")
	s.dirty, s.saved = 0, s.now()
	return nil
}

func (w *rdbWriter) entry(key string, v *value) {
	if !v.expire.IsZero() {
		w.b.WriteByte(opExpireMs)
		binary.Write(&w.b, binary.LittleEndian, uint64(v.expire.UnixMilli()))
	}
	switch x := v.v.(type) {
	case string:
		w.b.WriteByte(rdbString)
		w.string(key)
		w.string(x)
	case *list:
		w.b.WriteByte(rdbList)
		w.string(key)
		w.length(len(x.items))
		for _, i := range x.items {
			w.string(i)
		}
	case set:
		w.b.WriteByte(rdbSet)
		w.string(key)
		w.length(len(x))
		for _, m := range keysOf(x) {
			w.string(m)
		}
	case hash:
		w.b.WriteByte(rdbHash)
		w.string(key)
		w.length(len(x))
		for _, f := range keysOf(x) {
			w.string(f)
			w.string(x[f])
		}
	case zset:
		w.b.WriteByte(rdbZset)
		w.string(key)
		w.length(len(x))
		for _, m := range x.ranked() {
			w.string(m)
			binary.Write(&w.b, binary.LittleEndian, math.Float64bits(x[m]))
		}
	}
}

var errRdb = errors.New("Short read or OOM loading DB. Unrecoverable error, aborting now.")

// load reads the snapshot, and gives how many keys it holds; -1 where there is none.
func (s *server) load() (int, error) {
	c := &prog.Ctx{Proc: s.p}
	name := path.Join(s.conf["dir"], s.conf["dbfilename"])
	st, err := s.p.Stat(name)
	if err == linux.ENOENT {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	if st.Size > maxRdbBytes {
		return -1, errRdb
	}
	b, err := c.ReadFile(name)
	if err != nil {
		return -1, err
	}
	return parseRdb(b, s.dbs)
}

// parseRdb reads a snapshot into databases.
func parseRdb(b []byte, dbs []database) (n int, err error) {
	if len(b) < 9 || string(b[:5]) != "REDIS" {
		return 0, errors.New("Wrong signature trying to load DB from file")
	}
	r := &rdbReader{b: b[9:]}
	db := dbs[0]
	var expire time.Time
	for r.err == nil {
		switch op := r.byte(); op {
		case opAux:
			r.string()
			r.string()
		case opResize:
			r.length()
			r.length()
		case opSelect:
			i := r.length()
			if i >= len(dbs) {
				return n, errRdb
			}
			db = dbs[i]
		case opExpireMs:
			expire = time.UnixMilli(int64(binary.LittleEndian.Uint64(r.take(8)))).UTC()
		case opEnd:
			if sum := r.take(8); r.err == nil && binary.LittleEndian.Uint64(sum) != 0 && binary.LittleEndian.Uint64(sum) != checksum(b[:len(b)-len(r.b)-8]) {
				return n, errors.New("Wrong RDB checksum. Aborting now.")
			}
			return n, r.err
		case rdbString, rdbList, rdbSet, rdbHash, rdbZset:
			key := r.string()
			v := &value{expire: expire}
			expire = time.Time{}
			count := 0
			if op != rdbString {
				count = r.length()
			}
			switch op {
			case rdbString:
				v.v = r.string()
			case rdbList:
				l := &list{}
				for range count {
					if r.err != nil {
						break
					}
					l.items = append(l.items, r.string())
				}
				v.v = l
			case rdbSet:
				m := set{}
				for range count {
					if r.err != nil {
						break
					}
					m[r.string()] = struct{}{}
				}
				v.v = m
			case rdbHash:
				m := hash{}
				for range count {
					if r.err != nil {
						break
					}
					f := r.string()
					m[f] = r.string()
				}
				v.v = m
			case rdbZset:
				m := zset{}
				for range count {
					if r.err != nil {
						break
					}
					k := r.string()
					m[k] = math.Float64frombits(binary.LittleEndian.Uint64(r.take(8)))
				}
				v.v = m
			}
			if r.err == nil {
				db[key] = v
				n++
			}
		default:
			return n, errRdb
		}
	}
	return n, r.err
}

type rdbReader struct {
	b   []byte
	err error
}

// take gives the next n bytes; zeros, and an error, where there are fewer.
func (r *rdbReader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.err = errRdb
		r.b = nil
		return make([]byte, 8)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *rdbReader) byte() byte { return r.take(1)[0] }

func (r *rdbReader) length() int {
	switch c := r.byte(); c >> 6 {
	case 0:
		return int(c & 0x3f)
	case 1:
		return int(c&0x3f)<<8 | int(r.byte())
	default:
		if c != 0x80 {
			r.err = errRdb
			return 0
		}
		return int(binary.BigEndian.Uint32(r.take(4)))
	}
}

// string reads a string, or a small integer that stands for one.
func (r *rdbReader) string() string {
	if len(r.b) > 0 && r.b[0]>>6 == 3 {
		switch r.byte() & 0x3f {
		case 0:
			return strconv.Itoa(int(int8(r.byte())))
		case 1:
			return strconv.Itoa(int(int16(binary.LittleEndian.Uint16(r.take(2)))))
		case 2:
			return strconv.Itoa(int(int32(binary.LittleEndian.Uint32(r.take(4)))))
		}
		r.err = errRdb
		return ""
	}
	n := r.length()
	if r.err != nil || n > len(r.b) {
		r.err = errRdb
		return ""
	}
	return string(r.take(n))
}
