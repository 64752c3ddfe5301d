package lineage_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dockerlab/dockerlab/sim/image"
	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/lineage"
	"github.com/dockerlab/dockerlab/sim/linux"
)

// entries reads a layer that is written as a list of members:
//
//	f=text  a file     d/   a directory     d/!  an opaque one     l->f  a symlink
//	-f      a whiteout g:f  another name of the file f
//
// each with @mode, ~uid and +seconds after it where these are not the usual ones.
func entries(list string) []layer.Entry {
	var es []layer.Entry
	for m := range strings.FieldsSeq(list) {
		e := layer.Entry{Mode: 0o644, ModTime: time.Unix(0, 0).UTC()}
		cut := func(mark string, base int) int64 {
			head, tail, found := strings.Cut(m, mark)
			if !found {
				return 0
			}
			m = head
			n, err := strconv.ParseInt(tail, base, 64)
			if err != nil {
				panic(err)
			}
			return n
		}
		e.ModTime = time.Unix(cut("+", 10), 0).UTC()
		e.UID = uint32(cut("~", 10))
		if mode := cut("@", 8); mode != 0 {
			e.Mode = linux.Mode(mode)
		}
		if name, text, ok := strings.Cut(m, "="); ok {
			e.Name, e.Content = name, layer.Text(text)
			e.Mode |= linux.S_IFREG
		} else if name, target, ok := strings.Cut(m, "->"); ok {
			e.Name, e.Target = name, target
			e.Mode = linux.S_IFLNK | 0o777
		} else if name, link, ok := strings.Cut(m, ":"); ok {
			e.Name, e.Link = name, link
			e.Mode |= linux.S_IFREG
		} else if name, ok := strings.CutPrefix(m, "-"); ok {
			e.Name, e.Whiteout = name, true
		} else {
			name, opaque := strings.CutSuffix(m, "!")
			e.Name, e.Opaque = strings.TrimSuffix(name, "/"), opaque
			e.Mode |= linux.S_IFDIR
			if e.Mode.Perm() == 0o644 {
				e.Mode = linux.S_IFDIR | 0o755
			}
		}
		es = append(es, e)
	}
	return es
}

// stack puts layers one upon the other. Their sizes are the engine's.
func stack(t *testing.T, lists ...string) *lineage.Stack {
	t.Helper()
	var parts []lineage.Part
	for _, list := range lists {
		l, err := layer.New(entries(list))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, lineage.Part{Layer: l, Kind: lineage.OfImage})
	}
	s, err := lineage.New(parts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWaste(t *testing.T) {
	for _, test := range []struct {
		name   string
		layers []string
		seen   int64
		want   []string // path bytes layer>by how differs
	}{
		{"one layer wastes nothing", []string{"a=12345"}, 5, nil},
		{"N copies waste N-1", []string{"a=1", "a=22", "a=333"}, 3, []string{"/a 2 2>3 rewritten content", "/a 1 1>2 rewritten content"}},
		{"removed", []string{"a=12345", "-a"}, 0, []string{"/a 5 1>2 removed"}},
		{"removed with its directory", []string{"d/ d/e/ d/e/a=12345", "-d"}, 0, []string{"/d/e/a 5 1>2 removed-above"}},
		{"removed and brought again", []string{"a=1", "-a", "a=1"}, 1, []string{"/a 1 1>2 removed"}},
		{"chmod only", []string{"a=12345", "a=12345@600"}, 5, []string{"/a 5 1>2 attributes mode"}},
		{"chown only", []string{"a=12345", "a=12345~1000"}, 5, []string{"/a 5 1>2 attributes owner"}},
		{"touch only", []string{"a=12345", "a=12345+9"}, 5, []string{"/a 5 1>2 attributes mtime"}},
		{"chmod and chown at once", []string{"a=12345", "a=12345@600~7"}, 5, []string{"/a 5 1>2 attributes mode,owner"}},
		{"changed and changed back", []string{"a=12345", "a=12345"}, 5, []string{"/a 5 1>2 copied"}},
		{"written and chmod", []string{"a=12345", "a=1234@600"}, 4, []string{"/a 5 1>2 rewritten content,mode"}},
		{"an empty file costs nothing", []string{"a=", "-a"}, 0, nil},
		{"a symlink's target costs", []string{"l->1234567", "l->1"}, 1, []string{"/l 7 1>2 rewritten target"}},
		{"chmod of a directory copies no file", []string{"d/ d/a=1", "d/@700"}, 1, nil},
		{"a directory made again hides what was in it", []string{"d/ d/a=1 d/b=22", "d/! d/a=1"}, 1, []string{"/d/b 2 1>2 opaque", "/d/a 1 1>2 opaque"}},
		{"a file in place of a directory", []string{"d/ d/e/ d/e/a=1", "d=22"}, 2, []string{"/d/e/a 1 1>2 covered"}},
		{"a directory in place of a file", []string{"a=12345", "a/ a/b=1"}, 1, []string{"/a 5 1>2 replaced type"}},
		{"a symlink in place of a file", []string{"a=12345", "a->bcd"}, 3, []string{"/a 5 1>2 replaced type"}},
		{"a hard link has its bytes once", []string{"a=12345 b:a"}, 5, nil},
		{"a hard link is wasted when its last name goes", []string{"a=12345 b:a", "-a", "-b"}, 0, []string{"/a=/b 5 1>3 removed"}},
		{"a hard link seen by one name is seen", []string{"a=12345 b:a", "-a"}, 5, nil},
		{"copy-up breaks a hard link: both are seen", []string{"a=12345 b:a", "a=12345@600"}, 10, nil},
		{"a link to a lower file copies it up", []string{"a=12345", "a=12345 b:a"}, 5, []string{"/a 5 1>2 linked"}},
		{"both names of a link brought again", []string{"a=12345 b:a", "a=12345@600 b:a@600"}, 5, []string{"/a=/b 5 1>2 attributes mode"}},
		{"a whiteout of nothing hides nothing", []string{"a=1", "-b -c"}, 1, nil},
		{"the largest first", []string{"a=1 b=333 c=22", "-a -b -c"}, 0, []string{"/b 3 1>2 removed", "/c 2 1>2 removed", "/a 1 1>2 removed"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := stack(t, test.layers...)
			var got []string
			wasted := int64(0)
			for _, w := range s.Waste() {
				line := fmt.Sprintf("%s %d %d>%d %v %s", strings.Join(append([]string{w.Path}, w.Links...), "="), w.Bytes, w.Layer, w.By, w.How, strings.Join(w.Diff.Words(), ","))
				got = append(got, strings.TrimSpace(line))
				wasted += w.Bytes
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("waste\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			if s.Visible() != test.seen || s.Visible()+wasted != s.Size() {
				t.Errorf("%d bytes seen, want %d; %d wasted of %d", s.Visible(), test.seen, wasted, s.Size())
			}
		})
	}
}

func TestEfficiency(t *testing.T) {
	for _, test := range []struct {
		layers []string
		want   float64
	}{
		{nil, 1},
		{[]string{"a=1234"}, 1},
		{[]string{"a=1234", "-a"}, 0},
		{[]string{"a=123", "a=1"}, 0.25},
	} {
		if got := stack(t, test.layers...).Efficiency(); got != test.want {
			t.Errorf("%q: %v, want %v", test.layers, got, test.want)
		}
	}
}

func TestLayersCountPathsAndBytes(t *testing.T) {
	s := stack(t, "d/ d/a=1 d/b=22 e=333", "d/@700 d/a=4444 f=5 -e", "-d")
	var got []string
	for _, l := range s.Layers {
		got = append(got, fmt.Sprintf("%d: +%d ~%d -%d size %d visible %d hides %d", l.Number, l.Added, l.Changed, l.Removed, l.Size, l.Visible, l.Hides))
	}
	want := []string{
		"1: +4 ~0 -0 size 6 visible 0 hides 0",
		"2: +1 ~2 -1 size 5 visible 1 hides 4", // d, d/a; e
		"3: +0 ~0 -3 size 0 visible 0 hides 6", // d, d/a, d/b
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestOrigin(t *testing.T) {
	for _, test := range []struct {
		name, path string
		layers     []string
		want       string // layer how differs ...; provider
	}{
		{"added", "/a", []string{"b=1", "a=1"}, "2 added; 2"},
		{"chmod copies it up", "/a", []string{"a=1", "a=1@600"}, "1 added, 2 attributes mode; 2"},
		{"hidden, and there again", "/a", []string{"a=1", "-a", "a=2"}, "1 added, 2 removed, 3 added; 3"},
		{"gone with its directory", "/d/a", []string{"d/ d/a=1", "-d"}, "1 added, 2 removed-above by /d; 0"},
		{"gone from a directory made again", "/d/a", []string{"d/ d/a=1", "d/!"}, "1 added, 2 opaque by /d; 0"},
		{"the directory made again itself", "/d", []string{"d/ d/a=1", "d/!"}, "1 added, 2 opaque; 2"},
		{"brought again in a directory made again", "/d/a", []string{"d/ d/a=1", "d/! d/a=1"}, "1 added, 2 opaque by /d, 2 added; 2"},
		{"under what is no directory any more", "/d/a", []string{"d/ d/a=1", "d=1"}, "1 added, 2 covered by /d; 0"},
		{"a hard link", "/b", []string{"a=1 b:a"}, "1 added with /a; 1"},
		{"a hard link that copy-up parts", "/a", []string{"a=1 b:a", "a=2"}, "1 added with /b, 2 rewritten content parted from /b; 2"},
		{"a hard link made later", "/a", []string{"a=1", "a=1 b:a"}, "1 added, 2 linked with /b; 2"},
		{"links that stay together", "/a", []string{"a=1 b:a", "a=2 b:a"}, "1 added with /b, 2 rewritten content with /b; 2"},
		{"through a symlink", "/bin/sh", []string{"usr/ usr/bin/ usr/bin/sh=1 bin->usr/bin"}, "1 added; 1"},
		{"through an absolute symlink and up", "/x/../d/a", []string{"d/ d/a=1 x->/d/../d"}, "1 added; 1"},
		{"a symlink itself", "/bin", []string{"usr/ bin->usr"}, "1 added; 1"},
		{"below a symlink that is gone", "/l/a", []string{"d/ d/a=1 l->d", "-l"}, "none"},
		{"a loop of symlinks", "/l/a", []string{"l->m m->l"}, "none"},
		{"never there", "/nowhere", []string{"a=1"}, "none"},
		{"a whiteout alone", "/a", []string{"-a"}, "none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, ok := stack(t, test.layers...).Origin(test.path)
			got := "none"
			if ok {
				var all []string
				for _, e := range o.Events {
					w := []string{strconv.Itoa(e.Layer), e.How.String()}
					w = append(w, e.Diff.Words()...)
					if len(e.Links) > 0 {
						w = append(w, "with", strings.Join(e.Links, " "))
					}
					if len(e.Parted) > 0 {
						w = append(w, "parted from", strings.Join(e.Parted, " "))
					}
					if e.By != "" {
						w = append(w, "by", e.By)
					}
					all = append(all, strings.Join(w, " "))
				}
				got = fmt.Sprintf("%s; %d", strings.Join(all, ", "), o.Provider())
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestOriginOfADirectorySaysWhoProvidesWhatIsInIt(t *testing.T) {
	o, ok := stack(t, "d/ d/a=1 d/b=22 d/c:d/b", "d/e/ d/e/f=333", "-d/a").Origin("/d")
	want := []lineage.Share{{Layer: 1, Files: 1, Bytes: 2}, {Layer: 2, Files: 1, Bytes: 3}}
	if !ok || !slices.Equal(o.Shares, want) {
		t.Errorf("got %v", o.Shares)
	}
}

func TestCompare(t *testing.T) {
	for _, test := range []struct {
		name string
		a, b []string
		want string
	}{
		{"equal trees of other layers", []string{"a=1 b=2"}, []string{"a=0 c=3", "a=1 b=2 -c"}, ""},
		{"added and removed", []string{"a=1"}, []string{"b=22"}, "/a removed -1, /b added +2"},
		{"below a directory", []string{"d/"}, []string{"d/ d/e/ d/e/f=1"}, "/d/e added +0, /d/e/f added +1"},
		{"changed", []string{"a=1"}, []string{"a=22"}, "/a changed content +1"},
		{"a mode", []string{"a=1"}, []string{"a=1@600"}, "/a changed mode +0"},
		{"a directory's mode", []string{"d/"}, []string{"d/@700"}, "/d changed mode +0"},
		{"a directory's time", []string{"d/"}, []string{"d/+9"}, ""},
		{"a file's time", []string{"a=1"}, []string{"a=1+9"}, "/a changed mtime +0"},
		{"another type", []string{"d/ d/a=1"}, []string{"d=1"}, "/d changed type +1, /d/a removed -1"},
		{"aimed elsewhere", []string{"l->a"}, []string{"l->bc"}, "/l changed target +1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ds, err := lineage.Compare(stack(t, test.a...), stack(t, test.b...))
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, d := range ds {
				w := append([]string{d.Path, d.What}, d.Diff.Words()...)
				all = append(all, strings.Join(append(w, fmt.Sprintf("%+d", d.Grows())), " "))
			}
			if got := strings.Join(all, ", "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestSharedLayers(t *testing.T) {
	a, b := stack(t, "a=1", "b=1", "c=1"), stack(t, "a=1", "b=1", "d=1", "c=1")
	if got := lineage.Shared(a, b); got != 2 {
		t.Errorf("%d layers shared", got)
	}
}

func TestPartsFindTheirHistory(t *testing.T) {
	l, err := layer.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	parts := lineage.Parts([]image.History{
		{Comment: "Imported from -"}, {CreatedBy: "ENV a=1", EmptyLayer: true}, {CreatedBy: "RUN x"}, {CreatedBy: "more rows than layers"},
	}, []*layer.Layer{l, l})
	if len(parts) != 2 || parts[0].Row != 1 || parts[0].CreatedBy != "Imported from -" || parts[1].Row != 3 || parts[1].CreatedBy != "RUN x" {
		t.Errorf("%+v", parts)
	}
	if parts = lineage.Parts(nil, []*layer.Layer{l}); parts[0].Layer == nil || parts[0].Row != 0 {
		t.Errorf("without history: %+v", parts)
	}
}

// randomLayer is a layer of few names, so that layers often speak of the same.
func randomLayer(r *rand.Rand) string {
	var all, files []string
	seen := map[string]bool{}
	var dir func(prefix string, depth int)
	dir = func(prefix string, depth int) {
		for _, name := range []string{"a", "b", "c", "d"} {
			p := prefix + name
			attrs := []string{"", "", "@600", "~7", "+9"}[r.IntN(5)]
			switch r.IntN(9) {
			case 0, 1:
				all = append(all, p+"="+strings.Repeat("x", r.IntN(4))+attrs)
				files = append(files, p)
			case 2:
				all = append(all, "-"+p)
			case 3:
				all = append(all, p+"->"+strings.Repeat("t", 1+r.IntN(3)))
			case 4:
				if len(files) > 0 {
					all = append(all, p+":"+files[r.IntN(len(files))])
				}
			case 5, 6:
				if depth < 3 {
					all = append(all, p+"/"+[]string{"", "!"}[r.IntN(2)])
					dir(p+"/", depth+1)
				}
			}
			seen[p] = true
		}
	}
	dir("", 0)
	return strings.Join(all, " ")
}

// Whatever the layers: what can be seen and what is wasted are all that there is, sizes are the
// engine's, and what can be seen is what the layers look like merged.
func TestBytesSeenAndBytesWastedAreAllBytes(t *testing.T) {
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 1))
		var lists []string
		for range 1 + r.IntN(5) {
			lists = append(lists, randomLayer(r))
		}
		s := stack(t, lists...)
		var below *layer.Stack
		for i, list := range lists {
			l, err := layer.New(entries(list))
			if err != nil {
				t.Fatal(err)
			}
			if s.Layers[i].Size != l.Size() {
				t.Fatalf("seed %d: layer %d has %d bytes, want %d\n%s", seed, i+1, s.Layers[i].Size, l.Size(), strings.Join(lists, "\n"))
			}
			if below, err = below.Push(l); err != nil {
				t.Fatal(err)
			}
		}
		var wasted, hidden int64
		for _, w := range s.Waste() {
			wasted += w.Bytes
		}
		for _, l := range s.Layers {
			hidden += l.Hides
		}
		if s.Visible()+wasted != s.Size() || hidden != wasted {
			t.Fatalf("seed %d: %d seen, %d wasted, %d hidden, %d in all\n%s", seed, s.Visible(), wasted, hidden, s.Size(), strings.Join(lists, "\n"))
		}
		tree, err := below.Tree()
		if err != nil {
			t.Fatal(err)
		}
		merged, err := layer.New(tree.Walk(tree.Root(), ""))
		if err != nil {
			t.Fatal(err)
		}
		flat, err := lineage.New([]lineage.Part{{Layer: merged}})
		if err != nil {
			t.Fatal(err)
		}
		if ds, err := lineage.Compare(s, flat); err != nil || len(ds) > 0 {
			t.Fatalf("seed %d: %v, differs from the merged tree: %+v\n%s", seed, err, ds, strings.Join(lists, "\n"))
		}
	}
}
