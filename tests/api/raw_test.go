package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/kernel"
)

// raw is a program on the lab's host that sends its input to the engine as it is, and shows all that
// comes back:
//
//	printf 'GET /_ping HTTP/1.0\r\n\r\n' | raw
//
// When the input has ended, so has what the engine reads; "raw -k" keeps its own end open until the
// engine closes, "raw -k 2" for two seconds at most. Bytes that are no text are shown as Go has them.
func raw(p *kernel.Proc) int {
	args := p.Args()[1:]
	return p.Outside(func(o *kernel.Outside) int {
		if err := rawEngine(o, args); err != nil {
			fmt.Fprintln(o.Writer(2), "raw:", err)
			return 1
		}
		return 0
	})
}

func rawEngine(o *kernel.Outside, args []string) error {
	keep, most := false, 20*time.Second
	if len(args) > 0 && args[0] == "-k" {
		keep, args = true, args[1:]
	}
	if keep && len(args) > 0 {
		n, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		most = time.Duration(n) * time.Second
	}
	conn, err := dial(context.Background(), o)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(most))
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(conn, o.Reader(0))
		if c, ok := conn.(interface{ CloseWrite() error }); ok && !keep && err == nil {
			err = c.CloseWrite()
		}
		sent <- err
	}()
	b, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		b = append(b, "(the connection is still open)\n"...)
	} else if err != nil {
		return err
	}
	_, err = o.Writer(1).Write(showBytes(b))
	return err
}

var dateLine = regexp.MustCompile(`(?m)^Date: .*\r\n`)

// showBytes is what came, line by line.
func showBytes(b []byte) []byte {
	b = bytes.ReplaceAll(dateLine.ReplaceAll(b, nil), []byte("\r\n"), []byte("\n"))
	var out strings.Builder
	for _, r := range string(b) {
		if r == '\n' || r >= ' ' && r < 0x7f {
			out.WriteRune(r)
			continue
		}
		q := strconv.QuoteRuneToASCII(r)
		out.WriteString(q[1 : len(q)-1])
	}
	if out.Len() > 0 && b[len(b)-1] != '\n' {
		out.WriteByte('\n')
	}
	return []byte(out.String())
}
