package userland_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/userland/progtest"
)

// realELF is the head of an executable that carries none of our notes, with text behind it.
func realELF(interp, text string) string {
	var b bytes.Buffer
	le := binary.LittleEndian
	b.WriteString("\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9))
	n := uint16(0)
	if interp != "" {
		n = 1
	}
	for _, v := range []any{uint16(2), uint16(62), uint32(1), uint64(0x400000), uint64(64), uint64(0), uint32(0), uint16(64), uint16(56), n, uint16(64), uint16(0), uint16(0)} {
		binary.Write(&b, le, v)
	}
	if interp != "" {
		at := uint64(64 + 56)
		for _, v := range []any{uint32(3), uint32(4), at, at, at, uint64(len(interp) + 1), uint64(len(interp) + 1), uint64(1)} {
			binary.Write(&b, le, v)
		}
		b.WriteString(interp + "\x00")
	}
	b.WriteString(text)
	return b.String()
}

func TestWhatAFileIsDecidesWhatRuns(t *testing.T) {
	w := progtest.NewWorld(t, "gnu")
	install := func(path, content string) {
		t.Helper()
		w.WriteFile(path, content)
		if a := w.Run("chmod", "755", path); a.Exit != 0 {
			t.Fatal(a.Output)
		}
	}
	const loader = "/lib64/ld-linux-x86-64.so.2"
	if a := w.Run("mkdir", "/lib64", "/usr/local", "/usr/local/bin"); a.Exit != 0 {
		t.Fatal(a.Output)
	}
	install("/t/dynamic", realELF(loader, "anything"))
	install("/t/script", "#!/bin/sh\necho script $1\n")
	install("/t/text", "echo text\n")
	install("/t/app", realELF("", "somebody's program"))
	install("/t/bb", realELF("", "x BusyBox v1.36.1 (2024) y"))
	install("/usr/local/bin/printenv", realELF("", "this build's printenv"))

	check := func(block, want string, exit int) {
		t.Helper()
		if a := w.Sh("bash", block); a.Exit != exit || !strings.Contains(a.Output, want) {
			t.Errorf("$ %s\n[%d] %q, want [%d] %q", block, a.Exit, a.Output, exit, want)
		}
	}
	check("./script a", "script a", 0)
	check("./text", "text", 0)
	check("./dynamic", "cannot execute: required file not found", 127) // its interpreter is what is missing
	check("touch "+loader+"; ./dynamic", "./dynamic", 126)
	check("./app", "dockerlab: ./app: this program is not part of the lab", 126)
	check("./bb echo hi", "applet not found", 127)
	check("cp bb busybox; ./busybox echo hi", "hi", 0)
	check("ln -s bb ls; ./ls -d /t", "/t", 0)
	check("rm ls; cp /bin/ls mine; ./mine -d /t", "/t", 0)
	// A real program is known by its place, and from then on by its content.
	check("/usr/local/bin/printenv HOME; cp /usr/local/bin/printenv copy; ./copy HOME", "/root\n/root\n", 0)
	check("cp /usr/local/bin/printenv other; echo more >> other; ./other HOME", "not part of the lab", 126)
	check("rm /bin/ls; ls", "command not found", 127)
}

func TestBusyboxIsOneBinary(t *testing.T) {
	w := progtest.NewWorld(t, "busybox")
	for block, want := range map[string]string{
		"busybox | head -1":                               "BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1) multi-call binary.",
		"busybox --list | head -3 | tail -1":              "acpid",
		"busybox --list-full | grep '/ls$'":               "bin/ls",
		"busybox ls -d /":                                 "/",
		"busybox nope":                                    "nope: applet not found",
		"busybox install 2>&1":                            "install: applet not found",
		"busybox sh -c 'echo in'":                         "in",
		"mkdir d; busybox --install -s d; readlink d/cat": "/bin/busybox",
	} {
		if a := w.Sh("sh", block); !strings.Contains(a.Output, want) {
			t.Errorf("$ %s\n%q, want %q", block, a.Output, want)
		}
	}
}
