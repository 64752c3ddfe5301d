// Command record asks the real programs, in containers of a real Docker engine, what the scripts
// of recorded cases answer, and writes it into the files. README.md tells the format.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/progtest"
)

var (
	missing    = flag.Bool("missing", false, "record only cases that have no answer yet")
	only       = flag.String("run", "", "record only cases whose name contains this")
	busybox    = flag.String("busybox", "busybox", "image of the Busybox family")
	gnu        = flag.String("gnu", "dockerlab-record-gnu", "image of the GNU family; built from Dockerfile if it is this one")
	dockerfile = flag.String("dockerfile", "tests/record/Dockerfile", "its Dockerfile")
)

func main() {
	flag.Parse()
	for _, path := range flag.Args() {
		if err := recordFile(path); err != nil {
			fmt.Fprintf(os.Stderr, "record: %s: %v\n", path, err)
			os.Exit(1)
		}
	}
}

func recordFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	f, err := progtest.Parse(text)
	if err != nil {
		return err
	}
	for i := range f.Cases {
		c := &f.Cases[i]
		if !strings.Contains(c.Name, *only) {
			continue
		}
		for _, family := range c.Families() {
			if *missing && len(c.Answers[family]) == len(c.Blocks) {
				continue
			}
			if c.Answers[family], err = ask(family, c); err != nil {
				return fmt.Errorf("%s (%s): %w", c.Name, family, err)
			}
		}
	}
	return os.WriteFile(path, f.Format(), 0o644)
}

// driver runs each of its arguments by $SH and tells exit code, length and output of each.
const driver = `for b; do "$SH" -c "$b" </dev/null >/tmp/.out 2>&1; echo "$? $(wc -c </tmp/.out)"; cat /tmp/.out; done`

func ask(family string, c *progtest.Case) ([]progtest.Answer, error) {
	image := *busybox
	if family == "gnu" {
		image = *gnu
		if image == "dockerlab-record-gnu" && exec.Command("docker", "image", "inspect", image).Run() != nil {
			df, err := os.Open(*dockerfile)
			if err != nil {
				return nil, err
			}
			defer df.Close()
			build := exec.Command("docker", "build", "-t", image, "-")
			build.Stdin, build.Stderr = df, os.Stderr
			if err := build.Run(); err != nil {
				return nil, err
			}
		}
	}
	args := []string{"run", "--rm", "--hostname", "box", "-w", "/t", "-e", "SH=" + c.Shell(), image, "sh", "-c", driver, "sh"}
	var out, stderr bytes.Buffer
	cmd := exec.Command("docker", append(args, c.Blocks...)...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, stderr.Bytes())
	}
	var answers []progtest.Answer
	for range c.Blocks {
		head, err := out.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("the driver's answer ends early: %s", stderr.Bytes())
		}
		code, size, _ := strings.Cut(strings.TrimSpace(head), " ")
		exit, err1 := strconv.Atoi(code)
		n, err2 := strconv.Atoi(size)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("the driver said %q", head)
		}
		answers = append(answers, progtest.Answer{Exit: exit, Output: string(out.Next(n))})
	}
	return answers, nil
}
