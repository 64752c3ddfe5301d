// Record runs the scripts of testdata/*.txtar in the real shells and writes down what they answer.
//
//	DOCKER_HOST=unix://... go run ./testdata/record [-only GLOB] testdata/*.txtar
//
// It needs a Docker engine with the images busybox (1.35, Debian's) and debian (bookworm). A script
// NAME.sh is run by each shell as its first line says: "#!stdin", "#!file", or nothing for -c; the
// answers become NAME.ash, NAME.dash and NAME.bash, or NAME.all where the three agree. An answer is
// both output streams and the exit code in brackets. "#!only bash" limits the shells.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

func main() {
	only := flag.String("only", "*", "record only the scripts whose name matches")
	flag.Parse()
	for _, file := range flag.Args() {
		if err := record(file, *only); err != nil {
			log.Fatalf("%s: %v", file, err)
		}
	}
}

var shells = []struct{ name, image, cmd string }{{"ash", "busybox", "sh"}, {"dash", "debian", "dash"}, {"bash", "debian", "bash"}}

func record(file, only string) error {
	ar, err := txtar.ParseFile(file)
	if err != nil {
		return err
	}
	answers := map[string]map[string]string{}
	for _, sh := range shells {
		dir, err := os.MkdirTemp("", "record")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		for _, f := range ar.Files {
			name, ok := strings.CutSuffix(f.Name, ".sh")
			if match, _ := path.Match(only, name); !ok || !match || !wanted(string(f.Data), sh.name) {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), f.Data, 0o644); err != nil {
				return err
			}
		}
		out, err := run(sh.image, sh.cmd, dir)
		if err != nil {
			return err
		}
		answers[sh.name] = out
	}
	var files []txtar.File
	for i, f := range ar.Files {
		name, ok := strings.CutSuffix(f.Name, ".sh")
		if !ok {
			continue
		}
		files = append(files, f)
		if match, _ := path.Match(only, name); !match {
			for _, g := range ar.Files[i+1:] {
				if strings.HasSuffix(g.Name, ".sh") {
					break
				}
				files = append(files, g)
			}
			continue
		}
		a, d, b := answers["ash"][name], answers["dash"][name], answers["bash"][name]
		if a == d && d == b {
			files = append(files, txtar.File{Name: name + ".all", Data: []byte(a)})
			continue
		}
		for _, sh := range shells {
			if text, ok := answers[sh.name][name]; ok {
				files = append(files, txtar.File{Name: name + "." + sh.name, Data: []byte(text)})
			}
		}
	}
	ar.Files = files
	return os.WriteFile(file, txtar.Format(ar), 0o644)
}

func wanted(script, shell string) bool {
	for line := range strings.Lines(script) {
		if list, ok := strings.CutPrefix(line, "#!only "); ok {
			return strings.Contains(" "+strings.TrimSpace(list)+" ", " "+shell+" ")
		}
	}
	return true
}

// driver runs each script in an empty directory and keeps its answer beside it.
const driver = `cd /cases; for n in *; do
rm -rf /t; mkdir -p /t; cd /t
case $(head -n 1 /cases/$n) in
'#!stdin'*) SHELL_CMD < /cases/$n;;
'#!file'*) cp /cases/$n /tmp/script; SHELL_CMD /tmp/script </dev/null;;
*) SHELL_CMD -c "$(cat /cases/$n)" </dev/null;;
esac > /tmp/out 2>&1
c=$?; { cat /tmp/out; echo "[$c]"; } > /answers/$n
done`

func run(image, cmd, dir string) (map[string]string, error) {
	script := strings.ReplaceAll(driver, "SHELL_CMD", cmd)
	id, err := docker("create", "-h", "box", "-w", "/t", "-e", "HOME=/root", image, "sh", "-c", script)
	if err != nil {
		return nil, err
	}
	defer docker("rm", "-f", id)
	if _, err := docker("cp", dir+"/.", id+":/cases"); err != nil {
		return nil, err
	}
	answers, err := os.MkdirTemp("", "answers")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(answers)
	if _, err := docker("cp", answers, id+":/answers"); err != nil {
		return nil, err
	}
	if _, err := docker("start", "-a", id); err != nil {
		return nil, err
	}
	if _, err := docker("cp", id+":/answers/.", answers); err != nil {
		return nil, err
	}
	out := map[string]string{}
	list, err := os.ReadDir(answers)
	for _, e := range list {
		data, err := os.ReadFile(filepath.Join(answers, e.Name()))
		if err != nil {
			return nil, err
		}
		out[e.Name()] = string(data)
	}
	return out, err
}

func docker(args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("docker", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("docker %s: %v: %s", args[0], err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
}
