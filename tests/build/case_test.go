package build

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/ulikunitz/xz"
)

// A testCase is a file of testdata: what is built, and what the engine made of it.
//
//	# A title.
//
//	-- Dockerfile --
//	FROM build-base
//	COPY f /x
//	-- f mode=4755 uid=3 gid=4 --
//	the text of a file
//	-- d/ mode=1777 --
//	-- link -> f --
//	-- hard => f --
//	-- a.tar.gz tar=gz --
//	d/ mode=0711
//	d/f uid=5 | the text of an entry
//	d/l -> f
//	-- builds --
//	t=build-one
//	!write f | other text
//	t=build-two nocache=1
//	-- want --
//	...
//
// Each line of builds is the query of POST /build; one that begins with "!" changes the context
// for those after it: !write NAME | TEXT, !remove NAME, !attr NAME mode=0600.
type testCase struct {
	file    string
	archive *txtar.Archive
	members []*member
	builds  []string
	want    string
}

// member is one file of the context.
type member struct {
	name     string
	mode     int64 // with the bits of the type, as the docker client sends it
	uid, gid int
	kind     byte // of a tar header
	link     string
	body     []byte
}

func readCase(file string) (*testCase, error) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		return nil, err
	}
	c := &testCase{file: file, archive: a}
	for _, f := range a.Files {
		switch f.Name {
		case "builds":
			c.builds = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		case "want":
			c.want = string(f.Data)
		default:
			m, err := newMember(f.Name, f.Data)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", file, f.Name, err)
			}
			c.members = append(c.members, m)
		}
	}
	return c, nil
}

// write puts what the engine answered into the case's file.
func (c *testCase) write(got string) error {
	a := *c.archive
	a.Files = slices.DeleteFunc(slices.Clone(a.Files), func(f txtar.File) bool { return f.Name == "want" })
	a.Files = append(a.Files, txtar.File{Name: "want", Data: []byte(got)})
	return os.WriteFile(c.file, txtar.Format(&a), 0o644)
}

// newMember reads "NAME [-> TARGET | => NAME] [key=value...]".
func newMember(spec string, body []byte) (*member, error) {
	words := strings.Fields(spec)
	name, err := strconv.Unquote(`"` + strings.ReplaceAll(words[0], `"`, `\"`) + `"`)
	if err != nil {
		return nil, err
	}
	m := &member{name: name, mode: 0o100644, kind: tar.TypeReg, body: body}
	if strings.HasSuffix(m.name, "/") {
		m.mode, m.kind, m.body = 0o40755, tar.TypeDir, nil
	}
	words = words[1:]
	for len(words) > 0 {
		w := words[0]
		words = words[1:]
		if w == "->" || w == "=>" {
			m.link, m.body = words[0], nil
			words = words[1:]
			m.kind, m.mode = tar.TypeSymlink, 0o120777
			if w == "=>" {
				m.kind, m.mode = tar.TypeLink, 0o100644
			}
			continue
		}
		if err := m.set(w); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *member) set(attr string) error {
	key, value, _ := strings.Cut(attr, "=")
	var err error
	switch key {
	case "mode":
		var n int64
		n, err = strconv.ParseInt(value, 8, 64)
		m.mode = m.mode&^0o7777 | n
	case "uid":
		m.uid, err = strconv.Atoi(value)
	case "gid":
		m.gid, err = strconv.Atoi(value)
	case "kind":
		m.kind = value[0]
	case "size":
		var n int
		if n, err = strconv.Atoi(value); err == nil {
			m.body = bytes.Repeat([]byte{'x'}, n)
		}
	case "hex":
		m.body, err = hexBytes(value)
	case "tar":
		m.body, err = tarOf(string(m.body), value)
	case "text": // Go's escapes
		var s string
		s, err = strconv.Unquote(`"` + value + `"`)
		m.body = []byte(s)
	case "cut":
		var n int
		if n, err = strconv.Atoi(value); err == nil {
			m.body = m.body[:n]
		}
	case "gzip":
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write(m.body)
		err = w.Close()
		m.body = b.Bytes()
	default:
		err = fmt.Errorf("no such attribute: %s", key)
	}
	return err
}

func hexBytes(s string) ([]byte, error) {
	var out []byte
	_, err := fmt.Sscanf(s, "%x", &out)
	return out, err
}

// tarOf makes an archive of a listing: a member a line, its text after a bar.
func tarOf(listing, compression string) ([]byte, error) {
	var b bytes.Buffer
	var w io.WriteCloser = nopCloser{&b}
	switch compression {
	case "gz":
		w = gzip.NewWriter(&b)
	case "xz":
		var err error
		if w, err = xz.NewWriter(&b); err != nil {
			return nil, err
		}
	}
	var ms []*member
	for _, line := range strings.Split(strings.TrimSpace(listing), "\n") {
		if line == "" {
			continue
		}
		spec, text, _ := strings.Cut(line, " | ")
		m, err := newMember(spec, nil)
		if err != nil {
			return nil, err
		}
		if m.kind == tar.TypeReg && m.body == nil {
			m.body = []byte(text + "\n")
		}
		m.mode &= 0o7777
		ms = append(ms, m)
	}
	if err := writeTar(w, ms); err != nil {
		return nil, err
	}
	err := w.Close()
	return b.Bytes(), err
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func writeTar(w io.Writer, ms []*member) error {
	tw := tar.NewWriter(w)
	for _, m := range ms {
		h := &tar.Header{Name: m.name, Mode: m.mode, Uid: m.uid, Gid: m.gid, Typeflag: m.kind, Linkname: m.link, ModTime: time.Unix(1_600_000_000, 0)}
		if m.kind == tar.TypeReg {
			h.Size = int64(len(m.body))
		}
		if m.kind == tar.TypeChar {
			h.Devmajor, h.Devminor = 1, 3
		}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		if m.kind == tar.TypeReg {
			if _, err := tw.Write(m.body); err != nil {
				return err
			}
		}
	}
	return tw.Close()
}

// change applies a line of builds that begins with "!".
func (c *testCase) change(line string) error {
	verb, rest, _ := strings.Cut(strings.TrimPrefix(line, "!"), " ")
	spec, text, _ := strings.Cut(rest, " | ")
	name, attrs, _ := strings.Cut(spec, " ")
	text = strings.ReplaceAll(text, `\n`, "\n")
	at := slices.IndexFunc(c.members, func(m *member) bool { return m.name == name })
	switch verb {
	case "write":
		m, err := newMember(spec, []byte(text+"\n"))
		if err != nil {
			return err
		}
		if at >= 0 {
			c.members[at] = m
		} else {
			c.members = append(c.members, m)
		}
	case "remove":
		c.members = slices.Delete(c.members, at, at+1)
	case "attr":
		return c.members[at].set(attrs)
	default:
		return fmt.Errorf("no such change: %s", line)
	}
	return nil
}

// engine is what builds: the real one, or ours.
type engine interface {
	// build answers POST /build: the stream, or with another status than 200 the message.
	build(query string, context io.Reader) (stream []byte, err error)
	// save is docker save of one image.
	save(name string) ([]byte, error)
}

// run runs a case and gives what is seen of it.
func (c *testCase) run(e engine) (string, error) {
	var out strings.Builder
	ids := &numbers{}
	for _, line := range c.builds {
		if strings.HasPrefix(line, "!") {
			if err := c.change(line); err != nil {
				return "", err
			}
			continue
		}
		q, err := query(line)
		if err != nil {
			return "", err
		}
		var context bytes.Buffer
		if err := writeTar(&context, c.members); err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "> %s\n", line)
		stream, err := e.build(q.Encode(), &context)
		if err != nil {
			fmt.Fprintf(&out, "refused: %s\n", ids.in(err.Error()))
			continue
		}
		text, failed := printed(stream)
		out.WriteString(ids.in(text))
		if failed != "" {
			fmt.Fprintf(&out, "failed: %s\n", ids.in(failed))
			continue
		}
		for _, t := range q["t"] {
			archive, err := e.save(t)
			if err != nil {
				fmt.Fprintf(&out, "save: %s\n", ids.in(err.Error()))
				continue
			}
			shown, err := show(archive)
			if err != nil {
				return "", err
			}
			out.WriteString(ids.in(shown))
		}
	}
	return out.String(), nil
}

// query reads "key=value key=value", where a value may be quoted as Go does.
func query(line string) (url.Values, error) {
	q := url.Values{}
	for _, w := range regexp.MustCompile("[a-z]+=(`[^`]*`|[^ `]*)").FindAllString(line, -1) {
		k, v, _ := strings.Cut(w, "=")
		q.Add(k, strings.Trim(v, "`"))
	}
	return q, nil
}

// printed is the text of a build's messages, and the error that ended it with its code.
func printed(stream []byte) (text, failed string) {
	var out strings.Builder
	for d := json.NewDecoder(bytes.NewReader(stream)); ; {
		var m struct {
			Stream, Error string
			ErrorDetail   struct{ Code int }
			Aux           *struct{ ID string }
		}
		if d.Decode(&m) != nil {
			return out.String(), failed
		}
		out.WriteString(strings.NewReplacer("\x1b[91m", "", "\x1b[0m", "").Replace(m.Stream))
		if m.Aux != nil {
			fmt.Fprintf(&out, "(stage: %s)\n", m.Aux.ID)
		}
		if m.Error != "" {
			failed = m.Error
			if m.ErrorDetail.Code != 0 {
				failed += fmt.Sprintf(" [code %d]", m.ErrorDetail.Code)
			}
		}
	}
}

// numbers gives IDs numbers, in the order in which they come. The checksums of COPY and ADD are no
// IDs: they must be the engine's.
type numbers struct{ known []string }

var id = regexp.MustCompile(`(file:|dir:|multi:|ADD )?\b[0-9a-f]{12}(?:[0-9a-f]{52})?\b`)

// random is what is another on each run, or on each machine.
var random = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`/[^ "]*/overlay2/[0-9a-f]+/merged`), "ROOT"},
	{regexp.MustCompile(`/[^ "]*/tmp/docker-builder[0-9]+`), "CONTEXT"},
	{regexp.MustCompile(`\.pivot_root[0-9]+`), ".pivot_root"},
	// What recorded had no network, and so found no image that it lacked.
	{regexp.MustCompile(`Get "https://registry-1\.docker\.io/[^\n]*: no such host`), "(no such image)"},
	{regexp.MustCompile(`manifest for \S+ not found: manifest unknown: manifest unknown`), "(no such image)"},
	{regexp.MustCompile(`pull access denied for \S+, repository does not exist [^\n]*: requested access to the resource is denied`), "(no such image)"},
}

func (n *numbers) in(text string) string {
	for _, r := range random {
		text = r.pattern.ReplaceAllString(text, r.name)
	}
	return id.ReplaceAllStringFunc(text, func(s string) string {
		if strings.ContainsAny(s, ": ") || !strings.ContainsAny(s, "0123456789") {
			return s
		}
		for i, k := range n.known {
			if k == s[:12] {
				return fmt.Sprintf("ID%d", i+1)
			}
		}
		n.known = append(n.known, s[:12])
		return fmt.Sprintf("ID%d", len(n.known))
	})
}

// show is an image as text: what of its configuration is set, its history and its layers but the
// lowest, which is the base's.
func show(archive []byte) (string, error) {
	files, same := map[string][]byte{}, map[string]string{}
	tr := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
		if files[h.Name], err = io.ReadAll(tr); err != nil {
			return "", err
		}
		if h.Typeflag == tar.TypeSymlink { // a layer that is there twice
			same[h.Name] = path.Join(path.Dir(h.Name), h.Linkname)
		}
	}
	for name, of := range same {
		files[name] = files[of]
	}
	var manifest []struct {
		Config string
		Layers []string
	}
	if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil {
		return "", err
	}
	var config struct {
		Author  string
		Config  map[string]any
		History []struct {
			CreatedBy  string `json:"created_by"`
			Author     string
			Comment    string
			EmptyLayer bool `json:"empty_layer"`
		}
	}
	if err := json.Unmarshal(files[manifest[0].Config], &config); err != nil {
		return "", err
	}
	var out strings.Builder
	for _, k := range slices.Sorted(keys(config.Config)) {
		v := config.Config[k]
		if k == "Image" || isZero(v) {
			continue
		}
		text, err := json.Marshal(v)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "%s %s\n", k, text)
	}
	if config.Author != "" {
		fmt.Fprintf(&out, "Author %s\n", config.Author)
	}
	for _, h := range config.History {
		mark := "+"
		if h.EmptyLayer {
			mark = "-"
		}
		fmt.Fprintf(&out, "%s %s|%s|%s\n", mark, h.CreatedBy, h.Author, h.Comment)
	}
	for i, l := range manifest[0].Layers {
		if i == 0 && strings.Contains(out.String(), "+ ||base") {
			continue
		}
		fmt.Fprintf(&out, "layer %d\n", i)
		rows, err := entries(files[l])
		if err != nil {
			return "", err
		}
		for _, r := range rows {
			fmt.Fprintf(&out, "  %s\n", r)
		}
	}
	return out.String(), nil
}

func keys(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func isZero(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// entries is a layer's tar, a line an entry, by name. Of names of one file, which comes first does
// not matter.
func entries(layer []byte) ([]string, error) {
	rows, links := map[string]string{}, map[string][]string{}
	tr := tar.NewReader(bytes.NewReader(layer))
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		name := path.Clean("/" + h.Name)
		row := fmt.Sprintf("%c %04o %d:%d", kinds[h.Typeflag], h.Mode&0o7777, h.Uid, h.Gid)
		switch h.Typeflag {
		case tar.TypeReg:
			body, err := io.ReadAll(tr)
			if err != nil {
				return nil, err
			}
			if len(body) > 40 {
				row += fmt.Sprintf(" %d bytes", len(body))
			} else {
				row += fmt.Sprintf(" %q", body)
			}
		case tar.TypeSymlink:
			row += " -> " + h.Linkname
		case tar.TypeLink:
			target := path.Clean("/" + h.Linkname)
			links[target] = append(links[target], name)
			continue
		}
		rows[name] = row
	}
	for target, names := range links {
		all := append([]string{target}, names...)
		slices.Sort(all)
		for _, n := range all {
			rows[n] = rows[target]
		}
		for _, n := range all {
			rows[n] += " = " + strings.Join(all, " ")
		}
	}
	var out []string
	for _, n := range slices.Sorted(func(yield func(string) bool) {
		for k := range rows {
			if !yield(k) {
				return
			}
		}
	}) {
		if n != "/" {
			out = append(out, n+" "+rows[n])
		}
	}
	return out, nil
}

var kinds = map[byte]byte{tar.TypeReg: 'f', tar.TypeDir: 'd', tar.TypeSymlink: 'l', tar.TypeLink: 'h', tar.TypeChar: 'c', tar.TypeBlock: 'b', tar.TypeFifo: 'p'}
