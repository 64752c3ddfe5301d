package debian

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dockerlab/dockerlab/sim/catalog/manifest"
)

func TestControl(t *testing.T) {
	c, err := ParseControl("Package: sed\nEssential: yes\nConffiles:\n /etc/a 1\n /etc/b 2\nDescription: GNU stream editor\n for filtering\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.Get("package") != "sed" || c.Get("Conffiles") != "\n /etc/a 1\n /etc/b 2" || c.Get("Nothing") != "" {
		t.Errorf("%q", c)
	}
	if s := c.String(); s != "Package: sed\nEssential: yes\nConffiles:\n /etc/a 1\n /etc/b 2\nDescription: GNU stream editor\n for filtering\n" {
		t.Errorf("written as %q", s)
	}
	for _, bad := range []string{" x", "no field", ": x"} {
		if c, err := ParseControl(bad); err == nil {
			t.Errorf("%q is read as %q", bad, c)
		}
	}
}

func TestRelations(t *testing.T) {
	got := ParseRelations("libc6 (>= 2.36), debconf (>= 0.5) | debconf-2.0, python3:any, , x (<<2)")
	want := [][]Relation{
		{{"libc6", ">=", "2.36"}},
		{{"debconf", ">=", "0.5"}, {Name: "debconf-2.0"}},
		{{Name: "python3"}},
		{{"x", "<<", "2"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

const vi = `auto
/usr/bin/vi
vi.1.gz
/usr/share/man/man1/vi.1.gz

/usr/bin/vim.basic
30
/usr/share/man/man1/vim.1.gz
/usr/bin/vim.tiny
15


`

func TestAlternatives(t *testing.T) {
	all, err := ParseAlternative("vi", vi)
	if err != nil {
		t.Fatal(err)
	}
	want := []Alternative{
		{"vi", "/usr/bin/vi", "/usr/bin/vim.basic", 30, []Slave{{"vi.1.gz", "/usr/share/man/man1/vi.1.gz", "/usr/share/man/man1/vim.1.gz"}}},
		{"vi", "/usr/bin/vi", "/usr/bin/vim.tiny", 15, nil},
	}
	if !reflect.DeepEqual(all, want) {
		t.Errorf("got %v, want %v", all, want)
	}
	if c := choice(all); c.text(false) != vi || c.best().Path != "/usr/bin/vim.basic" {
		t.Errorf("%s is written as %q", c.best().Path, c.text(false))
	}
	if _, err := ParseAlternative("vi", "auto"); err == nil {
		t.Error("a file that is cut off is read")
	}
}

// suite is a small archive: editor needs lib and a mail-agent, which two packages provide.
var suite = fstest.MapFS{
	"Packages": &fstest.MapFile{Data: []byte(`Package: editor
Version: 1:2-3
Architecture: amd64
Depends: lib (>= 1), exim | mail-agent
Recommends: docs, ghost
Description: edits

Package: lib
Architecture: amd64
Multi-Arch: same
Version: 1
Depends: editor | lib-data

Package: lib-data
Version: 1

Package: docs
Version: 1
Depends: browser

Package: nullmailer
Version: 1
Provides: mail-agent

Package: postfix
Version: 1
Provides: mail-agent

Package: w3m
Version: 1
Provides: browser, web (= 2)
`)},
	"editor.pkg": &fstest.MapFile{Data: []byte(`%time 1000
%files
d 755 0:0 /bin
x 755 0:0 @2000 900 /bin/ed
h /bin/red -> /bin/ed
d 755 0:0 /etc
f 644 0:0 10 /etc/ed.conf
d 755 0:0 /usr
d 755 0:0 /usr/share
d 755 0:0 /usr/share/doc
f 644 0:0 10 /usr/share/doc/ed
%info
755 100 postinst
%alternatives
editor /usr/bin/editor /bin/ed 5
+ editor.1.gz /usr/share/man/man1/editor.1.gz /usr/share/man/man1/ed.1.gz
%made
d 750 100:100 /var/lib/ed
%conffiles
/etc/ed.conf
%users
ed:x:100:100::/:/bin/false
%removed
/etc/old
%triggers
activate-noawait ldconfig
%configured
Adding the user ed.
""
"%"
`)},
	"lib.pkg": &fstest.MapFile{Data: []byte("%files\nd 755 0:0 /lib\nb 644 0:0 9 /lib/libed.so\n")},
}

func TestSelect(t *testing.T) {
	s := OpenSuite(suite)
	for _, c := range []struct {
		what       string
		wanted     []string
		installed  string
		recommends bool
		want       string
	}{
		{"what it depends on comes first", []string{"editor"}, "", false, "lib nullmailer editor"},
		{"what is there is left out", []string{"editor"}, "lib", false, "nullmailer editor"},
		{"what provides it counts", []string{"editor"}, "postfix", false, "lib editor"},
		{"what is recommended, where it exists", []string{"editor"}, "", true, "lib nullmailer editor w3m docs"},
		{"a name that one package provides", []string{"web"}, "", false, "w3m"},
		{"installed already", []string{"lib"}, "lib", false, ""},
	} {
		got, err := s.Select(func(name string) bool { return name == c.installed }, c.wanted, c.recommends)
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, %v, want %s", c.what, got, err, c.want)
		}
	}
	for _, name := range []string{"nonesuch", "mail-agent"} {
		var missing *NotFoundError
		if _, err := s.Select(func(string) bool { return false }, []string{name}, false); !errors.As(err, &missing) || missing.Name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInstall(t *testing.T) {
	s := OpenSuite(suite)
	editor, err := s.Package("editor")
	if err != nil {
		t.Fatal(err)
	}
	lib, err := s.Package("lib")
	if err != nil {
		t.Fatal(err)
	}
	list := func(files []*File) map[string]*File {
		m := map[string]*File{}
		for _, f := range files {
			m[f.Path] = f
		}
		return m
	}
	files, removed := Install(nil, []*Package{lib, editor}, Options{Auto: []string{"lib"}, Omit: func(p string) bool { return p == "/usr/share/doc/ed" }})
	if !slices.IsSortedFunc(files, func(a, b *File) int { return strings.Compare(a.Path, b.Path) }) {
		t.Error("the files are not sorted")
	}
	at := list(files)
	for file, want := range map[string]string{
		"/usr/bin/ed":                        "x 755 0:0 @2000 900 /usr/bin/ed",
		"/usr/bin/red":                       "h /usr/bin/red -> /usr/bin/ed",
		"/usr/lib/libed.so":                  "b 644 0:0 9 /usr/lib/libed.so",
		"/etc/ed.conf":                       "f 644 0:0 @1000 10 /etc/ed.conf",
		"/var/lib/ed":                        "d 750 100:100 /var/lib/ed",
		"/var/lib":                           "d 755 0:0 /var/lib",
		"/etc/alternatives/editor":           "l 777 0:0 /etc/alternatives/editor -> /bin/ed",
		"/usr/bin/editor":                    "l 777 0:0 /usr/bin/editor -> /etc/alternatives/editor",
		"/var/lib/dpkg/info/editor.postinst": "f 755 0:0 100 /var/lib/dpkg/info/editor.postinst",
	} {
		if f := at[file]; f == nil || f.Entry.String() != want {
			t.Errorf("%s is %v, want %s", file, f, want)
		}
	}
	if at["/usr/share/doc/ed"] != nil {
		t.Error("what is omitted is there")
	}
	for file, want := range map[string]string{
		"/var/lib/dpkg/info/lib:amd64.list":   "/.\n/lib\n/lib/libed.so\n",
		"/var/lib/dpkg/info/editor.conffiles": "/etc/ed.conf\n",
		"/var/lib/apt/extended_states":        "Package: lib\nArchitecture: amd64\nAuto-Installed: 1\n\n",
		"/var/lib/dpkg/status": "Package: editor\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2-3\nDepends: lib (>= 1), exim | mail-agent\n" +
			"Recommends: docs, ghost\nConffiles:\n /etc/ed.conf newconffile\nDescription: edits\n\n" +
			"Package: lib\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\nVersion: 1\nDepends: editor | lib-data\n\n",
	} {
		if f := at[file]; f == nil || !f.Known || f.Text != want || f.Size != int64(len(want)) {
			t.Errorf("%s is %+v", file, f)
		}
	}
	if !slices.Equal(removed, []string{"/etc/old"}) {
		t.Errorf("removed is %v", removed)
	}
	files, _ = Install([]*Package{lib}, []*Package{editor}, Options{SplitUsr: true})
	at = list(files)
	if at["/bin/ed"] == nil || at["/usr/bin/ed"] != nil || at["/lib/libed.so"] != nil {
		t.Error("a split /usr is not split, or what is below comes again")
	}
	if !strings.Contains(at["/var/lib/dpkg/status"].Text, "Package: lib\n") {
		t.Error("the status file has lost what is below")
	}
}

func TestPackagesAreWrittenAsTheyAreRead(t *testing.T) {
	text := string(suite["editor.pkg"].Data)
	p, err := Parse(Control{{"Package", "editor"}}, text)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Format(); got != text {
		t.Errorf("written as\n%s", got)
	}
	for bad, why := range map[string]string{
		"x":                                "unknown section",
		"%time x":                          "invalid syntax",
		"%files\nx":                        "too short",
		"%info\n755 x y":                   "bad info",
		"%info\n755 1 ../../x":             "bad info",
		"%alternatives\n+ a b c":           "a slave without a master",
		"%alternatives\na b c d":           "invalid syntax",
		"%files\nd 755 0:0 /a\n\n%what\nx": "line 5",
	} {
		if _, err := Parse(Control{{"Package", "editor"}}, bad); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q", bad, err, why)
		}
	}
}

func TestMergeUsr(t *testing.T) {
	for name, want := range map[string]string{
		"/bin": "/usr/bin", "/bin/ls": "/usr/bin/ls", "/lib64/ld.so": "/usr/lib64/ld.so", "/binary": "/binary", "/usr/bin/ls": "/usr/bin/ls", "/etc": "/etc",
	} {
		if got := MergeUsr(name); got != want {
			t.Errorf("MergeUsr(%s) = %s, want %s", name, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(string(suite["editor.pkg"].Data))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(nil, text)
		if err != nil {
			return
		}
		again, err := Parse(nil, p.Format())
		if err != nil {
			t.Fatalf("%q is written as %q: %v", text, p.Format(), err)
		}
		if !slices.EqualFunc(p.Files, again.Files, func(a, b manifest.Entry) bool { return a == b }) || again.Format() != p.Format() {
			t.Errorf("%q is written as %q", text, p.Format())
		}
	})
}
