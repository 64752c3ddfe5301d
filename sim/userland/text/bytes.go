package text

import (
	"crypto/sha3"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/userland/datetime"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// controlNames are the names of the characters 0 to 31.
var controlNames = strings.Fields("NUL SOH STX ETX EOT ENQ ACK BEL BS HT NL VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US")

// ascii prints the table of the ASCII characters, whatever it is given.
func ascii(c *prog.Ctx) int {
	c.Print("Dec Hex    Dec Hex    Dec Hex  Dec Hex  Dec Hex  Dec Hex   Dec Hex   Dec Hex\n")
	for row := range 16 {
		for col := range 8 {
			n := row + 16*col
			width := 2
			if col >= 6 {
				width = 3
			}
			if col > 0 {
				width++
			}
			name := string(rune(n))
			switch {
			case n < 32:
				name = controlNames[n]
				if col == 0 {
					name = fmt.Sprintf("%-3s", name)
				} else {
					name = fmt.Sprintf("%-3s", name)
				}
			case n == 127:
				name = "DEL"
			}
			if col == 0 {
				width = 3
			}
			c.Printf("%*d %02x %s", width, n, n, name)
			if col < 7 {
				c.Print(" ")
			}
		}
		c.Print("\n")
	}
	return 0
}

// crc32Program prints the CRC-32 of files, as gzip computes it.
func crc32Program(c *prog.Ctx) int {
	for range c.Getopt("", nil) {
	}
	names := c.Args
	if len(names) == 0 {
		names = []string{""}
	}
	for _, name := range names {
		h := crc32.NewIEEE()
		f, err := input(c, name)
		if name == "" {
			f, err = stdin{c.In}, nil
		}
		if err != nil {
			c.Fail("can't open '%s': %v", name, err)
			continue
		}
		if _, err = io.Copy(h, &stepReader{c, f}); err != nil {
			c.Fail("%s: %v", name, err)
		} else {
			c.Printf("%08x", h.Sum32())
			if name != "" {
				c.Print(" ", name)
			}
			c.Print("\n")
		}
		f.Close()
	}
	return c.Status
}

// sha3sum is the summer of SHA-3, whose length is an option.
func sha3sum(c *prog.Ctx) int {
	s := &summer{c: c}
	bits, check := 224, false
	for o := range c.Getopt("scwbta:", nil) {
		switch o.Val {
		case 'a':
			n, err := strconv.ParseUint(o.Arg, 10, 31)
			if err != nil {
				c.Die(1, "invalid number '%s'", o.Arg)
			}
			bits = int(n)
		case 'c':
			check = true
		case 's':
			s.status = true
		case 'w':
			s.warnI = true
		}
	}
	var sum func() hash.Hash
	switch bits {
	case 224:
		sum = func() hash.Hash { return sha3.New224() }
	case 256:
		sum = func() hash.Hash { return sha3.New256() }
	case 384:
		sum = func() hash.Hash { return sha3.New384() }
	case 512:
		sum = func() hash.Hash { return sha3.New512() }
	default:
		c.Die(1, "bad -a%d", bits)
	}
	if !check && (s.status || s.warnI) {
		c.Die(1, "-%s is meaningful only with -c", "s, -w")
	}
	s.alg, s.bytes = &algorithm{"sha3", "SHA3", bits / 8, false, fixed(sum)}, bits/8
	return s.files(check)
}

// ts puts the time before each line that it passes on.
func ts(c *prog.Ctx) int {
	sinceStart, sinceLine := false, false
	for o := range c.Getopt("is", nil) {
		sinceStart = sinceStart || o.Val == 's'
		sinceLine = sinceLine || o.Val == 'i'
	}
	if len(c.Args) > 1 {
		c.Usage()
	}
	zone, format := datetime.Zone(c.Getenv("TZ")), "%b %d %H:%M:%S"
	if sinceStart || sinceLine {
		zone, format = time.UTC, "%H:%M:%S"
	}
	if len(c.Args) > 0 {
		format = c.Args[0]
	}
	from := c.Now()
	in := newLines(c, c.In, '\n')
	for {
		line, err := in.next()
		if err != nil {
			return c.Status
		}
		now := c.Now()
		shown := now
		if sinceStart || sinceLine {
			shown = time.Unix(0, 0).Add(now.Sub(from))
		}
		if sinceLine {
			from = now
		}
		f := strings.NewReplacer("%.S", fmt.Sprintf("%%S.%06d", shown.Nanosecond()/1000), "%.s", fmt.Sprintf("%%s.%06d", shown.Nanosecond()/1000),
			"%.T", fmt.Sprintf("%%T.%06d", shown.Nanosecond()/1000)).Replace(format)
		c.Print(datetime.Format(f, shown.In(zone)), " ", string(line))
		c.Out.Flush()
	}
}
