package alpine

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dockerlab/dockerlab/sim/layer"
)

// WriteFile makes the package as a file, of the size that the index gives: its control data are in
// it, of its files only where to find them, which is the catalogue.
func WriteFile(p *Package) layer.Content {
	var info strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&info, "%s = %s\n", name, value)
		}
	}
	field("pkgname", p.Name)
	field("pkgver", p.Version)
	field("pkgdesc", p.Description)
	field("url", p.URL)
	field("builddate", nonZero(p.Built))
	fmt.Fprintf(&info, "size = %d\n", p.InstalledSize)
	field("arch", p.Arch)
	field("origin", p.Origin)
	field("license", p.License)
	for _, d := range p.Depends {
		field("depend", d.String())
	}
	for _, d := range p.Provides {
		field("provides", d.String())
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	// Writing to memory does not fail.
	t.WriteHeader(&tar.Header{Name: infoFile, Mode: 0o644, Size: int64(info.Len()), Uname: "root", Gname: "root"})
	t.Write([]byte(info.String()))
	t.Flush()
	z.Close()
	return layer.Join(layer.Bytes(b.Bytes()), layer.Generated(uint64(p.Size), max(0, p.Size-int64(b.Len()))))
}

const infoFile = ".PKGINFO"

// errNoPackage is for a file that is none.
var errNoPackage = errors.New("it is no package")

// ReadFile reads the control data of a package that is a file.
func ReadFile(r io.Reader) (*Package, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("alpine: %w", errNoPackage)
	}
	for t := tar.NewReader(io.LimitReader(z, 1<<20)); ; {
		h, err := t.Next()
		if err != nil {
			return nil, fmt.Errorf("alpine: %w", errNoPackage)
		}
		if h.Name != infoFile {
			continue
		}
		b, err := io.ReadAll(t)
		if err != nil {
			return nil, fmt.Errorf("alpine: %w", errNoPackage)
		}
		p := new(Package)
		for line := range strings.Lines(string(b)) {
			name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " = ")
			field, known := infoFields[name]
			if !ok || !known {
				continue
			}
			if name == "depend" || name == "provides" {
				d := ParseDependencies(value)
				if name == "depend" {
					p.Depends = append(p.Depends, d...)
				} else {
					p.Provides = append(p.Provides, d...)
				}
				continue
			}
			if err := p.Set(field, value); err != nil {
				return nil, err
			}
		}
		if p.Name == "" || p.Version == "" {
			return nil, fmt.Errorf("alpine: %w", errNoPackage)
		}
		return p, nil
	}
}

// infoFields are the fields of .PKGINFO, by the letters that they have in an index.
var infoFields = map[string]byte{"pkgname": 'P', "pkgver": 'V', "pkgdesc": 'T', "url": 'U', "builddate": 't', "size": 'I', "arch": 'A', "origin": 'o', "license": 'L', "depend": 'D', "provides": 'p'}
