package redis

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A reply is what the server answers: simple (a status), error, int64, string, nil, or []reply.
type (
	reply  any
	simple string
	fault  string
)

var (
	ok      = simple("OK")
	errMore = errors.New("the request is not complete yet")
)

// encode writes a reply as RESP version 2.
func encode(b *strings.Builder, r reply) {
	switch v := r.(type) {
	case nil:
		b.WriteString("$-1\r\n")
	case simple:
		b.WriteString("+" + string(v) + "\r\n")
	case fault:
		b.WriteString("-" + string(v) + "\r\n")
	case int:
		b.WriteString(":" + strconv.Itoa(v) + "\r\n")
	case int64:
		b.WriteString(":" + strconv.FormatInt(v, 10) + "\r\n")
	case string:
		b.WriteString("$" + strconv.Itoa(len(v)) + "\r\n" + v + "\r\n")
	case []string:
		b.WriteString("*" + strconv.Itoa(len(v)) + "\r\n")
		for _, s := range v {
			encode(b, s)
		}
	case []reply:
		b.WriteString("*" + strconv.Itoa(len(v)) + "\r\n")
		for _, s := range v {
			encode(b, s)
		}
	case emptyArray:
		b.WriteString("*-1\r\n")
	}
}

// emptyArray is the null array, of a transaction that was not carried out.
type emptyArray struct{}

const (
	maxArgs = 1 << 16
	maxBulk = 16 << 20
)

// request takes one command off the beginning of in: an array of bulk strings, or a plain line.
func request(in []byte) (args []string, used int, err error) {
	if len(in) == 0 {
		return nil, 0, errMore
	}
	if in[0] != '*' {
		line, n, ok := cutLine(in)
		if !ok {
			if len(in) > 64<<10 {
				return nil, 0, errors.New("too big inline request")
			}
			return nil, 0, errMore
		}
		args, ok := splitArgs(line)
		if !ok {
			return nil, 0, errors.New("unbalanced quotes in request")
		}
		return args, n, nil
	}
	line, used, okay := cutLine(in)
	if !okay {
		return nil, 0, errMore
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil || n > maxArgs {
		return nil, 0, errors.New("invalid multibulk length")
	}
	for range max(n, 0) {
		line, m, okay := cutLine(in[used:])
		if !okay {
			return nil, 0, errMore
		}
		if line == "" || line[0] != '$' {
			got := byte(' ')
			if line != "" {
				got = line[0]
			}
			return nil, 0, fmt.Errorf("expected '$', got '%c'", got)
		}
		size, err := strconv.Atoi(line[1:])
		if err != nil || size < 0 || size > maxBulk {
			return nil, 0, errors.New("invalid bulk length")
		}
		used += m
		if len(in) < used+size+2 {
			return nil, 0, errMore
		}
		args = append(args, string(in[used:used+size]))
		used += size + 2
	}
	return args, used, nil
}

func cutLine(in []byte) (string, int, bool) {
	for i, c := range in {
		if c == '\n' {
			return strings.TrimSuffix(string(in[:i]), "\r"), i + 1, true
		}
	}
	return "", 0, false
}

// splitArgs cuts a line into words as redis-cli and inline commands do, with quotes.
func splitArgs(line string) ([]string, bool) {
	var out []string
	for i := 0; ; {
		for i < len(line) && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r') {
			i++
		}
		if i == len(line) {
			return out, true
		}
		var b strings.Builder
		switch q := line[i]; q {
		case '"', '\'':
			for i++; ; i++ {
				if i >= len(line) {
					return nil, false
				}
				if line[i] == q {
					i++
					break
				}
				if q == '"' && line[i] == '\\' && i+1 < len(line) {
					i++
					switch line[i] {
					case 'n':
						b.WriteByte('\n')
					case 'r':
						b.WriteByte('\r')
					case 't':
						b.WriteByte('\t')
					case 'x':
						if i+2 < len(line) {
							if n, err := strconv.ParseUint(line[i+1:i+3], 16, 8); err == nil {
								b.WriteByte(byte(n))
								i += 2
								continue
							}
						}
						b.WriteByte('x')
					default:
						b.WriteByte(line[i])
					}
					continue
				}
				b.WriteByte(line[i])
			}
			if i < len(line) && line[i] != ' ' && line[i] != '\t' {
				return nil, false
			}
		default:
			for i < len(line) && line[i] != ' ' && line[i] != '\t' && line[i] != '\r' {
				b.WriteByte(line[i])
				i++
			}
		}
		out = append(out, b.String())
	}
}

// decode reads one reply.
func decode(r *bufio.Reader) (reply, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return nil, errors.New("protocol error")
	}
	switch body := line[1:]; line[0] {
	case '+':
		return simple(body), nil
	case '-':
		return fault(body), nil
	case ':':
		n, err := strconv.ParseInt(body, 10, 64)
		return n, err
	case '$':
		n, err := strconv.Atoi(body)
		if err != nil || n < 0 || n > maxBulk {
			return nil, err
		}
		b := make([]byte, n+2)
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, err
		}
		return string(b[:n]), nil
	case '*':
		n, err := strconv.Atoi(body)
		if err != nil || n < 0 || n > maxArgs*16 {
			return nil, err
		}
		out := []reply{}
		for range n {
			v, err := decode(r)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	}
	return nil, fmt.Errorf("protocol error, got %q as reply type byte", line[0])
}
