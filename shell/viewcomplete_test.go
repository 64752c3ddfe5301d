package shell

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/kernel"
)

// What is completed on the command lines of layers, waste, compare and explain.
func TestViewsComplete(t *testing.T) {
	lab, err := Open(Options{Clock: kernel.Virtual, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer lab.Close()
	script := `printf 'FROM scratch\nCOPY etc /etc\n' > Dockerfile; mkdir etc; echo > etc/motd; ln -s etc conf
docker build -q -t app:1 . && docker create --name box app:1 none && docker tag app:1 other`
	if code, err := lab.Run(context.Background(), Script{Args: []string{"-c", script}, Stdout: io.Discard, Stderr: io.Discard}); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v", code, err)
	}
	c := completer{&Session{Lab: lab, cwd: Home}}
	for _, test := range []struct{ before, want string }{
		{"layers ", "app:1 box other"},
		{"layers b", "box"},
		{"waste a", "app:1"},
		{"compare app:1 o", "other"},
		{"layers app:1 /", "etc/"}, // what follows the last separator
		{"layers box /etc/m", "motd mtab"},
		{"layers nosuch /", ""},
		{"layers --fo", "--format"},
		{"layers --format ", "json text"},
		{"waste --m", "--max-wasted --min-efficiency"},
		{"waste --base=other a", "app:1"},
		{"waste --base o", "other"},
		{"waste --archive Do", "Dockerfile"},
		{"compare --archive Do", "Dockerfile"},
		{"explain --b", "--back"},
		{"explain ", ""},
		{"docker images; layers o", "other"},
	} {
		var got []string
		for _, s := range c.Complete(test.before, true) {
			got = append(got, s.Text)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%q: %q, want %q", test.before, got, test.want)
		}
	}
}
