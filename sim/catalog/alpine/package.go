package alpine

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// Package is what an index says of a package.
type Package struct {
	Checksum      string // "Q1" and the SHA-1 of its control data in base64
	Name, Version string
	Arch          string
	Size          int64 // of the file, in bytes
	InstalledSize int64 // of what it holds
	Description   string
	URL           string
	License       string
	Origin        string // the package that it was built together with
	Built         int64  // seconds
	Priority      int    // among those that provide a name without a version
	Depends       []Dependency
	Provides      []Dependency
	InstallIf     []Dependency // it is installed by itself where all of these are
}

// String is the name with the version: "musl-1.1.14-r9".
func (p *Package) String() string { return p.Name + "-" + p.Version }

// File is the name of the package's file.
func (p *Package) File() string { return p.String() + ".apk" }

// Provided says in which version the package provides a name, itself included.
func (p *Package) Provided(name string) (version string, ok bool) {
	if p.Name == name {
		return p.Version, true
	}
	for _, d := range p.Provides {
		if d.Name == name {
			return d.Version, true
		}
	}
	return "", false
}

// Satisfies says that the package is something that a dependency asks for; of a conflict: that it
// is what it asks not to have.
func (p *Package) Satisfies(d Dependency) bool {
	if d.Op == "><" {
		return p.Name == d.Name && p.Checksum == d.Version
	}
	if p.Name == d.Name && d.Allows(p.Version) {
		return true
	}
	for _, own := range p.Provides {
		if own.Name == d.Name && d.Allows(own.Version) {
			return true
		}
	}
	return false
}

// Checksum is how apk writes a SHA-1.
func Checksum(sum []byte) string { return "Q1" + base64.StdEncoding.EncodeToString(sum) }

// Set reads a field of an index, or of the database of what is installed, by its letter. Fields
// that it does not know are passed over.
func (p *Package) Set(field byte, value string) error {
	var err error
	number := func(n *int64) { *n, err = strconv.ParseInt(value, 10, 64) }
	switch field {
	case 'C':
		p.Checksum = value
	case 'P':
		p.Name = value
	case 'V':
		p.Version = value
	case 'A':
		p.Arch = value
	case 'S':
		number(&p.Size)
	case 'I':
		number(&p.InstalledSize)
	case 'T':
		p.Description = value
	case 'U':
		p.URL = value
	case 'L':
		p.License = value
	case 'o':
		p.Origin = value
	case 't':
		number(&p.Built)
	case 'k':
		p.Priority, err = strconv.Atoi(value)
	case 'D':
		p.Depends = ParseDependencies(value)
	case 'p':
		p.Provides = ParseDependencies(value)
	case 'i':
		p.InstallIf = ParseDependencies(value)
	}
	if err != nil {
		return fmt.Errorf("alpine: field %c of %s: %w", field, p.Name, err)
	}
	return nil
}

// ParseIndex reads an APKINDEX: packages between empty lines.
func ParseIndex(s string) ([]*Package, error) {
	var all []*Package
	p := new(Package)
	done := func() {
		if p.Name == "" {
			return
		}
		if p.Checksum == "" { // the catalogue's own lists leave out what cannot be compressed
			sum := sha1.Sum([]byte(p.String()))
			p.Checksum = Checksum(sum[:])
		}
		all = append(all, p)
		p = new(Package)
	}
	for line := range strings.Lines(s) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			done()
			continue
		}
		if len(line) < 2 || line[1] != ':' {
			return nil, fmt.Errorf("alpine: bad line of an index: %q", line)
		}
		if err := p.Set(line[0], line[2:]); err != nil {
			return nil, err
		}
	}
	done()
	return all, nil
}

// Stanza is the package as an index has it, without the empty line after it.
func (p *Package) Stanza() string {
	var b strings.Builder
	for _, f := range []struct {
		letter byte
		value  string
		always bool
	}{
		{'C', p.Checksum, true}, {'P', p.Name, true}, {'V', p.Version, true}, {'A', p.Arch, false},
		{'S', strconv.FormatInt(p.Size, 10), true}, {'I', strconv.FormatInt(p.InstalledSize, 10), true},
		{'T', p.Description, true}, {'U', p.URL, true}, {'L', p.License, true}, {'o', p.Origin, false},
		{'t', nonZero(p.Built), false}, {'k', nonZero(int64(p.Priority)), false},
		{'D', format(p.Depends), false}, {'p', format(p.Provides), false}, {'i', format(p.InstallIf), false},
	} {
		if f.always || f.value != "" {
			fmt.Fprintf(&b, "%c:%s\n", f.letter, f.value)
		}
	}
	return b.String()
}

func nonZero(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
