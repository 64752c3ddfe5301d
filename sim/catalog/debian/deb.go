package debian

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/layer"
)

// ArMagic begins an archive of ar(1), which a .deb is.
const ArMagic = "!<arch>\n"

// StandIn begins the data member of a .deb that WriteDeb made: what would be in it is known to the
// catalogue by the package's name and version.
const StandIn = "dockerlab: the files of this package are in the lab's catalogue\n"

// ArMember is the header of a member of an ar archive.
func ArMember(name string, time, size int64) string {
	return fmt.Sprintf("%-16s%-12d%-6d%-6d%-8o%-10d`\n", name, time, 0, 0, 0o100644, size)
}

// WriteDeb makes the .deb of a package, of the size that its control data give: as deb(5) has it,
// with real control data, but with a stand-in for the files.
func WriteDeb(p *Package) layer.Content {
	var control bytes.Buffer
	z := gzip.NewWriter(&control)
	t := tar.NewWriter(z)
	add := func(name, text string) {
		// Writing to memory does not fail.
		t.WriteHeader(&tar.Header{Name: "./" + name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg, Uname: "root", Gname: "root"})
		t.Write([]byte(text))
	}
	var inside Control
	for _, f := range p.Control {
		if f.Name != "Filename" && f.Name != "Size" {
			inside = append(inside, f)
		}
	}
	add("control", inside.String())
	if len(p.Conffiles) > 0 {
		add("conffiles", strings.Join(p.Conffiles, "\n")+"\n")
	}
	if len(p.Triggers) > 0 {
		add("triggers", strings.Join(p.Triggers, "\n")+"\n")
	}
	t.Close()
	z.Close()

	var head bytes.Buffer
	head.WriteString(ArMagic)
	head.WriteString(ArMember("debian-binary", p.Time, 4) + "2.0\n")
	head.WriteString(ArMember("control.tar.gz", p.Time, int64(control.Len())))
	head.Write(control.Bytes())
	if head.Len()%2 == 1 {
		head.WriteByte('\n')
	}
	size, _ := strconv.ParseInt(p.Control.Get("Size"), 10, 64)
	const header = 60
	data := max(size-int64(head.Len())-header, int64(len(StandIn)))
	head.WriteString(ArMember("data.tar.xz", p.Time, data))
	head.WriteString(StandIn)
	return layer.Join(layer.Bytes(head.Bytes()), layer.Generated(uint64(size), data-int64(len(StandIn))))
}

// Filename is how apt calls the package's file: its colon, of an epoch, is written as %3a.
func (p *Package) Filename() string { return Filename(p.Control) }

// Filename is Package.Filename of control data.
func Filename(c Control) string {
	return c.Get("Package") + "_" + strings.ReplaceAll(c.Get("Version"), ":", "%3a") + "_" + c.Get("Architecture") + ".deb"
}

// SplitFilename takes the package's name from the name of its file.
func SplitFilename(file string) (name string, ok bool) {
	f := strings.Split(strings.TrimSuffix(file, ".deb"), "_")
	return f[0], len(f) == 3 && strings.HasSuffix(file, ".deb")
}
