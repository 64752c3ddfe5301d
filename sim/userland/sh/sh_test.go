package sh_test

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/dockerlab/dockerlab/sim/userland/progtest"
)

// Every script of testdata says what the real shells say; testdata/record tells how it is recorded.
func TestRecorded(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded scripts: %v", err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runArchive(t, ar) })
	}
}

func runArchive(t *testing.T, ar *txtar.Archive) {
	name, script := "", ""
	for _, f := range ar.Files {
		base, kind, _ := strings.Cut(f.Name, ".")
		if kind == "sh" {
			name, script = base, string(f.Data)
			continue
		}
		if base != name {
			t.Fatalf("%s stands behind the script %s", f.Name, name)
		}
		shells := []string{kind}
		if kind == "all" {
			shells = []string{"ash", "dash", "bash"}
		}
		for _, shell := range shells {
			script := script
			t.Run(name+"/"+shell, func(t *testing.T) {
				t.Parallel()
				got := runScript(t, shell, script)
				want := string(f.Data)
				if mask(got) != mask(want) {
					t.Errorf("script:\n%s\ngot:\n%s\nwant:\n%s", script, got, want)
				}
			})
		}
	}
}

// mask hides what differs from run to run: process numbers.
func mask(text string) string {
	return regexp.MustCompile(`(line \d+:|kill: \(|kill pid) *\d+`).ReplaceAllString(text, "${1} PID")
}

func runScript(t *testing.T, shell, script string) string {
	family, cmd := "gnu", shell
	if shell == "ash" {
		family, cmd = "busybox", "sh"
	}
	w := progtest.NewWorld(t, family)
	var a progtest.Answer
	head, _, _ := strings.Cut(script, "\n")
	switch {
	case strings.HasPrefix(head, "#!stdin"):
		w.WriteFile("/tmp/script", script)
		a = w.Run(cmd, "-c", cmd+" </tmp/script")
	case strings.HasPrefix(head, "#!file"):
		w.WriteFile("/tmp/script", script)
		a = w.Run(cmd, "/tmp/script")
	default:
		a = w.Run(cmd, "-c", strings.TrimRight(script, "\n"))
	}
	return a.Output + "[" + strconv.Itoa(a.Exit) + "]\n"
}
