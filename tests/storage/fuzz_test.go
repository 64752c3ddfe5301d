//go:build engine

package storage

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/tests/document"
)

var (
	engine  = flag.String("engine", "unix:///var/run/docker.sock", "the real engine to compare with")
	seeds   = flag.Int("seeds", 20, "how many random runs")
	from    = flag.Int("seed", 0, "the first of them")
	perRun  = flag.Int("ops", 14, "operations between two commits")
	commits = flag.Int("commits", 3, "commits of a run")
)

// TestRandomRunsAreTheEngines does the same random operations on files on a real engine and on ours, in
// containers each of which begins with what the one before it left in a commit, and compares all that can
// be seen: what each operation said, the diff, the layer's headers, the whole tree. What differs is told
// with as few operations as still make it so.
//
//	go test -tags engine ./tests/storage -run Random -engine unix:///var/run/docker.sock -seed 1000 -seeds 100
func TestRandomRunsAreTheEngines(t *testing.T) {
	real, err := document.NewHost(*engine, programs)
	if err != nil {
		t.Fatal(err)
	}
	defer real.Lab.Close()
	defer real.Clean("all")
	ours, err := document.NewHost("", programs)
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Lab.Close()
	for _, h := range []*document.Host{real, ours} {
		h.Clean("all")
		h.Prepare(t, basePath)
	}
	differ := func(run [][]string) (difference string) {
		defer real.Clean("")
		defer ours.Clean("")
		for n := range run {
			script := commitScript(n, run[n])
			want, _, err1 := real.Lab.RunHost(t.Context(), script)
			got, _, err2 := ours.Lab.RunHost(t.Context(), script)
			if err1 != nil || err2 != nil {
				t.Fatalf("the engine: %v after %q\nours: %v after %q", err1, want, err2, got)
			}
			if want != got {
				return fmt.Sprintf("container %d:\n%s", n, firstLine(want, got))
			}
		}
		return ""
	}
	for seed := *from; seed < *from+*seeds; seed++ {
		r := rand.New(rand.NewPCG(uint64(seed), 0))
		run := make([][]string, *commits)
		for i := range run {
			for range *perRun {
				run[i] = append(run[i], randomOperation(r))
			}
		}
		d := differ(run)
		if d == "" || differ(run) == "" { // once is a matter of moments: files of one second, say
			continue
		}
		t.Logf("seed %d differs; looking for the shortest run that does: %s", seed, d)
		for some := *perRun / 2; some > 0; some /= 2 { // leave out what makes no difference
			for i := range run {
				for j := 0; j < len(run[i]); {
					less := slices.Clone(run)
					less[i] = slices.Delete(slices.Clone(run[i]), j, min(j+some, len(run[i])))
					if e := differ(less); e != "" {
						run, d = less, e
					} else {
						j += some
					}
				}
			}
		}
		for n, operations := range run {
			d += fmt.Sprintf("\nin container %d:\n\t%s", n, strings.Join(operations, "\n\t"))
		}
		t.Errorf("seed %d: %s", seed, d)
	}
}

// commitScript runs operations in a container and shows all that there is to see of it. What an operation
// says is sorted: a program meets the names of a directory in the order that the disk happens to have them.
func commitScript(n int, operations []string) string {
	image := "lab/base"
	if n > 0 {
		image = fmt.Sprint("lab/fuzz:", n-1)
	}
	var sh strings.Builder
	for _, o := range operations {
		fmt.Fprintf(&sh, "said=$({ %s; } 2>&1); code=$?; echo \"$said\" | sort; echo $code\n", o)
	}
	return fmt.Sprintf(`
docker run --name lab-%[1]d %[2]s sh -c 'umask 022
%[3]s'
docker diff lab-%[1]d | sort -k2
docker commit lab-%[1]d lab/fuzz:%[1]d >/dev/null
docker inspect -f '{{len .RootFS.Layers}}' lab/fuzz:%[1]d
docker save lab/fuzz:%[1]d | members --layer
docker export lab-%[1]d | members d1 d2 d3 e t
docker inspect -s -f '{{.SizeRw}}' lab-%[1]d
`, n, image, sh.String())
}

func firstLine(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		line := func(s []string) string {
			if i < len(s) {
				return s[i]
			}
			return "(the end)"
		}
		if line(w) != line(g) {
			return fmt.Sprintf("the engine: %s\nours:       %s", line(w), line(g))
		}
	}
	return ""
}

func randomOperation(r *rand.Rand) string {
	dirs := []string{"/d1", "/d1", "/d2", "/d1/sub", "/d1/sub", "/d2/sub", "/d3", "/e", "/t"}
	path := func() string {
		d := dirs[r.IntN(len(dirs))]
		if r.IntN(5) == 0 {
			return d
		}
		return d + "/" + string("abcxy"[r.IntN(5)])
	}
	a, b := path(), path()
	switch r.IntN(17) {
	case 0:
		return "mkdir " + a
	case 1:
		return "mkdir -p " + a
	case 2:
		return "rm -rf " + a
	case 3:
		return "rm " + a
	case 4:
		return "rmdir " + a
	case 5, 6:
		return "mv " + a + " " + b
	case 7:
		return "cp -a " + a + " " + b
	case 8:
		return "ln " + a + " " + b
	case 9:
		return "ln -s " + []string{b, "a", "../b", "sub"}[r.IntN(4)] + " " + a
	case 10:
		return "chmod " + []string{"700", "644", "4755", "1777", "000"}[r.IntN(5)] + " " + a
	case 11:
		return fmt.Sprintf("chown %d:%d %s", r.IntN(3)*1234, r.IntN(2)*50, a)
	case 12:
		return fmt.Sprintf("echo %d > %s", r.IntN(1000), a)
	case 13:
		return fmt.Sprintf("echo %d >> %s", r.IntN(1000), a)
	case 14:
		return "touch " + a
	case 15:
		return fmt.Sprintf("truncate -s %d %s", r.IntN(9), a)
	}
	return "su -s /bin/sh nobody -c \"rm -rf " + a + "; echo x > " + b + "\""
}
