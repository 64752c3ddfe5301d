package keep

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dockerlab/dockerlab/sim/blob"
)

// save commits a root that speaks of all the texts.
func save(t *testing.T, d *Dir, texts ...string) blob.Ref {
	t.Helper()
	var root blob.Blob
	for _, s := range texts {
		r, err := d.Put(blob.Blob{Data: []byte(s)})
		if err != nil {
			t.Fatal(err)
		}
		root.Refs = append(root.Refs, r)
	}
	r, err := d.Put(root)
	if err == nil {
		err = d.Commit(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// texts are those that the root speaks of.
func texts(s blob.Source, root blob.Ref) (all []string, err error) {
	b, err := s.Get(root)
	if err != nil {
		return nil, err
	}
	for _, r := range b.Refs {
		c, err := s.Get(r)
		if err != nil {
			return nil, err
		}
		all = append(all, string(c.Data))
	}
	return all, nil
}

func open(t *testing.T, dir string) *Dir {
	t.Helper()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// Wherever the end of the file is cut off, and whether zeros come after it or not, the last save that
// was whole is there, and more can be saved.
func TestAnUnfinishedSaveIsForgotten(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	saves := []string{""}
	ends := []int64{headerSize}
	for i := range 4 {
		save(t, d, fmt.Sprint("text ", i), "the same")
		saves, ends = append(saves, fmt.Sprint("text ", i)), append(ends, d.log.end)
	}
	d.Close()
	whole, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	for cut := headerSize; cut <= len(whole); cut++ {
		near := false // to the end of a save; elsewhere, a few of the cuts will do
		for _, end := range ends {
			near = near || cut >= int(end)-6 && cut <= int(end)+2
		}
		if !near && cut%29 != 0 {
			continue
		}
		n := 0
		for n+1 < len(ends) && ends[n+1] <= int64(cut) {
			n++
		}
		for _, zeros := range []int{0, 3, 3000} {
			dir := t.TempDir()
			file := append(bytes.Clone(whole[:cut]), make([]byte, zeros)...)
			if err := os.WriteFile(filepath.Join(dir, fileName), file, 0o600); err != nil {
				t.Fatal(err)
			}
			d, err := Open(dir)
			if err != nil {
				t.Fatalf("cut at %d, %d zeros: %v", cut, zeros, err)
			}
			if got, err := texts(d, d.Root()); n > 0 && (err != nil || got[0] != saves[n]) || n == 0 && !d.Root().IsZero() {
				t.Fatalf("cut at %d, %d zeros: %q, %v; want %q", cut, zeros, got, err, saves[n])
			}
			save(t, d, "later", "the same")
			d.Close()
			d = open(t, dir)
			if got, err := texts(d, d.Root()); err != nil || got[0] != "later" {
				t.Fatalf("cut at %d, %d zeros, saved again: %q, %v", cut, zeros, got, err)
			}
			d.Close()
		}
	}
}

// A byte that is not what was written is told of, at the opening or when it is read, and nothing is
// changed.
func TestDamageIsTold(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	save(t, d, "one", "two")
	save(t, d, "one", "three")
	d.Close()
	name := filepath.Join(dir, fileName)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		if at >= 20 && at < headerSize { // zeros that mean nothing yet
			continue
		}
		bad := bytes.Clone(whole)
		bad[at] ^= 0x40
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := Open(dir)
		if err == nil {
			var got []string
			if got, err = texts(d, d.Root()); err == nil && fmt.Sprint(got) != "[one three]" {
				t.Errorf("byte %d changed: %q", at, got)
			}
			d.Close()
		}
		if left, _ := os.ReadFile(name); err != nil && !bytes.Equal(left, bad) {
			t.Errorf("byte %d changed: the file is another after %v", at, err)
		}
	}
}

func TestOtherVersions(t *testing.T) {
	dir := t.TempDir()
	open(t, dir).Close()
	name := filepath.Join(dir, fileName)
	b, _ := os.ReadFile(name)
	b[16] = version + 1
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir)
	var other *VersionError
	if !errors.As(err, &other) || other.Version != version+1 {
		t.Errorf("got %v", err)
	}
}

// One process works on a state; others may look.
func TestOneAtATime(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	root := save(t, d, "one")
	var held *LockedError
	if _, err := Open(dir); !errors.As(err, &held) || held.Dir != dir || held.Pid != fmt.Sprint(os.Getpid()) {
		t.Errorf("got %v", err)
	}
	f, err := os.Open(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, seen, err := openLog(f)
	if err != nil || seen != root {
		t.Fatalf("looking: %v, %v", seen, err)
	}
	save(t, d, "two")
	if got, err := texts(reading{l}, seen); err != nil || got[0] != "one" {
		t.Errorf("looking: %q, %v", got, err)
	}
	d.Close()
	open(t, dir)
}

// What no root reaches is left behind when there is much of it; who looks at the old file goes on
// seeing it.
func TestWasteIsLeftBehind(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	save(t, d, "kept", "0")
	f, err := os.Open(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, seen, err := openLog(f)
	if err != nil {
		t.Fatal(err)
	}
	big := bytes.Repeat([]byte("x"), 1<<20)
	for i := range 40 {
		save(t, d, "kept", fmt.Sprint(i, string(big)))
	}
	info, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil || info.Size() > 25<<20 {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
	if got, err := texts(reading{l}, seen); err != nil || got[1] != "0" {
		t.Errorf("looking at the old file: %q, %v", got, err)
	}
	d.Close()
	d = open(t, dir)
	if got, err := texts(d, d.Root()); err != nil || got[0] != "kept" || got[1] != fmt.Sprint(39, string(big)) {
		t.Errorf("got %.20q, %v", got, err)
	}
	left, _ := os.ReadDir(dir)
	if len(left) != 2 {
		t.Errorf("there are %v", left)
	}
}

// Whatever the file holds, opening it ends well or with an error.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	d, err := Open(dir)
	if err != nil {
		f.Fatal(err)
	}
	r, _ := d.Put(blob.Blob{Data: []byte("text")})
	r, _ = d.Put(blob.Blob{Refs: []blob.Ref{r}})
	d.Commit(r)
	d.Close()
	whole, _ := os.ReadFile(filepath.Join(dir, fileName))
	f.Add(whole)
	f.Add(whole[:headerSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		name := filepath.Join(t.TempDir(), fileName)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		l, root, err := openLog(file)
		if err == nil && !root.IsZero() {
			texts(reading{l}, root)
		}
	})
}
