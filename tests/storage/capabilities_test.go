package storage

import (
	"archive/tar"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
)

// captar is a program on the lab's host, where there is none that sets extended attributes. It writes a
// tar with two programs of which one may open raw sockets, as ping may on many systems; the other has an
// attribute that means nothing to anyone.
func captar(p *kernel.Proc) int {
	w := tar.NewWriter(p.Writer(1))
	for _, f := range []struct{ name, attribute, value string }{
		{"ping", "security.capability", "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"note", "user.note", "text"},
	} {
		h := &tar.Header{
			Name: f.name, Mode: 0o755, Size: 4, Typeflag: tar.TypeReg, Format: tar.FormatPAX, ModTime: time.Unix(1_577_934_245, 0),
			PAXRecords: map[string]string{"SCHILY.xattr." + f.attribute: f.value},
		}
		if w.WriteHeader(h) != nil {
			return 1
		}
		if _, err := w.Write([]byte("text")); err != nil {
			return 1
		}
	}
	if w.Close() != nil {
		return 1
	}
	return 0
}
