package dpkg

import "testing"

const status = `Package: tree
Status: install ok installed
Architecture: amd64
Version: 2.1.0-1
Description: displays an indented directory tree, in color
 Tree is a recursive directory listing command.

Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Source: glibc (2.36)
Version: 2.36-9
Description: GNU C Library: Shared libraries

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1
`

func TestDatabase(t *testing.T) {
	all := Parse(status)
	if len(all) != 3 || all[0].Name() != "gone" {
		t.Fatalf("%d packages, the first is %s", len(all), all[0].Name())
	}
	for _, c := range []struct{ pattern, format, want string }{
		{"tree", "${Package} ${Version}\\n", "tree 2.1.0-1\n"},
		{"tree", "${binary:Summary}|${db:Status-Abbrev}|${Nope}|", "displays an indented directory tree, in color|ii ||"},
		{"libc6", "${binary:Package}\\t${source:Package}", "libc6:amd64\tglibc"},
		{"libc6:amd64", "${Package;10}|${Package;-10}|", "     libc6|libc6     |"},
		{"lib*", "${Package}", "libc6"},
		{"gone", "${db:Status-Abbrev}${binary:Summary}", "rc (no description available)"},
		{"tree", "${unclosed", "${unclosed"},
	} {
		found := matching(all, c.pattern)
		if len(found) != 1 {
			t.Errorf("%s: %d packages", c.pattern, len(found))
			continue
		}
		if got := expand(c.format, found[0]); got != c.want {
			t.Errorf("%s of %s: %q, want %q", c.format, c.pattern, got, c.want)
		}
	}
	if len(matching(all, "nosuch")) != 0 {
		t.Error("nosuch is found")
	}
}
