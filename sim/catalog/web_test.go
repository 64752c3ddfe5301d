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
)

func fetch(t *testing.T, r *Registry, host, url string) string {
	t.Helper()
	p, err := r.Page(host, url)
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

// nodejs.org's list of sums is that of its archive, plain and within a signed message. With -update
// it is written.
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
	signed := "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + line + "-----BEGIN PGP SIGNATURE-----\n\n" +
		"VGhlIGxhYidzIHNpZ25hdHVyZTogaXQgcHJvdmVzIG5vdGhpbmcu\n=bGFi\n-----END PGP SIGNATURE-----\n"
	for name, want := range map[string]string{"SHASUMS256.txt": line, "SHASUMS256.txt.asc": signed} {
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
}
