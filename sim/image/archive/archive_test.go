package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/sim/image/archive"
)

// file is a member of an archive: a regular file, or with a target a symlink.
type file struct{ name, body, target string }

// pack makes a tar of files.
func pack(files ...file) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.body)), Typeflag: tar.TypeReg}
		if f.target != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.target
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		io.WriteString(w, f.body)
	}
	w.Close()
	return b.String()
}

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func zstded(s string) string {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return string(w.EncodeAll([]byte(s), nil))
}

func sha(s string) string { return digest.FromString(s).Encoded() }

// config is the configuration of an image of layers.
func config(platform string, layers ...string) string {
	ids := []digest.Digest{}
	for _, l := range layers {
		ids = append(ids, digest.FromString(l))
	}
	b, err := json.Marshal(map[string]any{
		"architecture": platform, "os": "linux", "rootfs": map[string]any{"type": "layers", "diff_ids": ids},
		"history": []map[string]any{{"created_by": "ADD"}, {"created_by": "ENV", "empty_layer": true}, {"created_by": "RUN"}},
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}

var (
	lower = pack(file{name: "etc/motd", body: "hello"}, file{name: "big", body: strings.Repeat("x", 3000)})
	upper = pack(file{name: "etc/motd", body: "bye"}, file{name: ".wh.big"})
)

// saved is what docker save writes of an image, in its order: the layers first.
func saved(layers ...string) []file {
	c := config("amd64", layers...)
	var files []file
	var names []string
	for i, l := range layers {
		name := fmt.Sprintf("id%d/layer.tar", i)
		files = append(files, file{name: fmt.Sprintf("id%d/VERSION", i), body: "1.0"}, file{name: name, body: l})
		names = append(names, name)
	}
	list, _ := json.Marshal([]map[string]any{{"Config": sha(c) + ".json", "RepoTags": []string{"app:1"}, "Layers": names}})
	return append(files, file{name: sha(c) + ".json", body: c}, file{name: "manifest.json", body: string(list)})
}

// layout is an OCI layout, whose layers are compressed by press. Images are of platforms.
func layout(press func(string) string, platforms ...string) []file {
	var files, manifests = []file{{name: "oci-layout", body: `{"imageLayoutVersion":"1.0.0"}`}}, []map[string]any{}
	put := func(kind, body string) map[string]any {
		files = append(files, file{name: "blobs/sha256/" + sha(body), body: body})
		return map[string]any{"mediaType": kind, "digest": digest.FromString(body), "size": len(body)}
	}
	for _, p := range platforms {
		m, _ := json.Marshal(map[string]any{
			"schemaVersion": 2,
			"config":        put("application/vnd.oci.image.config.v1+json", config(p, lower, upper)),
			"layers":        []any{put("layer", press(lower)), put("layer", press(upper))},
		})
		d := put("application/vnd.oci.image.manifest.v1+json", string(m))
		d["annotations"] = map[string]string{"org.opencontainers.image.ref.name": "app:1"}
		d["platform"] = map[string]string{"os": "linux", "architecture": p}
		manifests = append(manifests, d)
	}
	index, _ := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": manifests})
	return append(files, file{name: "index.json", body: string(index)})
}

func plain(s string) string { return s }

// describe names images, with the sizes of their layers.
func describe(images []*archive.Image) string {
	var all []string
	for _, i := range images {
		w := append(i.Names, i.Platform)
		for _, l := range i.Layers {
			w = append(w, fmt.Sprint(l.Size()))
		}
		all = append(all, strings.Join(w, " "))
	}
	return strings.Join(all, "; ")
}

func TestFormats(t *testing.T) {
	linked := saved(lower, lower)
	linked[3] = file{name: "id1/layer.tar", target: "../id0/layer.tar"}
	for _, test := range []struct{ name, archive, want string }{
		{"docker save", pack(saved(lower, upper)...), "app:1 linux/amd64 3005 3"},
		{"docker save, gzip", gzipped(pack(saved(lower, upper)...)), "app:1 linux/amd64 3005 3"},
		{"docker save, zstd", zstded(pack(saved(lower, upper)...)), "app:1 linux/amd64 3005 3"},
		{"docker save of one layer twice", pack(linked...), "app:1 linux/amd64 3005 3005"},
		{"an empty layer", pack(saved(lower, strings.Repeat("\x00", 1024))...), "app:1 linux/amd64 3005 0"},
		{"OCI", pack(layout(plain, "amd64")...), "app:1 linux/amd64 3005 3"},
		{"OCI with gzip", pack(layout(gzipped, "amd64")...), "app:1 linux/amd64 3005 3"},
		{"OCI with zstd", pack(layout(zstded, "amd64")...), "app:1 linux/amd64 3005 3"},
		{"OCI of several platforms", pack(layout(gzipped, "arm64", "amd64")...), "app:1 linux/arm64 3005 3; app:1 linux/amd64 3005 3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			images, err := archive.Read(strings.NewReader(test.archive), archive.Limits{})
			if got := describe(images); err != nil || got != test.want {
				t.Errorf("%v, %q, want %q", err, got, test.want)
			}
		})
	}
}

// replaced is an archive with one member made something else.
func replaced(files []file, name, body string) string {
	found := false
	for i := range files {
		if strings.HasSuffix(files[i].name, name) {
			files[i].body, found = body, true
		}
	}
	if !found {
		panic(name)
	}
	return pack(files...)
}

func TestHostileArchives(t *testing.T) {
	ok := pack(saved(lower, upper)...)
	oci := layout(gzipped, "amd64")
	climbing := pack(file{name: "../../etc/motd", body: "hello"})
	for _, test := range []struct{ name, archive, want string }{
		{"nothing", "", "the archive is empty"},
		{"no archive", strings.Repeat("no tar at all ", 100), "this is no tar archive"},
		{"a tar of something else", pack(file{name: "README", body: "x"}), "it has neither manifest.json"},
		{"cut off in a file", ok[:len(ok)-2000], "unexpected EOF"},
		{"cut off between files", ok[:1024], "or it is cut off"},
		{"gzip cut off", gzipped(ok)[:200], "unexpected EOF"},
		{"gzip with a wrong checksum", gzipped(ok)[:len(gzipped(ok))-8] + "12345678", "invalid checksum"},
		{"a layer with a wrong checksum", replaced(oci, sha(gzipped(lower)), gzipped(lower)[:len(gzipped(lower))-8]+"12345678"), "invalid checksum"},
		{"a description that is none", replaced(saved(lower), "manifest.json", "[}"), "manifest.json: invalid character"},
		{"no images", replaced(saved(lower), "manifest.json", "[]"), "holds no image"},
		{"a configuration that is not there", replaced(saved(lower), "manifest.json", `[{"Config":"nope.json"}]`), "nope.json is not in the archive"},
		{"a configuration that is a layer", replaced(saved(lower), "manifest.json", `[{"Config":"id0/layer.tar"}]`), "is no description"},
		{"a configuration without layers", replaced(saved(lower), sha(config("amd64", lower))+".json", `{}`), "it lists no layers"},
		{"fewer layers than configured", replaced(saved(lower), "manifest.json", `[{"Config":"`+sha(config("amd64", lower))+`.json","Layers":[]}]`), "1 layers by its configuration, and 0 by the archive"},
		{"another layer than configured", replaced(saved(lower, upper), "id1/layer.tar", lower), "layer 2 of"},
		{"a layer that is no tar", replaced(saved(lower), "id0/layer.tar", "hello"), "id0/layer.tar: it is no tar"},
		{"a layer that is cut off", replaced(saved(lower), "id0/layer.tar", lower[:1500]), "unexpected EOF"},
		{"a blob of another digest", replaced(oci, sha(gzipped(lower)), gzipped(upper)), "has the digest sha256:"},
		{"a loop of links", pack(file{name: "a", target: "b"}, file{name: "b", target: "a"}, file{name: "manifest.json", target: "a"}), "too many links"},
		{"a device of a wrong number", badDevice(), "layer.tar: archive/tar: invalid tar header"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := archive.Read(strings.NewReader(test.archive), archive.Limits{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	t.Run("names that climb stay inside", func(t *testing.T) {
		images, err := archive.Read(strings.NewReader(pack(saved(climbing)...)), archive.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		tree, err := images[0].Layers[0].Dir()
		if err != nil || tree.Find("/etc/motd") == 0 {
			t.Errorf("%v; etc/motd is not in the layer", err)
		}
	})
}

// badDevice is an archive whose layer has a device node that cannot be.
func badDevice() string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: "null", Typeflag: tar.TypeChar, Devmajor: -1, Format: tar.FormatGNU})
	w.Close()
	return pack(saved(b.String())...)
}

func TestLimits(t *testing.T) {
	bomb := gzipped(strings.Repeat("\x00", 10<<20))
	for _, test := range []struct {
		name    string
		archive string
		limits  archive.Limits
		want    string // what there is too much of
	}{
		{"bytes of the archive", gzipped(pack(saved(pack(file{name: "f", body: strings.Repeat("x", 1<<20)}))...)), archive.Limits{Bytes: 1 << 19}, "bytes"},
		{"bytes of a compressed layer", pack(saved(bomb)...), archive.Limits{Bytes: 1 << 20}, "bytes"},
		{"entries", pack(saved(lower, upper)...), archive.Limits{Entries: 3}, "entries"},
		{"entries of a layer named often", replaced(saved(lower, lower), "id1/layer.tar", lower), archive.Limits{Entries: 3}, "entries"},
		{"bytes of names", pack(saved(lower)...), archive.Limits{Text: 10}, "bytes of names"},
		{"layers", pack(saved(lower, upper)...), archive.Limits{Layers: 1}, "layers in one image"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := archive.Read(strings.NewReader(test.archive), test.limits)
			var limit *archive.LimitError
			if !errors.As(err, &limit) || limit.What != test.want {
				t.Errorf("got %v, want too many %s", err, test.want)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	two := saved(lower)
	c := config("amd64", lower, upper)
	two = append(two, file{name: "second.json", body: c}, file{name: "up.tar", body: upper})
	both := replaced(two, "manifest.json", `[{"Config":"`+sha(config("amd64", lower))+`.json","RepoTags":["app:1","app:latest"],"Layers":["id0/layer.tar"]},{"Config":"second.json","RepoTags":["other:2"],"Layers":["id0/layer.tar","up.tar"]}]`)
	platforms := pack(layout(gzipped, "arm64", "amd64")...)
	for _, test := range []struct{ name, archive, ref, want string }{
		{"the only one", pack(saved(lower)...), "", "app:1 linux/amd64 3005"},
		{"by name", both, "other:2", "other:2 linux/amd64 3005 3"},
		{"by a name without a tag", both, "app", "app:1 app:latest linux/amd64 3005"},
		{"by the beginning of an ID", both, sha(c)[:12], "other:2 linux/amd64 3005 3"},
		{"which?", both, "", "the archive holds several images: app:1, app:latest (linux/amd64); other:2 (linux/amd64)"},
		{"none of that name", both, "no:1", "the archive holds not one image no:1, but these: app:1, app:latest (linux/amd64); other:2 (linux/amd64)"},
		{"the engine's platform", platforms, "", "app:1 linux/amd64 3005 3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			images, err := archive.Read(strings.NewReader(test.archive), archive.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if i, err := archive.Choose(images, test.ref); err != nil {
				got = err.Error()
			} else {
				got = describe([]*archive.Image{i})
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(pack(saved(lower, upper)...)))
	f.Add([]byte(gzipped(pack(saved(lower)...))))
	f.Add([]byte(pack(layout(gzipped, "amd64")...)))
	f.Add([]byte(pack(layout(zstded, "amd64", "arm64")...)))
	limits := archive.Limits{Bytes: 1 << 20, Entries: 1000, Text: 1 << 16, Layers: 10}
	f.Fuzz(func(t *testing.T, b []byte) {
		images, err := archive.Read(bytes.NewReader(b), limits)
		if (err == nil) != (len(images) > 0) {
			t.Errorf("%d images, %v", len(images), err)
		}
		for _, i := range images {
			for n, l := range i.Layers {
				if l.DiffID() != i.Config.RootFS.DiffIDs[n] {
					t.Errorf("layer %d is %s", n, l.DiffID())
				}
			}
		}
	})
}
