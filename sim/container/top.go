package container

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	ctypes "github.com/docker/docker/api/types/container"

	"github.com/dockerlab/dockerlab/sim/kernel"
)

// Top lists the processes of a container as ps(1) on the host would, with the options given.
func (e *Engine) Top(ref, args string) (*ctypes.ContainerTopOKBody, error) {
	if args == "" {
		args = "-ef"
	}
	for _, m := range renamedPid.FindAllStringSubmatch(args, -1) {
		if m[1] != "pid" {
			return nil, fmt.Errorf("specifying \"%s=%s\" is not allowed", m[1], m[2])
		}
	}
	c, err := e.Container(ref)
	if err != nil {
		return nil, err
	}
	if !c.Status.Running {
		return nil, notRunning(c.ID)
	}
	if c.Status.Restarting {
		return nil, conflict("Container %s is restarting, wait until the container is running", c.ID)
	}
	columns, err := psColumns(args)
	if err != nil {
		return nil, system("ps: %w", err)
	}
	if !slices.ContainsFunc(columns, func(c psColumn) bool { return c.title == "PID" }) {
		return nil, fmt.Errorf("Couldn't find PID field in ps output")
	}
	body := &ctypes.ContainerTopOKBody{Processes: [][]string{}}
	for _, col := range columns {
		body.Titles = append(body.Titles, col.title)
	}
	e.k.Do(func() {
		e.mu.Lock()
		box := e.live0(c.ID).box
		e.mu.Unlock()
		if box == nil {
			return
		}
		ps := psContext{now: e.k.Now(), boot: e.k.Boot(), users: map[uint32]string{}}
		if v := e.hostView(); v != nil {
			passwd, _ := readAccounts(v)
			for f := range records(passwd, 7) {
				if n, err := strconv.ParseUint(f[2], 10, 32); err == nil && ps.users[uint32(n)] == "" {
					ps.users[uint32(n)] = f[0]
				}
			}
		}
		for _, p := range box.Procs() {
			if p.State == 'Z' {
				continue // a control group does not list it
			}
			var row []string
			for _, col := range columns {
				row = append(row, col.value(ps, p))
			}
			body.Processes = append(body.Processes, row)
		}
	})
	e.emitContainer(c, "top", nil)
	return body, nil
}

var renamedPid = regexp.MustCompile(`\s+([^\s]*)=\s*(PID[^\s]*)`)

type psContext struct {
	now, boot time.Time
	users     map[uint32]string
}

func (x psContext) user(uid uint32) string {
	if n := x.users[uid]; n != "" {
		return n
	}
	return strconv.FormatUint(uint64(uid), 10)
}

type psColumn struct {
	title string
	value func(x psContext, p kernel.ProcInfo) string
}

func psTTY(p kernel.ProcInfo) string {
	if p.TTY == "" {
		return "?"
	}
	return p.TTY
}

func psTime(d time.Duration) string {
	s := int(d / time.Second)
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

func psArgs(p kernel.ProcInfo) string {
	if len(p.Cmdline) == 0 {
		return "[" + p.Comm + "]"
	}
	return strings.Join(p.Cmdline, " ")
}

func psStat(p kernel.ProcInfo) string {
	s := string(p.State)
	if p.Session {
		s += "s"
	}
	if p.Foreground {
		s += "+"
	}
	return s
}

func psStart(x psContext, t time.Time) string {
	if x.now.Sub(t) < 24*time.Hour {
		return t.Format("15:04")
	}
	return t.Format("Jan02")
}

// psNames are the columns that ps -o knows, and their titles.
var psNames = map[string]psColumn{
	"pid":   {"PID", func(_ psContext, p kernel.ProcInfo) string { return strconv.Itoa(p.HostPid) }},
	"ppid":  {"PPID", func(_ psContext, p kernel.ProcInfo) string { return strconv.Itoa(p.Ppid) }},
	"pgid":  {"PGID", func(_ psContext, p kernel.ProcInfo) string { return strconv.Itoa(p.Pgid) }},
	"sid":   {"SID", func(_ psContext, p kernel.ProcInfo) string { return strconv.Itoa(p.Sid) }},
	"user":  {"USER", func(x psContext, p kernel.ProcInfo) string { return x.user(p.Cred.UID) }},
	"uid":   {"UID", func(_ psContext, p kernel.ProcInfo) string { return fmt.Sprint(p.Cred.UID) }},
	"gid":   {"GID", func(_ psContext, p kernel.ProcInfo) string { return fmt.Sprint(p.Cred.GID) }},
	"comm":  {"COMMAND", func(_ psContext, p kernel.ProcInfo) string { return p.Comm }},
	"args":  {"COMMAND", func(_ psContext, p kernel.ProcInfo) string { return psArgs(p) }},
	"cmd":   {"CMD", func(_ psContext, p kernel.ProcInfo) string { return psArgs(p) }},
	"tty":   {"TT", func(_ psContext, p kernel.ProcInfo) string { return psTTY(p) }},
	"time":  {"TIME", func(_ psContext, p kernel.ProcInfo) string { return psTime(p.CPU) }},
	"stat":  {"STAT", func(_ psContext, p kernel.ProcInfo) string { return psStat(p) }},
	"state": {"S", func(_ psContext, p kernel.ProcInfo) string { return string(p.State) }},
	"stime": {"STIME", func(x psContext, p kernel.ProcInfo) string { return psStart(x, p.Started) }},
	"etime": {"ELAPSED", func(x psContext, p kernel.ProcInfo) string {
		s := int(x.now.Sub(p.Started) / time.Second)
		if s >= 3600 {
			return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
		}
		return fmt.Sprintf("%02d:%02d", s/60, s%60)
	}},
	"pcpu": {"%CPU", func(psContext, kernel.ProcInfo) string { return "0.0" }},
	"pmem": {"%MEM", func(psContext, kernel.ProcInfo) string { return "0.0" }},
	"vsz":  {"VSZ", func(psContext, kernel.ProcInfo) string { return "2888" }},
	"rss":  {"RSS", func(psContext, kernel.ProcInfo) string { return "960" }},
	"ni":   {"NI", func(psContext, kernel.ProcInfo) string { return "0" }},
	"c":    {"C", func(psContext, kernel.ProcInfo) string { return "0" }},
}

var psAliases = map[string]string{"command": "args", "ucmd": "comm", "ucomm": "comm", "euser": "user", "uname": "user",
	"euid": "uid", "egid": "gid", "tt": "tty", "tname": "tty", "s": "state", "start_time": "stime", "start": "stime",
	"%cpu": "pcpu", "%mem": "pmem", "vsize": "vsz", "rssize": "rss", "nice": "ni", "cputime": "time", "sess": "sid", "pgrp": "pgid"}

// titled is a column under another title.
func titled(name, title string) psColumn {
	c := psNames[name]
	c.title = title
	return c
}

// psColumns reads the options of ps that docker top is commonly given.
func psColumns(args string) ([]psColumn, error) {
	full := []psColumn{titled("user", "UID"), psNames["pid"], psNames["ppid"], psNames["c"], psNames["stime"], titled("tty", "TTY"), psNames["time"], psNames["cmd"]}
	bsd := []psColumn{psNames["user"], psNames["pid"], psNames["pcpu"], psNames["pmem"], psNames["vsz"], psNames["rss"], titled("tty", "TTY"), psNames["stat"], titled("stime", "START"), titled("time", "TIME"), titled("args", "COMMAND")}
	plain := []psColumn{psNames["pid"], titled("tty", "TTY"), psNames["time"], titled("comm", "CMD")}
	columns := plain
	var chosen []psColumn
	words := strings.Fields(args)
	for i := 0; i < len(words); i++ {
		w := words[i]
		dash := strings.HasPrefix(w, "-")
		letters := strings.TrimLeft(w, "-")
		for j := 0; j < len(letters); j++ {
			switch c := letters[j]; {
			case c == 'o' || c == 'O':
				list := letters[j+1:]
				if list == "" {
					if i++; i >= len(words) {
						return nil, fmt.Errorf("error: format specification must follow -o")
					}
					list = words[i]
				}
				got, err := psList(list)
				if err != nil {
					return nil, err
				}
				chosen = append(chosen, got...)
				j = len(letters)
			case c == 'f' && dash:
				columns = full
			case c == 'u' && !dash:
				columns = bsd
			case c == 'l' && dash:
				columns = append([]psColumn{psNames["state"]}, full...)
			case strings.IndexByte("eAaxdwfHcL", c) >= 0:
			default:
				return nil, fmt.Errorf("error: unsupported SysV option")
			}
		}
	}
	if chosen != nil {
		columns = chosen
	}
	return columns, nil
}

// psList reads the names of ps -o, each with a title of its own after "=" if it has one.
func psList(list string) ([]psColumn, error) {
	var out []psColumn
	for _, n := range strings.Split(list, ",") {
		name, title, renamed := strings.Cut(strings.TrimSpace(n), "=")
		if a := psAliases[name]; a != "" {
			if title == "" && !renamed {
				switch name {
				case "command", "args":
					title = "COMMAND"
				case "start":
					title = "STARTED"
				}
			}
			name = a
		}
		c, ok := psNames[name]
		if !ok {
			return nil, fmt.Errorf("error: unknown user-defined format specifier \"%s\"", name)
		}
		if title != "" {
			c.title = title
		}
		out = append(out, c)
	}
	return out, nil
}

// Stats is one sample of what a container uses, as far as the lab's kernel counts it.
func (e *Engine) Stats(ref string) (*types.StatsJSON, bool, error) {
	c, err := e.Container(ref)
	if err != nil {
		return nil, false, err
	}
	s := &types.StatsJSON{Name: c.Name, ID: c.ID}
	if !c.Status.Running {
		return s, false, nil
	}
	e.k.Do(func() {
		e.mu.Lock()
		l := e.live0(c.ID)
		box, ns := l.box, l.net
		e.mu.Unlock()
		if box == nil {
			return
		}
		now := e.k.Now()
		s.Read = now
		procs := box.Procs()
		s.PidsStats.Current = uint64(len(procs))
		for _, p := range procs {
			s.CPUStats.CPUUsage.TotalUsage += uint64(p.CPU)
		}
		s.CPUStats.CPUUsage.PercpuUsage = make([]uint64, cpus)
		s.CPUStats.CPUUsage.PercpuUsage[0] = s.CPUStats.CPUUsage.TotalUsage
		s.CPUStats.SystemUsage = uint64(now.Sub(e.k.Boot())) * cpus
		s.CPUStats.OnlineCPUs = cpus
		s.MemoryStats.Usage = uint64(memoryOf(box))
		s.MemoryStats.MaxUsage = s.MemoryStats.Usage
		s.MemoryStats.Limit = memTotal
		if m := c.Host.Memory; m > 0 {
			s.MemoryStats.Limit = uint64(m)
		}
		s.MemoryStats.Stats = memoryStats(s.MemoryStats.Usage, s.MemoryStats.Limit)
		s.Networks = map[string]types.NetworkStats{}
		if ns != nil {
			for _, i := range ns.Ifaces() {
				s.Networks[i.Name] = types.NetworkStats{}
			}
		}
	})
	return s, true, nil
}

// memoryStats are what a control group tells of memory, all of which is anonymous.
func memoryStats(usage, limit uint64) map[string]uint64 {
	m := map[string]uint64{"hierarchical_memory_limit": limit, "hierarchical_memsw_limit": 0}
	for _, name := range []string{"cache", "dirty", "mapped_file", "pgfault", "pgmajfault", "pgpgin", "pgpgout", "rss_huge", "shmem", "unevictable", "writeback",
		"active_file", "inactive_file", "inactive_anon"} {
		m[name], m["total_"+name] = 0, 0
	}
	for _, name := range []string{"rss", "active_anon"} {
		m[name], m["total_"+name] = usage, usage
	}
	return m
}
