package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

// dial connects to the engine that records, or else to the lab's own.
func dial(ctx context.Context, o *kernel.Outside) (net.Conn, error) {
	if *record == "" {
		return o.DialUnix(sim.Socket)
	}
	u, err := url.Parse(*record)
	if err != nil {
		return nil, err
	}
	return (&net.Dialer{}).DialContext(ctx, u.Scheme, u.Path)
}

// ask is a program on the lab's host. It makes one request of the Engine API:
//
//	ask GET /containers/json                    shows the status, and the answer
//	ask POST /containers/create '{"Image":""}'  sends JSON
//	tar c . | ask PUT /containers/x/archive -   sends its input, in chunks
//	ask -i -H 'Content-Type: text/plain' ...    shows the headers of the answer, sends another one
//
// The status and the headers go to standard error. JSON is shown with its keys in order, over several
// lines where it is long.
func ask(p *kernel.Proc) int {
	args := p.Args()[1:]
	return p.Outside(func(o *kernel.Outside) int {
		if err := askEngine(o, args); err != nil {
			fmt.Fprintln(o.Writer(2), "ask:", err)
			return 1
		}
		return 0
	})
}

func askEngine(o *kernel.Outside, args []string) error {
	headers := http.Header{}
	show := false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch {
		case args[0] == "-i":
			show = true
		case args[0] == "-H" && len(args) > 1:
			name, value, _ := strings.Cut(args[1], ": ")
			headers.Add(name, value)
			args = args[1:]
		default:
			return fmt.Errorf("no option %s", args[0])
		}
		args = args[1:]
	}
	if len(args) < 2 {
		return errors.New("usage: ask [-i] [-H 'NAME: VALUE']... METHOD PATH [BODY | -]")
	}
	var body io.Reader
	if len(args) > 2 {
		body = strings.NewReader(args[2])
		if args[2] == "-" {
			body = o.Reader(0)
		} else if headers.Get("Content-Type") == "" {
			headers.Set("Content-Type", "application/json")
		}
	}
	r, err := http.NewRequest(args[0], "http://docker"+args[1], body)
	if err != nil {
		return err
	}
	r.Header = headers
	c := &http.Client{
		Transport:     &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, o) }},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       time.Minute,
	}
	defer c.CloseIdleConnections()
	resp, err := c.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	fmt.Fprintln(o.Writer(2), resp.Status)
	if show {
		showHeaders(o.Writer(2), resp.Header)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	_, err = o.Writer(1).Write(showBody(b))
	return err
}

func showHeaders(w io.Writer, h http.Header) {
	var lines []string
	for name, values := range h {
		for _, v := range values {
			if name != "Date" {
				lines = append(lines, name+": "+v+"\n")
			}
		}
	}
	slices.Sort(lines)
	fmt.Fprint(w, strings.Join(lines, ""))
}

// longest is how long a line of JSON may be before it is shown over several.
const longest = 120

// showBody is JSON with its keys in order, each value of a stream by itself; what is no JSON is itself,
// and what is not text is quoted.
func showBody(b []byte) []byte {
	var out bytes.Buffer
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	for {
		var v any
		if err := d.Decode(&v); err == io.EOF {
			return out.Bytes()
		} else if err != nil {
			return fmt.Appendf(nil, "%s\n", bytes.TrimSpace(b))
		}
		encode := func(indent string) string {
			var s strings.Builder
			e := json.NewEncoder(&s)
			e.SetEscapeHTML(false)
			e.SetIndent("", indent)
			e.Encode(v)
			return s.String()
		}
		line := encode("")
		if len(line) > longest {
			line = encode("  ")
		}
		out.WriteString(line)
	}
}
