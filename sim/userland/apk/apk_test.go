package apk_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/userland/machinetest"
)

// stamp is the version of a virtual package: when it was made.
var stamp = regexp.MustCompile(`\d{8}\.\d{6}`)

// What apk-tools 2.6.7 and 2.12.10 printed, session by session, in roots with these packages: the
// catalogue's indexes, and packages with the catalogue's files and scripts.
func TestLikeTheRealOnes(t *testing.T) {
	for release, image := range map[string]string{"v3.4": "alpine:3.4", "v3.17": "alpine"} {
		b, err := os.ReadFile("testdata/" + release + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		for block := range strings.SplitSeq("\n"+string(b), "\n$ ") {
			script, want, _ := strings.Cut(strings.TrimRight(block, "\n"), "\n")
			if script == "" {
				continue
			}
			h := machinetest.New(t, image)
			out, _ := machinetest.Run(t, h, "sh", "sed -i s/https/http/ /etc/apk/repositories; exec 2>&1; "+script)
			if got := strings.TrimRight(stamp.ReplaceAllString(out, "STAMP"), "\n"); got != want {
				t.Errorf("%s: %s\n%s\n-- want --\n%s", release, script, got, want)
			}
		}
	}
}

func TestSessions(t *testing.T) {
	for _, c := range []struct{ what, script, want string }{
		{"a package of docker-library's redis", `apk add -q --no-cache 'su-exec>=0.2' && addgroup -S redis && adduser -S -G redis redis && su-exec redis id -un`, "redis\n"},
		{"what programs need stays when what they were built with goes",
			`apk add -q --no-cache -t .build zlib-dev make; apk add -q -t .run $(echo so:libz.so.1 | xargs apk info --installed); apk del -q .build; apk info -e make zlib; grep -c ^.run= /etc/apk/world`, "zlib\n1\n"},
		{"a file that is a package", `apk fetch -q --no-cache tini 2>/dev/null; apk add -q --no-cache ./tini-*.apk --allow-untrusted; apk info -e tini; which tini 2>&1`, "tini\n/sbin/tini\n"},
		{"changed configuration stays", `apk add -q --no-cache nginx; echo x >> /etc/nginx/nginx.conf; apk del -q nginx; ls /etc/nginx; apk info -e nginx || echo gone`, "nginx.conf\ngone\n"},
		{"everything that came goes", `find / -xdev -type f | sort > /tmp/a; apk add -q --no-cache jq; apk del -q jq; find / -xdev -type f | sort > /tmp/b; diff /tmp/a /tmp/b | grep '^[-+]/'`, "+/tmp/b\n"},
		{"sizes agree", `apk add -q --no-cache git; apk info -L git | grep -v contains | while read f; do [ ! -f "/$f" ] || stat -c %s "/$f"; done | awk '{n += $1} END {print (n > 1000000)}'`, "1\n"},
		{"nothing is done without a network", `apk add --no-network -q curl; echo $?`, "  curl (no such package):\n    required by: world[curl]\n1\n"},
	} {
		out, _ := machinetest.Run(t, machinetest.New(t, "alpine"), "sh", "exec 2>/dev/null; "+c.script)
		if out != c.want {
			t.Errorf("%s:\n%s-- want --\n%s", c.what, out, c.want)
		}
	}
}
