// Package elfnote is the mark by which the lab knows its programs.
//
// A program of a catalogue image is no machine code: the lab runs a Go function in its place. Its
// file is nevertheless a valid ELF executable, so that everything that looks at files (file, cmp,
// docker save into a real engine) sees one, and a note in it says which program it stands for:
//
//	+----------------+  0
//	| ELF header     |
//	| program headers|  PT_LOAD (all of this), PT_NOTE
//	| note           |  owner "dockerlab", type 1, text "ls\x00gnu\x00"
//	| code, message  |  writes that the file is simulated, exits 1
//	| section headers|  .note.dockerlab, .text, .shstrtab
//	+----------------+  under 1 KiB; then the catalogue's padding up to the real program's size
//
// Write makes such a head, Read finds the note again, in a copy of the file under any name.
package elfnote

import (
	"bytes"
	"encoding/binary"
	"strings"
)

const (
	owner    = "dockerlab" // the note's owner; on disk with its NUL
	noteType = 1

	headerSize  = 64
	programSize = 56 // of one program header
	sectionSize = 64 // of one section header
	base        = 0x400000

	ptLoad   = 1
	ptInterp = 3
	ptNote   = 4
)

// HeadSize is how many bytes of a file Read needs to find a note that Write made.
const HeadSize = 4096

// Write makes the head of the executable that stands for program, as the family of programs that
// it belongs to ("gnu", "busybox") has it. On a real Linux the bytes run: they print that the
// program is simulated and exit 1. Bytes may follow; nothing in the head depends on them.
func Write(program, family string) []byte { return write(program, family, "") }

// WriteDynamic is Write for a program that is linked with shared libraries: interp is the file that
// loads them, without which Linux does not run it.
func WriteDynamic(program, family, interp string) []byte { return write(program, family, interp) }

func write(program, family, interp string) []byte {
	desc := program + "\x00" + family + "\x00"
	message := program + ": a simulated program of dockerlab\n"

	var note bytes.Buffer
	le := binary.LittleEndian
	put := func(b *bytes.Buffer, v ...any) {
		for _, x := range v {
			binary.Write(b, le, x) // a bytes.Buffer and fixed-size values: cannot fail
		}
	}
	put(&note, uint32(len(owner)+1), uint32(len(desc)), uint32(noteType))
	note.WriteString(owner + "\x00")
	pad(&note, 4)
	note.WriteString(desc)
	pad(&note, 4)

	segments := 2
	interpSize := 0
	if interp != "" {
		segments, interpSize = 3, len(interp)+1
	}
	interpAt := headerSize + segments*programSize
	noteAt := align(interpAt+interpSize, 4)
	codeAt := align(noteAt+note.Len(), 16)
	const codeSize = 34
	messageAt := codeAt + codeSize
	names := "\x00.note." + owner + "\x00.text\x00.shstrtab\x00"
	namesAt := messageAt + len(message)
	sectionsAt := align(namesAt+len(names), 8)
	size := sectionsAt + 4*sectionSize

	var b bytes.Buffer
	b.WriteString("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00") // 64 bits, little-endian, System V
	put(&b, uint16(2), uint16(62), uint32(1))                                // ET_EXEC, EM_X86_64
	put(&b, uint64(base+codeAt), uint64(headerSize), uint64(sectionsAt))
	put(&b, uint32(0), uint16(headerSize), uint16(programSize), uint16(segments), uint16(sectionSize), uint16(4), uint16(3))

	if interp != "" {
		at, size := uint64(interpAt), uint64(interpSize)
		put(&b, uint32(ptInterp), uint32(4), at, base+at, base+at, size, size, uint64(1))
	}
	put(&b, uint32(ptLoad), uint32(5), uint64(0), uint64(base), uint64(base), uint64(size), uint64(size), uint64(0x1000))
	at := uint64(noteAt)
	put(&b, uint32(ptNote), uint32(4), at, base+at, base+at, uint64(note.Len()), uint64(note.Len()), uint64(4))
	if interp != "" {
		b.WriteString(interp + "\x00")
		pad(&b, 4)
	}
	b.Write(note.Bytes())
	pad(&b, 16)

	// write(2, message, len); exit(1)
	b.Write([]byte{0xb8, 1, 0, 0, 0, 0xbf, 2, 0, 0, 0, 0xbe}) // mov eax, 1; mov edi, 2; mov esi, message
	put(&b, uint32(base+messageAt))
	b.WriteByte(0xba) // mov edx, len
	put(&b, uint32(len(message)))
	b.Write([]byte{0x0f, 0x05, 0xb8, 60, 0, 0, 0, 0xbf, 1, 0, 0, 0, 0x0f, 0x05}) // syscall; mov eax, 60; mov edi, 1; syscall
	b.WriteString(message)
	b.WriteString(names)
	pad(&b, 8)

	section := func(name string, kind uint32, flags uint64, at, size, alignment int) {
		var addr uint64
		if flags != 0 {
			addr = uint64(base + at)
		}
		put(&b, uint32(strings.Index(names, name+"\x00")), kind, flags, addr, uint64(at), uint64(size), uint32(0), uint32(0), uint64(alignment), uint64(0))
	}
	b.Write(make([]byte, sectionSize))
	section(".note."+owner, 7, 2, noteAt, note.Len(), 4)        // SHT_NOTE, SHF_ALLOC
	section(".text", 1, 2|4, codeAt, codeSize+len(message), 16) // SHT_PROGBITS, SHF_ALLOC|SHF_EXECINSTR
	section(".shstrtab", 3, 0, namesAt, len(names), 1)          // SHT_STRTAB
	return b.Bytes()
}

// Read finds the note in the first bytes of a file; HeadSize of them are enough. It reports false
// for anything else, a real executable included: the bytes may be anybody's.
func Read(head []byte) (program, family string, ok bool) {
	le := binary.LittleEndian
	if len(head) < headerSize || string(head[:6]) != "\x7fELF\x02\x01" || le.Uint16(head[54:]) != programSize {
		return "", "", false
	}
	phoff, phnum := le.Uint64(head[32:]), int(le.Uint16(head[56:]))
	for i := range phnum {
		h, ok := cut(head, phoff+uint64(i)*programSize, programSize)
		if !ok {
			return "", "", false
		}
		if le.Uint32(h) != ptNote {
			continue
		}
		if notes, ok := cut(head, le.Uint64(h[8:]), le.Uint64(h[32:])); ok {
			if program, family, ok := readNotes(notes); ok {
				return program, family, true
			}
		}
	}
	return "", "", false
}

// readNotes looks for ours in a PT_NOTE segment.
func readNotes(b []byte) (program, family string, ok bool) {
	le := binary.LittleEndian
	for len(b) >= 12 {
		nameSize, descSize, kind := uint64(le.Uint32(b)), uint64(le.Uint32(b[4:])), le.Uint32(b[8:])
		descAt := (12 + nameSize + 3) &^ 3
		name, ok1 := cut(b, 12, nameSize)
		desc, ok2 := cut(b, descAt, descSize)
		if !ok1 || !ok2 {
			return "", "", false
		}
		if string(name) == owner+"\x00" && kind == noteType {
			parts := strings.Split(string(desc), "\x00")
			if len(parts) == 3 && parts[0] != "" && parts[2] == "" {
				return parts[0], parts[1], true
			}
		}
		next := (descAt + descSize + 3) &^ 3
		if next > uint64(len(b)) {
			return "", "", false
		}
		b = b[next:]
	}
	return "", "", false
}

// cut is b[at:at+n], if it has that.
func cut(b []byte, at, n uint64) ([]byte, bool) {
	if at > uint64(len(b)) || n > uint64(len(b))-at {
		return nil, false
	}
	return b[at : at+n], true
}

func align(n, to int) int { return (n + to - 1) / to * to }

func pad(b *bytes.Buffer, to int) { b.Write(make([]byte, align(b.Len(), to)-b.Len())) }
