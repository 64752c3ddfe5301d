package catalog

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	"github.com/dockerlab/dockerlab/sim/layer"
	"github.com/dockerlab/dockerlab/sim/pgp"
)

func fetch(t *testing.T, r *Registry, host, url string) string {
	t.Helper()
	path, query, _ := strings.Cut(url, "?")
	p, err := r.Page(host, path, query)
	if err != nil || p == nil {
		t.Fatalf("%s%s: %v, %v", host, url, p, err)
	}
	b, err := io.ReadAll(layer.NewReader(p.Content))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The pages that the seed of the lessons fetches are there.
func TestTheLessonsWeb(t *testing.T) {
	r := Open()
	if s := fetch(t, r, "ip.cn", "/"); s != "当前 IP：210.12.81.4 来自：北京市 联通\n" {
		t.Errorf("ip.cn says %q", s)
	}
	z, err := gzip.NewReader(strings.NewReader(fetch(t, r, "download.redis.io", "/releases/redis-3.2.5.tar.gz")))
	if err != nil {
		t.Fatal(err)
	}
	if all := names(t, z); !strings.Contains(all, " redis-3.2.5/src/server.c ") || !strings.HasPrefix(all, " redis-3.2.5/ ") {
		t.Errorf("the redis archive holds %.200s", all)
	}
	if z, err = gzip.NewReader(strings.NewReader(fetch(t, r, "server", "/context.tar.gz"))); err != nil {
		t.Fatal(err)
	}
	if all := names(t, z); !strings.Contains(all, " Dockerfile ") {
		t.Errorf("the context holds %s", all)
	}
	fetch(t, r, "github.com", "/tianon/gosu/releases/download/1.7/gosu-amd64")
	entries, err := r.Git("github.com/twang2218/gitlab-ce-zh.git", "8.14")
	if err != nil || len(entries) < 4 {
		t.Errorf("the repository has %d files, %v", len(entries), err)
	}
}

// nodejs.org's list of sums is that of its archive, plain and within a signed message, whose key a
// keyserver has. With -update it is written.
func TestTheSumsOfNode(t *testing.T) {
	const dir = "/dist/v7.2.0/"
	const archive = "node-v7.2.0-linux-x64.tar.xz"
	r := Open()
	b := fetch(t, r, "nodejs.org", dir+archive)
	x, err := xz.NewReader(bufio.NewReader(strings.NewReader(b)))
	if err != nil {
		t.Fatal(err)
	}
	h, err := tar.NewReader(x).Next()
	if err != nil || h.Name != "node-v7.2.0-linux-x64/" {
		t.Errorf("the archive begins with %v, %v", h, err)
	}
	line := fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(b)), archive)
	for name, want := range map[string]string{"SHASUMS256.txt": line} {
		if *update {
			if err := os.MkdirAll("data/web/nodejs.org/root"+dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile("data/web/nodejs.org/root"+dir+name, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got := fetch(t, r, "nodejs.org", dir+name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	text, covered, signature, err := pgp.ReadMessage([]byte(fetch(t, r, "nodejs.org", dir+"SHASUMS256.txt.asc")))
	if err != nil || text != line || !signature.Covers(covered) {
		t.Errorf("the signed sums are %q, covered %v, %v", text, signature.Covers(covered), err)
	}
	keys, err := pgp.ReadKeys([]byte(fetch(t, r, "pgp.mit.edu", "/pks/lookup?op=get&options=mr&search=0x"+signature.Key)))
	if err != nil || len(keys) != 1 || keys[0].Fingerprint != signature.Key {
		t.Errorf("the keyserver gives %v, %v for %s", keys, err, signature.Key)
	}
}
