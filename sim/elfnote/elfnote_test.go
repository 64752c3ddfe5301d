package elfnote

import (
	"bytes"
	"debug/elf"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var run = flag.Bool("runstub", false, "run a stub on this machine, which must be Linux on amd64")

func TestReadFindsWhatWriteMade(t *testing.T) {
	for _, c := range []struct{ program, family string }{
		{"ls", "gnu"},
		{"busybox", "busybox"},
		{"[", "gnu"},
		{"redis-server", ""},
		{strings.Repeat("x", 255), "gnu"},
	} {
		head := Write(c.program, c.family)
		if len(head) > 1536 {
			t.Errorf("%s: the head is %d bytes", c.program, len(head))
		}
		padded := append(head, make([]byte, 10000)...)
		program, family, ok := Read(padded[:HeadSize])
		if !ok || program != c.program || family != c.family {
			t.Errorf("Read(Write(%q, %q)) = %q, %q, %v", c.program, c.family, program, family, ok)
		}
	}
}

func TestAStubIsAnExecutable(t *testing.T) {
	f, err := elf.NewFile(bytes.NewReader(Write("ls", "gnu")))
	if err != nil {
		t.Fatal(err)
	}
	if f.Type != elf.ET_EXEC || f.Machine != elf.EM_X86_64 {
		t.Errorf("type %v, machine %v", f.Type, f.Machine)
	}
	note := f.Section(".note.dockerlab")
	if note == nil || note.Type != elf.SHT_NOTE {
		t.Fatal("no section .note.dockerlab")
	}
	b, err := note.Data()
	if err != nil || !bytes.Contains(b, []byte("ls\x00gnu\x00")) {
		t.Errorf("the note is %q, %v", b, err)
	}
	if f.Section(".text") == nil || f.Section(".shstrtab") == nil {
		t.Error("a section is missing")
	}
}

func TestADynamicStubNamesItsInterpreter(t *testing.T) {
	const loader = "/lib64/ld-linux-x86-64.so.2"
	head := WriteDynamic("ls", "gnu", loader)
	f, err := elf.NewFile(bytes.NewReader(head))
	if err != nil {
		t.Fatal(err)
	}
	interp := ""
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			b := make([]byte, p.Filesz)
			if _, err := p.ReadAt(b, 0); err != nil {
				t.Fatal(err)
			}
			interp = string(b)
		}
	}
	if interp != loader+"\x00" {
		t.Errorf("the interpreter is %q", interp)
	}
	if program, family, ok := Read(head); !ok || program != "ls" || family != "gnu" {
		t.Errorf("Read = %q, %q, %v", program, family, ok)
	}
	if f.Section(".note.dockerlab") == nil {
		t.Error("no section .note.dockerlab")
	}
}

func TestReadRefuses(t *testing.T) {
	good := Write("ls", "gnu")
	change := func(at int, to byte) []byte {
		b := bytes.Clone(good)
		b[at] = to
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":                     nil,
		"a script":                    []byte("#!/bin/sh\n"),
		"another class":               change(4, 1),
		"a note that is cut off":      good[:190],
		"program headers out of it":   change(34, 0xff),
		"another owner":               change(64+112+12, 'D'),
		"program headers of odd size": change(54, 57),
	} {
		if p, f, ok := Read(b); ok {
			t.Errorf("%s: read as %q, %q", name, p, f)
		}
	}
}

func TestAStubRunsOnLinux(t *testing.T) {
	if !*run {
		t.Skip("runs machine code: pass -args -runstub")
	}
	path := filepath.Join(t.TempDir(), "ls")
	if err := os.WriteFile(path, append(Write("ls", "gnu"), make([]byte, 5000)...), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path).CombinedOutput()
	exit, _ := err.(*exec.ExitError)
	if exit == nil || exit.ExitCode() != 1 || !strings.HasPrefix(string(out), "ls: a simulated program of dockerlab") {
		t.Errorf("it said %q and ended with %v", out, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(Write("ls", "gnu"))
	f.Add([]byte("\x7fELF\x02\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if program, _, ok := Read(b); ok && program == "" {
			t.Error("a note without a program")
		}
	})
}
