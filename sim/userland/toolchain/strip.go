package toolchain

import (
	"strings"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// strip shortens a file of zeros behind its code by a fifth, which is about what symbols take; what
// has no symbols stays as it is.
func strip(ctx *prog.Ctx) int {
	out := ""
	args := ctx.Args
	var files []string
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		switch {
		case a == "--version" || a == "-V":
			ctx.Print("GNU strip (GNU Binutils for Debian) 2.40\n")
			return 0
		case a == "-o" && len(args) > 0:
			out, args = args[0], args[1:]
		case a == "-s" || a == "-g" || a == "-S" || a == "-d" || a == "-x" || a == "-p" || strings.HasPrefix(a, "--strip-") || strings.HasPrefix(a, "--remove-section=") || a == "--preserve-dates":
		case (a == "-R" || a == "-K" || a == "-N") && len(args) > 0:
			args = args[1:]
		case strings.HasPrefix(a, "-"):
			ctx.Errorf("%s: unrecognized option '%s'\n", ctx.Name, a)
			return 1
		default:
			files = append(files, a)
		}
	}
	if len(files) == 0 {
		ctx.UsageIsHelp()
		ctx.Usage()
	}
	for _, name := range files {
		f, err := ctx.OpenFile(name, linux.O_RDONLY, 0)
		if err != nil {
			ctx.Fail("'%s': No such file", name)
			continue
		}
		head := make([]byte, 8)
		n, _ := f.ReadAt(head, 0)
		f.Close()
		if string(head[:min(n, 4)]) != "\x7fELF" && string(head[:n]) != archiveMagic {
			ctx.Fail("%s: file format not recognized", name)
			continue
		}
		if out != "" && out != name {
			b, err := ctx.ReadFile(name)
			if err == nil {
				err = ctx.WriteFile(out, b, 0o755)
			}
			if err != nil {
				ctx.Fail("%s: %v", out, err)
				continue
			}
			name = out
		}
		stripSymbols(ctx, name)
	}
	return ctx.Status
}

// stripSymbols cuts zeros off the end.
func stripSymbols(ctx *prog.Ctx, name string) {
	st, err := ctx.Stat(name)
	if err != nil || st.Size < 2*codeAt {
		return
	}
	keep := st.Size - st.Size/5
	f, err := ctx.OpenFile(name, linux.O_RDONLY, 0)
	if err != nil {
		return
	}
	defer f.Close()
	buf := make([]byte, 64<<10)
	for at := keep; at < st.Size; {
		n, err := f.ReadAt(buf, at)
		for _, ch := range buf[:n] {
			if ch != 0 {
				return // it is no program of the lab's compiler, or stripped already
			}
		}
		at += int64(n)
		if err != nil || n == 0 {
			break
		}
	}
	if err := ctx.Truncate(name, keep); err != nil {
		ctx.Fail("%s: %v", name, err)
	}
}
