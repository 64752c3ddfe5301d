package docker

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"
)

func repository(t *testing.T, files map[string]string) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Uid: 5, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, text)
	}
	w.Close()
	return &b
}

func TestDirectoryOfARepository(t *testing.T) {
	files := map[string]string{"top": "t", "d/f": "f", "d/s/g": "g", "dx/h": "h"}
	for _, test := range []struct{ dir, want, err string }{
		{"", "top d/f d/s/g dx/h", ""},
		{"d", "f s/g", ""},
		{"/d/", "f s/g", ""},
		{"../d", "f s/g", ""},
		{"d/f", "", "error setting git context, not a directory: d/f"},
		{"nope", "", "stat nope: no such file or directory"},
	} {
		ms, err := membersBelow(repository(t, files), test.dir)
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%q: %v", test.dir, err)
			}
			continue
		}
		if err != nil || len(ms) != len(strings.Fields(test.want)) {
			t.Errorf("%q: %d members, %v", test.dir, len(ms), err)
		}
		for _, m := range ms {
			if !strings.Contains(" "+test.want+" ", " "+m.header.Name+" ") || m.header.Uid != 0 {
				t.Errorf("%q has %s, of user %d", test.dir, m.header.Name, m.header.Uid)
			}
		}
	}
}
