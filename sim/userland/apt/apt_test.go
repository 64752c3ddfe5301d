package apt_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/host"
	"github.com/dockerlab/dockerlab/sim/userland/machinetest"
)

// run gives what a script prints on both streams, and its exit code.
func run(t *testing.T, h *host.Host, script string) (string, int) {
	t.Helper()
	return machinetest.Run(t, h, "bash", script)
}

// What the real ones printed in a root of debootstrap's, command by command and line by line: only
// speeds and dates may differ. testdata/record.sh records it again.
func TestLikeTheRealOnes(t *testing.T) {
	b, err := os.ReadFile("testdata/debian.txt")
	if err != nil {
		t.Fatal(err)
	}
	h := machinetest.New(t, "debian:latest")
	run(t, h, "printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d")
	for block := range strings.SplitSeq("\n"+strings.TrimPrefix(string(b), "\n"), "\n$ ") {
		command, want, _ := strings.Cut(strings.TrimRight(block, "\n"), "\n")
		if command == "" {
			continue
		}
		skip := strings.HasPrefix(command, "~ ") // another version of what is not ours, say
		out, code := run(t, h, strings.TrimPrefix(command, "~ "))
		got := fmt.Sprintf("%s[exit %d]", normal(out), code)
		if want = normal(want); !skip && got != strings.TrimRight(want, "\n") {
			t.Errorf("%s\n%s", command, firstDifference(got, want))
		}
	}
}

var (
	speed = regexp.MustCompile(`(?m)^(Fetched [0-9.]+ [kM]?B) .*$`)
	bar   = regexp.MustCompile(`(?m)^.*\r([^\r\n])`)
)

// normal leaves out what differs from run to run, and what only a terminal shows.
func normal(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return speed.ReplaceAllString(bar.ReplaceAllString(s, "$1"), "$1")
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			line := "nothing"
			if i < len(w) {
				line = w[i]
			}
			return fmt.Sprintf("line %d is %q, want %q", i+1, g[i], line)
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// agree complains where dpkg's database, what apt lists and the files disagree about the packages
// given.
const agree = `
apt-get check -qq || echo dependencies do not hold
a=$(apt list --installed 2>/dev/null | sed 1d | cut -d/ -f1)
b=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p')
[ "$a" = "$b" ] || echo apt and dpkg disagree about what is installed
for p in $packages; do
	if dpkg -s $p 2>/dev/null | grep -q '^Status: install ok installed'; then
		dpkg -L $p | while read f; do [ -e "$f" ] || [ -L "$f" ] || echo $p: $f is missing; done
		f=$(dpkg -L $p | tail -1)
		dpkg -S "$f" | grep -q "$p" || echo $p: $f belongs to somebody else
	else
		dpkg -s $p 2>/dev/null | grep -q '^Status: deinstall ok config-files' || ! ls /var/lib/dpkg/info/$p.* 2>/dev/null
	fi
done
`

func TestTheDatabaseAndTheFilesAgree(t *testing.T) {
	h := machinetest.New(t, "debian:latest")
	packages := []string{"tree", "curl", "nano", "htop", "nginx", "redis-server", "jq", "git", "less", "vim", "cron"}
	if out, code := run(t, h, "dpkg-query -W -f '${Package}\\n' >/root/before; apt-get update -qq"); code != 0 {
		t.Fatal(out)
	}
	// Directories and links stay where a removal was seen to leave them: they are not compared.
	before, _ := run(t, h, "dpkg-query -W; find / -xdev \\( -path /proc -o -path /var -o -path /dev -o -path /root -o -path /etc -o -path /run \\) -prune -o -type f -print | sort")
	random := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		name := packages[random.IntN(len(packages))]
		command := []string{"apt-get install -y %s", "apt-get install -y --no-install-recommends %s", "apt-get remove -y %s", "apt-get purge -y %s", "apt-get purge -y --auto-remove %s", "apt-get autoremove -y; dpkg -P %s"}[random.IntN(6)]
		command = fmt.Sprintf(command, name)
		out, _ := run(t, h, "packages='"+strings.Join(packages, " ")+"'; ("+command+") >/dev/null 2>&1;"+agree)
		if out != "" {
			t.Fatalf("after %s:\n%s", command, out)
		}
	}
	// What the image's own packages recommend or suggest is not removed by itself.
	run(t, h, `apt-get purge -y $(dpkg-query -W -f '${Package}\n' | grep -vxF -f /root/before)`)
	after, _ := run(t, h, "dpkg-query -W; find / -xdev \\( -path /proc -o -path /var -o -path /dev -o -path /root -o -path /etc -o -path /run \\) -prune -o -type f -print | sort")
	if before != after {
		t.Errorf("what was installed has left something: %s", firstDifference(after, before))
	}
}

func TestOtherArchives(t *testing.T) {
	for _, c := range []struct{ image, host string }{
		{"debian:jessie", "deb.debian.org"}, {"ubuntu:16.04", "archive.ubuntu.com"}, {"ubuntu:14.04", "archive.ubuntu.com"}, {"debian:bookworm-slim", "deb.debian.org"},
	} {
		h := machinetest.New(t, c.image)
		out, code := run(t, h, "apt-get update && apt-get install -y tree && tree --version && rm -rf /var/lib/apt/lists/*; ! apt-get install -y curl")
		if code != 0 || !strings.Contains(out, "http://"+c.host) || !strings.Contains(out, "tree v2.1.0") {
			t.Errorf("%s: exit %d\n%s", c.image, code, out)
		}
	}
}
