package files

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/human"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
	"github.com/dockerlab/dockerlab/sim/vfs"
)

const (
	dfTotal = prog.LongOnly + iota
	dfOutput
	dfSync
	dfNoSync
)

var dfLong = []prog.Long{
	{Name: "all", Val: 'a'}, {Name: "block-size", Arg: prog.ReqArg, Val: 'B'}, {Name: "inodes", Val: 'i'}, {Name: "human-readable", Val: 'h'}, {Name: "si", Val: 'H'},
	{Name: "local", Val: 'l'}, {Name: "output", Arg: prog.OptArg, Val: dfOutput}, {Name: "portability", Val: 'P'}, {Name: "print-type", Val: 'T'},
	{Name: "sync", Val: dfSync}, {Name: "no-sync", Val: dfNoSync}, {Name: "total", Val: dfTotal}, {Name: "type", Arg: prog.ReqArg, Val: 't'}, {Name: "exclude-type", Arg: prog.ReqArg, Val: 'x'},
}

// disks is one run of df.
type disks struct {
	*prog.Ctx
	all, inodes, posix, kind bool
	size                     human.BlockSize
	types, notTypes          []string
	fields                   []string // of --output
	rows                     []diskRow
}

// diskRow is one file system.
type diskRow struct {
	source, kind, target, file string
	fs                         vfs.Statfs
}

var dfFields = []string{"source", "fstype", "itotal", "iused", "iavail", "ipcent", "size", "used", "avail", "pcent", "file", "target"}

func df(c *prog.Ctx) int {
	d := &disks{Ctx: c, size: human.BlockSize{Size: 1024}}
	total := false
	short, long := "aB:iF:hHklmPTt:vx:", dfLong
	if !c.GNU() {
		short, long = "kmhHiTt:aPB:", nil
	} else {
		for _, env := range []string{"DF_BLOCK_SIZE", "BLOCK_SIZE"} {
			if b, ok := human.ParseBlockSize(c.Getenv(env)); ok {
				d.size = b
				break
			}
		}
	}
	for o := range c.Getopt(short, long) {
		switch o.Val {
		case 'a':
			d.all = true
		case 'B':
			if !c.GNU() {
				n, _, ok := human.ParseSize(o.Arg)
				if !ok || n == 0 {
					c.Die(1, "invalid number '%s'", o.Arg)
				}
				d.size = human.BlockSize{Size: n}
				break
			}
			b, ok := human.ParseBlockSize(o.Arg)
			if !ok {
				name := "-B"
				if o.Name != name {
					name = "--block-size"
				}
				c.Die(1, "invalid %s argument %s", name, c.Quote(o.Arg))
			}
			d.size = b
		case 'i':
			d.inodes = true
		case 'h':
			d.size = human.BlockSize{Human: 1024}
		case 'H':
			d.size = human.BlockSize{Human: 1000}
		case 'k':
			d.size = human.BlockSize{Size: 1024}
		case 'm':
			d.size = human.BlockSize{Size: 1 << 20}
		case 'l', 'v', dfSync, dfNoSync:
		case 'P':
			d.posix = true
		case 'T':
			d.kind = true
		case 't', 'F':
			d.types = append(d.types, o.Arg)
		case 'x':
			d.notTypes = append(d.notTypes, o.Arg)
		case dfTotal:
			total = true
		case dfOutput:
			d.fields = append(d.fields, d.outputFields(o)...)
		}
	}
	if d.fields != nil {
		for opt, on := range map[string]bool{"-i": d.inodes, "-P": d.posix, "-T": d.kind} {
			if on {
				c.Fail("options %s and %s are mutually exclusive", opt, "--output")
				c.Usage()
			}
		}
	}
	if len(c.Args) > 0 {
		if !c.GNU() {
			d.busyboxHeader()
		}
		for _, name := range c.Args {
			d.file(name)
		}
	} else {
		if !c.GNU() {
			d.busyboxHeader()
		}
		d.mounts()
	}
	if len(d.rows) == 0 && c.GNU() {
		if c.Status == 0 {
			c.Fail("no file systems processed")
		}
		return c.Status
	}
	if total && len(d.rows) > 0 {
		sum := diskRow{source: "total", kind: "-", target: "-", file: "-"}
		for _, r := range d.rows {
			sum.fs.Bytes += r.fs.Bytes
			sum.fs.BytesFree += r.fs.BytesFree
			sum.fs.Inodes += r.fs.Inodes
			sum.fs.InodesFree += r.fs.InodesFree
		}
		d.rows = append(d.rows, sum)
	}
	if c.GNU() {
		d.table()
	} else {
		d.busybox()
	}
	return c.Status
}

func (d *disks) outputFields(o prog.Opt) []string {
	if !o.Has {
		return dfFields
	}
	var fields []string
	for _, f := range strings.Split(o.Arg, ",") {
		if !slices.Contains(dfFields, f) {
			d.Fail("option --output: field %s unknown", d.Quote(f))
			d.Usage()
		}
		if slices.Contains(append(d.fields, fields...), f) {
			d.Fail("option --output: field %s used more than once", d.Quote(f))
			d.Usage()
		}
		fields = append(fields, f)
	}
	return fields
}

func (d *disks) wanted(kind string) bool {
	return (len(d.types) == 0 || slices.Contains(d.types, kind)) && !slices.Contains(d.notTypes, kind)
}

// file adds the file system that a file is on.
func (d *disks) file(name string) {
	if _, err := d.Stat(name); err != nil {
		if d.GNU() {
			d.Fail("%s: %v", d.QuoteColon(name), err)
		} else {
			d.Fail("%s: can't find mount point", name)
		}
		return
	}
	m, err := d.MountOf(name)
	if err != nil {
		d.Fail("%s: %v", name, err)
		return
	}
	fs, err := d.Statfs(name)
	if err != nil {
		d.Fail("%s: %v", name, err)
		return
	}
	if d.wanted(m.FS.Type()) {
		target := m.Path
		if target == "" {
			target = "/"
		}
		d.rows = append(d.rows, diskRow{m.Source, m.FS.Type(), target, name, fs})
	}
}

// mounts adds every file system in /proc/mounts that has a size, each device once.
func (d *disks) mounts() {
	text, err := d.ReadFile("/proc/mounts")
	if err != nil {
		if d.GNU() {
			d.Die(1, "cannot read table of mounted file systems: %v", err)
		}
		d.Die(1, "/proc/mounts: %v", err)
	}
	seen := map[uint64]int{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 3 || !d.wanted(f[2]) {
			continue
		}
		fs, err := d.Statfs(f[1])
		if err != nil {
			continue
		}
		if !d.all && (fs.Bytes == 0 || f[2] == "rootfs") {
			continue
		}
		row := diskRow{f[0], f[2], f[1], "-", fs}
		if st, err := d.Stat(f[1]); err == nil && d.GNU() && !d.all {
			// Of several mounts of one device, the one nearest the root stands for all.
			if i, dup := seen[uint64(st.Dev)]; dup {
				if len(row.target) < len(d.rows[i].target) {
					d.rows[i] = row
				}
				continue
			}
			seen[uint64(st.Dev)] = len(d.rows)
		}
		d.rows = append(d.rows, row)
	}
}

func (d *disks) amount(n int64) string {
	if d.size.Human != 0 {
		return human.GNU(uint64(n), d.size.Human)
	}
	return strconv.FormatUint(human.Ceil(uint64(n), d.size.Size), 10)
}

func percent(used, total int64) string {
	if total == 0 {
		return "-"
	}
	return strconv.FormatInt((used*100+total-1)/total, 10) + "%"
}

// table is GNU's: columns as wide as they need.
func (d *disks) table() {
	fields := d.fields
	if fields == nil {
		fields = []string{"source"}
		if d.kind {
			fields = append(fields, "fstype")
		}
		if d.inodes {
			fields = append(fields, "itotal", "iused", "iavail", "ipcent")
		} else {
			fields = append(fields, "size", "used", "avail", "pcent")
		}
		fields = append(fields, "target")
	}
	header := map[string]string{"source": "Filesystem", "fstype": "Type", "itotal": "Inodes", "iused": "IUsed", "iavail": "IFree", "ipcent": "IUse%",
		"used": "Used", "avail": "Available", "pcent": "Use%", "file": "File", "target": "Mounted on"}
	switch {
	case d.size.Human != 0:
		header["size"], header["avail"] = "Size", "Avail"
	case d.posix:
		header["size"], header["pcent"] = strconv.FormatUint(d.size.Size, 10)+"-blocks", "Capacity"
	case d.size.Suffix != "":
		header["size"] = "1" + d.size.Suffix + "-blocks"
	case d.size.Size == 1<<20:
		header["size"] = "1M-blocks"
	case d.size.Size == 1<<30:
		header["size"] = "1G-blocks"
	case d.size.Size%1024 == 0 && d.size.Size < 1<<20:
		header["size"] = strconv.FormatUint(d.size.Size/1024, 10) + "K-blocks"
	default:
		header["size"] = strconv.FormatUint(d.size.Size, 10) + "B-blocks"
	}
	count := func(n int64) string {
		if d.size.Human != 0 {
			return human.GNU(uint64(n), d.size.Human)
		}
		return strconv.FormatInt(n, 10)
	}
	cells := [][]string{{}}
	for _, f := range fields {
		cells[0] = append(cells[0], header[f])
	}
	for _, r := range d.rows {
		iused, used := r.fs.Inodes-r.fs.InodesFree, r.fs.Bytes-r.fs.BytesFree
		var row []string
		for _, f := range fields {
			row = append(row, map[string]string{
				"source": r.source, "fstype": r.kind, "file": r.file, "target": r.target,
				"itotal": count(r.fs.Inodes), "iused": count(iused), "iavail": count(r.fs.InodesFree), "ipcent": percent(iused, r.fs.Inodes),
				"size": d.amount(r.fs.Bytes), "used": d.amount(used), "avail": d.amount(r.fs.BytesFree), "pcent": percent(used, r.fs.Bytes),
			}[f])
		}
		cells = append(cells, row)
	}
	left := map[string]bool{"source": true, "fstype": true, "file": true, "target": true}
	least := map[string]int{"source": 14, "size": 5, "used": 5, "avail": 5, "itotal": 5, "iused": 5, "iavail": 5, "pcent": 4, "ipcent": 4, "fstype": 4}
	for i, row := range cells {
		for j, f := range fields {
			w := least[f]
			for _, other := range cells {
				w = max(w, len(other[j]))
			}
			if j > 0 {
				d.Print(" ")
			}
			switch {
			case left[f] && j == len(fields)-1:
				d.Print(cells[i][j])
			case left[f]:
				d.Print(fmt.Sprintf("%-*s", w, row[j]))
			default:
				d.Print(fmt.Sprintf("%*s", w, row[j]))
			}
		}
		d.Print("\n")
	}
}

// busyboxHeader is the line of headings, which Busybox writes before it looks at anything.
func (d *disks) busyboxHeader() {
	header := "1K-blocks"
	used := "Use%"
	switch {
	case d.inodes:
		header = "   Inodes"
	case d.size.Human != 0:
		header = "     Size"
	case d.posix && d.size.Size == 1024:
		header, used = "1024-blocks", "Capacity"
	case d.posix:
		header, used = strconv.FormatUint(d.size.Size, 10)+"-blocks", "Capacity"
	case d.size.Size == 1<<20:
		header = "1M-blocks"
	case d.size.Size != 1024:
		header = strconv.FormatUint(d.size.Size, 10) + "-blocks"
	}
	kind := ""
	if d.kind {
		kind = "Type       "
	}
	d.Printf("Filesystem           %s%-15sUsed Available %s Mounted on\n", kind, header, used)
}

func (d *disks) busybox() {
	for _, r := range d.rows {
		total, free := r.fs.Bytes, r.fs.BytesFree
		if d.inodes {
			total, free = r.fs.Inodes, r.fs.InodesFree
		}
		usedN := total - free
		pct := int64(0)
		if total > 0 {
			pct = (usedN*100 + total/2) / total
		}
		source := r.source
		if len(source) > 20 {
			source += "\n                    "
		}
		d.Print(fmt.Sprintf("%-20s ", source))
		if d.kind {
			d.Print(fmt.Sprintf("%-10s ", r.kind))
		}
		cell := func(n int64) string {
			switch {
			case d.size.Human != 0:
				return human.Busybox(uint64(n))
			case d.inodes:
				return strconv.FormatInt(n, 10)
			}
			return strconv.FormatInt((n+int64(d.size.Size)/2)/int64(d.size.Size), 10)
		}
		d.Print(fmt.Sprintf("%9s %9s %9s %3d%% %s\n", cell(total), cell(usedN), cell(free), pct, r.target))
	}
}
