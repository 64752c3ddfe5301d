package archive

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"path"
	"sort"
	"strconv"
	"strings"
)

// Sums are the checksums of an archive's entries, by cleaned names relative to its root. Of an entry
// that comes twice, the first counts.
type Sums map[string]string

// add ends the checksum of an entry; body goes through it.
func (s Sums) add(name string, sum hash.Hash, body io.Reader) error {
	if _, err := io.Copy(io.Discard, body); err != nil { // what of the entry nobody has read
		return err
	}
	name = path.Join(".", path.Join("/", name)) // relative to the root, which is "."
	if _, twice := s[name]; !twice {
		s[name] = hex.EncodeToString(sum.Sum(nil))
	}
	return nil
}

// newSum begins the checksum of an entry, "tarsum.v1" of the engine: SHA-256 of the header's fields,
// all but the time, and then of the content.
func newSum(h *tar.Header) hash.Hash {
	s := sha256.New()
	for _, field := range [][2]string{
		{"name", h.Name},
		{"mode", strconv.FormatInt(h.Mode, 10)},
		{"uid", strconv.Itoa(h.Uid)},
		{"gid", strconv.Itoa(h.Gid)},
		{"size", strconv.FormatInt(h.Size, 10)},
		{"typeflag", string([]byte{h.Typeflag})},
		{"linkname", h.Linkname},
		{"uname", h.Uname},
		{"gname", h.Gname},
		{"devmajor", strconv.FormatInt(h.Devmajor, 10)},
		{"devminor", strconv.FormatInt(h.Devminor, 10)},
	} {
		io.WriteString(s, field[0]+field[1])
	}
	const xattr = "SCHILY.xattr."
	var keys []string
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, xattr) {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	for _, k := range keys {
		io.WriteString(s, strings.TrimPrefix(k, xattr)+h.PAXRecords[k])
	}
	return s
}

// withoutNames is a header for the checksum of an archive's entry: there the names of owners do not
// count, since Go 1.10 began to write them.
func withoutNames(h *tar.Header) *tar.Header {
	c := *h
	c.Uname, c.Gname = "", ""
	return &c
}

// Sum is the checksum of a file that comes from no archive, as if h were its entry. The names of
// owners do count here.
func Sum(h *tar.Header, content io.Reader) (string, error) {
	s := newSum(h)
	if content != nil {
		if _, err := io.Copy(s, content); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(s.Sum(nil)), nil
}
