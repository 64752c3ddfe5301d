package redis

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// conversation is redis-cli's connection.
type conversation struct {
	c    *prog.Ctx
	host string
	port uint16
	fd   int
	in   *bufio.Reader
	db   int
	pass string
	raw  bool
}

func cli(c *prog.Ctx) int {
	v := &conversation{c: c, host: "127.0.0.1", port: 6379, fd: -1, raw: !c.Isatty(1)}
	args := c.Args
	repeat := 1
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		opt := args[0]
		args = args[1:]
		take := func() string {
			if len(args) == 0 {
				fmt.Fprintf(c.Err, "Unrecognized option or bad number of args for: '%s'\n", opt)
				c.Exit(1)
			}
			a := args[0]
			args = args[1:]
			return a
		}
		number := func() int {
			n, err := strconv.Atoi(take())
			if err != nil || n < 0 || n > 65535 {
				fmt.Fprintln(c.Err, "Invalid server port.")
				c.Exit(1)
			}
			return n
		}
		switch opt {
		case "-h":
			v.host = take()
		case "-p":
			v.port = uint16(number())
		case "-n":
			v.db = number()
		case "-a", "--pass":
			v.pass = take()
		case "-r":
			repeat = number()
		case "--raw":
			v.raw = true
		case "--no-raw":
			v.raw = false
		case "--no-auth-warning":
		case "-v", "--version":
			c.Printf("redis-cli %s\n", releaseOf(c))
			return 0
		default:
			fmt.Fprintf(c.Err, "Unrecognized option or bad number of args for: '%s'\n", opt)
			return 1
		}
	}
	if len(args) > 0 {
		status := 0
		for range repeat {
			if s := v.once(args); s != 0 {
				status = s
			}
		}
		return status
	}
	tty := c.Isatty(0)
	status := 0
	if err := v.connect(); err != nil && tty {
		fmt.Fprintf(c.Err, "Could not connect to Redis at %s:%d: %v\n", v.host, v.port, err)
	}
	for {
		if tty {
			if v.fd >= 0 {
				db := ""
				if v.db != 0 {
					db = fmt.Sprintf("[%d]", v.db)
				}
				c.Printf("%s:%d%s> ", v.host, v.port, db)
			} else {
				c.Print("not connected> ")
			}
			c.Out.Flush()
		}
		line, err := c.In.ReadString('\n')
		if words, fine := splitArgs(strings.TrimRight(line, "\r\n")); !fine {
			c.Print("Invalid argument(s)\n")
		} else if len(words) > 0 {
			switch strings.ToLower(words[0]) {
			case "exit", "quit":
				return 0
			}
			status = v.once(words)
		}
		if err == io.EOF {
			return status
		}
		if err != nil {
			return 1
		}
	}
}

func (v *conversation) connect() error {
	addrs, err := v.c.Resolve(v.host)
	if err != nil {
		return fmt.Errorf("Name or service not known")
	}
	fd, err := v.c.Dial("tcp", netip.AddrPortFrom(addrs[0], v.port))
	if err != nil {
		return err
	}
	v.fd, v.in = fd, bufio.NewReader(v.c.Reader(fd))
	if v.pass != "" {
		if r, err := v.ask([]string{"AUTH", v.pass}); err == nil {
			if f, bad := r.(fault); bad {
				fmt.Fprintf(v.c.Err, "AUTH failed: %s\n", f)
			}
		}
	}
	if v.db != 0 {
		v.ask([]string{"SELECT", strconv.Itoa(v.db)})
	}
	return nil
}

func (v *conversation) ask(args []string) (reply, error) {
	var b strings.Builder
	encode(&b, args)
	if _, err := v.c.Write(v.fd, []byte(b.String())); err != nil {
		return nil, err
	}
	return decode(v.in)
}

// once sends a command and prints the answer.
func (v *conversation) once(args []string) int {
	if v.fd < 0 {
		if err := v.connect(); err != nil {
			fmt.Fprintf(v.c.Err, "Could not connect to Redis at %s:%d: %v\n", v.host, v.port, err)
			return 1
		}
	}
	r, err := v.ask(args)
	if err != nil {
		v.c.Close(v.fd)
		v.fd = -1
		if strings.EqualFold(args[0], "shutdown") {
			return 0
		}
		fmt.Fprintln(v.c.Err, "Error: Server closed the connection")
		return 1
	}
	if strings.EqualFold(args[0], "select") && r == ok && len(args) > 1 {
		v.db, _ = strconv.Atoi(args[1])
	}
	_, bad := r.(fault)
	if v.raw {
		v.c.Print(rawText(r), "\n")
	} else if s, text := r.(string); text && strings.EqualFold(args[0], "info") {
		v.c.Print(s)
	} else {
		v.c.Print(pretty(r, ""))
	}
	v.c.Out.Flush()
	if bad && !v.c.Isatty(0) {
		return 1
	}
	return 0
}

// rawText is how a reply looks when nobody looks: plain.
func rawText(r reply) string {
	switch x := r.(type) {
	case nil:
		return ""
	case simple:
		return string(x)
	case fault:
		return string(x) + "\n"
	case int64:
		return strconv.FormatInt(x, 10)
	case string:
		return x
	case []reply:
		var out []string
		for _, e := range x {
			out = append(out, rawText(e))
		}
		return strings.Join(out, "\n")
	}
	return ""
}

// pretty is how it looks on a terminal.
func pretty(r reply, indent string) string {
	switch x := r.(type) {
	case nil:
		return "(nil)\n"
	case simple:
		return string(x) + "\n"
	case fault:
		return "(error) " + string(x) + "\n"
	case int64:
		return fmt.Sprintf("(integer) %d\n", x)
	case string:
		return repr(x) + "\n"
	case []reply:
		if len(x) == 0 {
			return "(empty array)\n"
		}
		width := len(strconv.Itoa(len(x)))
		var b strings.Builder
		for i, e := range x {
			if i > 0 {
				b.WriteString(indent)
			}
			fmt.Fprintf(&b, "%*d) %s", width, i+1, pretty(e, indent+strings.Repeat(" ", width+2)))
		}
		return b.String()
	}
	return ""
}

// repr quotes a string as redis does.
func repr(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		case 7:
			b.WriteString(`\a`)
		case 8:
			b.WriteString(`\b`)
		default:
			if c < 32 || c > 126 {
				fmt.Fprintf(&b, `\x%02x`, c)
			} else {
				b.WriteByte(c)
			}
		}
	}
	return b.String() + `"`
}
