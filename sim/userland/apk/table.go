package apk

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// buckets is the size of apk's table of names.
const buckets = 20000

// tabled puts names, in the order in which they came up, in the order of apk's table of them: by
// their hash, and in one bucket the last first. It is the order in which apk prints what matches a
// pattern.
func tabled(names []string) {
	type entry struct {
		name   string
		bucket uint32
	}
	entries := make([]entry, len(names))
	for i, name := range names {
		entries[i] = entry{name, hash(name) % buckets}
	}
	slices.Reverse(entries)
	slices.SortStableFunc(entries, func(a, b entry) int { return int(a.bucket) - int(b.bucket) })
	for i, e := range entries {
		names[i] = e.name
	}
}

// tabled are all packages in the order of their names.
func (db *database) tabled() []*candidate {
	var all []*candidate
	for _, name := range db.names() {
		for _, c := range db.providers(name) {
			if c.Name == name {
				all = append(all, c)
			}
		}
	}
	return all
}

// hash is MurmurHash3 of 32 bits.
func hash(s string) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	h := uint32(5381)
	mix := func(k uint32) uint32 { return bits.RotateLeft32(k*c1, 15) * c2 }
	b := []byte(s)
	for ; len(b) >= 4; b = b[4:] {
		h = bits.RotateLeft32(h^mix(binary.LittleEndian.Uint32(b)), 13)*5 + 0xe6546b64
	}
	if len(b) > 0 {
		var last [4]byte
		copy(last[:], b)
		h ^= mix(binary.LittleEndian.Uint32(last[:]))
	}
	h ^= uint32(len(s))
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}
