package files

import "encoding/hex"

// The code pages of dd, as tables from each byte to its counterpart: POSIX's two ways from ASCII to
// EBCDIC and the way back.
const (
	toEBCDIC = "00010203372d2e2f1605250b0c0d0e0f101112133c3d322618193f271c1d1e1f405a7f7b5b6c507d4d5d5c4e6b604b61f0f1f2f3f4f5f6f7f8f97a5e4c7e6e6f" +
		"7cc1c2c3c4c5c6c7c8c9d1d2d3d4d5d6d7d8d9e2e3e4e5e6e7e8e9ade0bd9a6d79818283848586878889919293949596979899a2a3a4a5a6a7a8a9c04fd05f07" +
		"202122232415061728292a2b2c090a1b30311a333435360838393a3b04143ee14142434445464748495152535455565758596263646566676869707172737475" +
		"767778808a8b8c8d8e8f906a9b9c9d9e9fa0aaabac4aaeafb0b1b2b3b4b5b6b7b8b9babbbca1bebfcacbcccdcecfdadbdcdddedfeaebecedeeeffafbfcfdfeff"
	toIBM = "00010203372d2e2f1605250b0c0d0e0f101112133c3d322618193f271c1d1e1f405a7f7b5b6c507d4d5d5c4e6b604b61f0f1f2f3f4f5f6f7f8f97a5e4c7e6e6f" +
		"7cc1c2c3c4c5c6c7c8c9d1d2d3d4d5d6d7d8d9e2e3e4e5e6e7e8e9ade0bd5f6d79818283848586878889919293949596979899a2a3a4a5a6a7a8a9c04fd0a107" +
		"202122232415061728292a2b2c090a1b30311a333435360838393a3b04143ee14142434445464748495152535455565758596263646566676869707172737475" +
		"767778808a8b8c8d8e8f909a9b9c9d9e9fa0aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfcacbcccdcecfdadbdcdddedfeaebecedeeeffafbfcfdfeff"
	toASCII = "000102039c09867f978d8e0b0c0d0e0f101112139d8508871819928f1c1d1e1f80818283840a171b88898a8b8c050607909116939495960498999a9b14159e1a" +
		"20a0a1a2a3a4a5a6a7a8d52e3c282b7c26a9aaabacadaeafb0b121242a293b7e2d2fb2b3b4b5b6b7b8b9cb2c255f3e3fbabbbcbdbebfc0c1c2603a2340273d22" +
		"c3616263646566676869c4c5c6c7c8c9ca6a6b6c6d6e6f7071725ecccdcecfd0d1e5737475767778797ad2d3d45bd6d7d8d9dadbdcdddedfe0e1e2e3e45de6e7" +
		"7b414243444546474849e8e9eaebeced7d4a4b4c4d4e4f505152eeeff0f1f2f35c9f535455565758595af4f5f6f7f8f930313233343536373839fafbfcfdfeff"
)

// recoder is what dd's conv= does to the bytes between input and output: code pages, and lines into
// records of cbs bytes or back.
type recoder struct {
	table          []byte // nil: bytes stay as they are
	block, unblock bool
	cbs            int64
	space, newline byte

	col       int64
	spaces    int64 // blanks held back by unblock
	truncated int64 // lines that were longer than a record
}

// newRecoder sets up the conversions that conv names; without cbs there are no records.
func newRecoder(conv map[string]bool, cbs int64) *recoder {
	r := &recoder{block: conv["block"], unblock: conv["unblock"], cbs: cbs, space: ' ', newline: '\n'}
	for name, table := range map[string]string{"ebcdic": toEBCDIC, "ibm": toIBM, "ascii": toASCII} {
		if conv[name] {
			r.table, _ = hex.DecodeString(table)
			r.block = r.block || name != "ascii"
			r.unblock = r.unblock || name == "ascii"
		}
	}
	if r.table != nil && !conv["ascii"] { // what is looked for has been recoded
		r.space, r.newline = r.table[' '], r.table['\n']
	}
	if cbs == 0 {
		r.block, r.unblock = false, false
	}
	return r
}

// idle says that nothing is to be done.
func (r *recoder) idle() bool { return r.table == nil && !r.block && !r.unblock }

// convert is what b becomes.
func (r *recoder) convert(b []byte) []byte {
	if r.table != nil {
		for i, ch := range b {
			b[i] = r.table[ch]
		}
	}
	if !r.block && !r.unblock {
		return b
	}
	var out []byte
	for _, ch := range b {
		if r.block {
			out = r.blocked(out, ch)
		} else {
			out = r.unblocked(out, ch)
		}
	}
	return out
}

func (r *recoder) blocked(out []byte, ch byte) []byte {
	switch {
	case ch == r.newline:
		for ; r.col < r.cbs; r.col++ {
			out = append(out, r.space)
		}
		r.col = 0
		return out
	case r.col < r.cbs:
		out = append(out, ch)
	case r.col == r.cbs:
		r.truncated++
	}
	r.col++
	return out
}

func (r *recoder) unblocked(out []byte, ch byte) []byte {
	if r.col == r.cbs {
		out = append(out, r.newline)
		r.col, r.spaces = 0, 0
	}
	r.col++
	if ch == r.space {
		r.spaces++
		return out
	}
	for ; r.spaces > 0; r.spaces-- {
		out = append(out, r.space)
	}
	return append(out, ch)
}

// rest is what comes behind the last byte.
func (r *recoder) rest() (out []byte) {
	switch {
	case r.block && r.col > 0:
		return r.blocked(nil, r.newline)
	case r.unblock && r.col > 0:
		return []byte{r.newline}
	}
	return nil
}
