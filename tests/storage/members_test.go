package storage

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/dockerlab/dockerlab/sim/kernel"
)

// members is a program on the lab's host. It reads a tar and lists its members header by header, in
// their order:
//
//	docker export BOX | members d1          those below d1
//	docker cp BOX:/d1 - | members
//	docker save IMAGE | members --layer     the image's last layer; --layer=N its Nth, from 1
//	docker save IMAGE | members --layers    how many there are, with the beginnings of their diff IDs
//
// A line has the type's letter, the mode as it stands in the header, numbers and names of the owner,
// the size, the time ("now" unless it is long ago), the name, and what belongs to the type. Of a file
// it has the text, or its beginning and its hash.
func members(p *kernel.Proc) int {
	in, out, errs := p.Reader(0), p.Writer(1), p.Writer(2)
	err := func() error {
		args := p.Args()[1:]
		switch {
		case len(args) > 0 && args[0] == "--layers":
			return listLayers(out, in)
		case len(args) > 0 && strings.HasPrefix(args[0], "--layer"):
			n := 0
			if s, ok := strings.CutPrefix(args[0], "--layer="); ok {
				if _, err := fmt.Sscan(s, &n); err != nil {
					return err
				}
			}
			layer, err := layerOf(in, n)
			if err != nil {
				return err
			}
			return listMembers(out, strings.NewReader(layer), args[1:])
		}
		return listMembers(out, in, args)
	}()
	if err != nil {
		fmt.Fprintln(errs, "members:", err)
		return 1
	}
	return 0
}

// old is before all that a case changes, and after the times that the base has.
var old = time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC)

func listMembers(w io.Writer, r io.Reader, below []string) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if !within(h.Name, below) {
			continue
		}
		text, err := io.ReadAll(t)
		if err != nil {
			return err
		}
		fmt.Fprintln(w, member(h, string(text)))
	}
}

func within(name string, below []string) bool {
	for _, b := range below {
		if name == b || strings.HasPrefix(name, b+"/") || b == "/" && strings.HasPrefix(name, "/") {
			return true
		}
	}
	return len(below) == 0
}

func member(h *tar.Header, text string) string {
	var b strings.Builder
	kind := map[byte]string{
		tar.TypeReg: "f", tar.TypeDir: "d", tar.TypeSymlink: "l", tar.TypeLink: "h",
		tar.TypeChar: "c", tar.TypeBlock: "b", tar.TypeFifo: "p",
	}[h.Typeflag]
	if kind == "" {
		kind = string(rune(h.Typeflag))
	}
	when := "now"
	if h.ModTime.Before(old) {
		when = h.ModTime.UTC().Format("2006-01-02T15:04:05")
	}
	if h.ModTime.Nanosecond() != 0 {
		when += " and a fraction"
	}
	fmt.Fprintf(&b, "%s %06o %d:%d %s:%s %d %s %s", kind, h.Mode, h.Uid, h.Gid, h.Uname, h.Gname, h.Size, when, printable(h.Name))
	if h.Linkname != "" {
		fmt.Fprintf(&b, " -> %s", printable(h.Linkname))
	}
	if h.Devmajor != 0 || h.Devminor != 0 {
		fmt.Fprintf(&b, " %d,%d", h.Devmajor, h.Devminor)
	}
	for _, k := range slices.Sorted(maps.Keys(h.PAXRecords)) {
		if k != "path" && k != "linkpath" {
			fmt.Fprintf(&b, " %s=%q", k, h.PAXRecords[k])
		}
	}
	if h.Format == tar.FormatPAX {
		b.WriteString(" PAX")
	}
	if text != "" {
		b.WriteString(" " + short(text))
	}
	return b.String()
}

func short(text string) string {
	if len(text) <= 24 {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%q... %.4x", text[:8], sha256.Sum256([]byte(text)))
}

// printable is a name as it is, or quoted where it has what a line should not, and cut where it is
// long.
func printable(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		name = fmt.Sprintf("%q", name)
	}
	if len(name) > 120 {
		name = fmt.Sprintf("%s... of %d bytes", name[:100], len(name))
	}
	return name
}

// savedLayers gives the tars of the first image in an archive of docker save, and of it.
func savedLayers(r io.Reader) ([]string, error) {
	files := map[string]string{}
	links := map[string]string{}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag == tar.TypeSymlink {
			links[h.Name] = path.Join(path.Dir(h.Name), h.Linkname)
			continue
		}
		b, err := io.ReadAll(t)
		if err != nil {
			return nil, err
		}
		files[h.Name] = string(b)
	}
	var m []struct{ Layers []string }
	if err := json.Unmarshal([]byte(files["manifest.json"]), &m); err != nil {
		return nil, err
	}
	if len(m) == 0 {
		return nil, errors.New("no image in the archive")
	}
	var all []string
	for _, name := range m[0].Layers {
		if to := links[name]; to != "" {
			name = to
		}
		all = append(all, files[name])
	}
	return all, nil
}

// layerOf gives the tar of the nth layer, the last one for 0.
func layerOf(r io.Reader, n int) (string, error) {
	all, err := savedLayers(r)
	switch {
	case err != nil:
		return "", err
	case n == 0:
		n = len(all)
	}
	if n > len(all) {
		return "", fmt.Errorf("the image has %d layers", len(all))
	}
	return all[n-1], nil
}

func listLayers(w io.Writer, r io.Reader) error {
	all, err := savedLayers(r)
	if err != nil {
		return err
	}
	for i, l := range all {
		fmt.Fprintf(w, "%d: %d bytes, sha256 %.4x\n", i+1, len(l), sha256.Sum256([]byte(l)))
	}
	return nil
}
