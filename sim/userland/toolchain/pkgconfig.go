package toolchain

import (
	"path"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// pkgConfig answers from the .pc files that packages install. Those of the catalogue are stand-ins
// without text; of them, that they are there is all that is known, and -l of the name.
func pkgConfig(ctx *prog.Ctx) int {
	var names []string
	libs, cflags, version, exists, errors := false, false, false, false, false
	for _, a := range ctx.Args {
		switch a {
		case "--libs", "--libs-only-l":
			libs, errors = true, true
		case "--cflags", "--cflags-only-I":
			cflags, errors = true, true
		case "--modversion":
			version, errors = true, true
		case "--exists":
			exists = true
		case "--print-errors":
			errors = true
		case "--silence-errors":
			errors = false
		case "--static":
		case "--version":
			ctx.Print("1.8.1\n")
			return 0
		default:
			if strings.HasPrefix(a, "-") {
				ctx.Errorf("%s: unrecognized option '%s'\n", ctx.Name, a)
				return 1
			}
			names = append(names, strings.Fields(a)...)
		}
	}
	if len(names) == 0 {
		ctx.Errorf("Please specify at least one package name on the command line.\n")
		return 1
	}
	dirs := []string{"/usr/local/lib/x86_64-linux-gnu/pkgconfig", "/usr/local/lib/pkgconfig", "/usr/local/share/pkgconfig", "/usr/lib/x86_64-linux-gnu/pkgconfig", "/usr/lib/pkgconfig", "/usr/share/pkgconfig"}
	if p := ctx.Getenv("PKG_CONFIG_PATH"); p != "" {
		dirs = append(strings.Split(p, ":"), dirs...)
	}
	var out []string
	for _, n := range names {
		fields := map[string]string{}
		found := false
		for _, dir := range dirs {
			b, err := ctx.ReadFile(path.Join(dir, n+".pc"))
			if err != nil {
				continue
			}
			found = true
			vars := map[string]string{}
			for line := range strings.Lines(string(b)) {
				line = strings.TrimSpace(line)
				if i := strings.IndexAny(line, ":="); i > 0 && line[0] != '#' {
					value := strings.TrimSpace(line[i+1:])
					for k, v := range vars {
						value = strings.ReplaceAll(value, "${"+k+"}", v)
					}
					if line[i] == '=' {
						vars[strings.TrimSpace(line[:i])] = value
					} else {
						fields[line[:i]] = value
					}
				}
			}
			break
		}
		if !found {
			if errors {
				ctx.Errorf("Package %s was not found in the pkg-config search path.\nPerhaps you should add the directory containing `%s.pc'\nto the PKG_CONFIG_PATH environment variable\nPackage '%s', required by 'virtual:world', not found\n", n, n, n)
			}
			return 1
		}
		if version {
			out = append(out, fields["Version"])
		}
		if cflags && fields["Cflags"] != "" {
			out = append(out, fields["Cflags"])
		}
		if libs {
			l := fields["Libs"]
			if l == "" {
				l = "-l" + strings.TrimPrefix(n, "lib")
			}
			out = append(out, l)
		}
	}
	if exists {
		return 0
	}
	ctx.Print(strings.Join(out, " "), "\n")
	return 0
}
