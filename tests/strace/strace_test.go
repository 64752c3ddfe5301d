//go:build strace && linux

// Package strace watches the system calls of dockerlab: no file of the machine is looked at, no
// program started and no network reached, whatever a docker command in the lab names.
//
//	go test -tags strace ./tests/strace
//
// It needs strace(1).
package strace

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// script reaches for files, variables, programs and hosts in all the ways that docker's command
// line has. Most of it fails, and is meant to.
const script = `
cd /root
printf 'FROM busybox\nCOPY canary.txt /\n' > Dockerfile
echo lab > canary.txt
echo A=1 > canary.env
docker pull busybox
docker build -t one . ; docker build -f ../canary.Dockerfile . ; docker build /canary ; docker build ./canary
docker build --iidfile /canary/iid . ; docker build --iidfile iid . ; docker build - < Dockerfile
docker build https://canary.example/x ; docker build git://canary.example/x.git
docker run --env-file canary.env --label-file canary.env --cidfile canary.cid --name c -e HOME -e CANARY -v ./canary:/x busybox true
docker run --env-file /canary/env busybox true ; docker create --cidfile /canary/cid busybox
docker create --mount type=bind,src=./canary,dst=/y --name d busybox
docker cp c:/etc/passwd canary.passwd ; docker cp canary.txt d:/ ; docker cp d:/bin /canary/ ; docker cp /canary/x d:/
docker export -o canary.tar d ; docker import canary.tar imported ; docker import /canary/x.tar
docker save -o canary.img busybox ; docker load -i canary.img ; docker load -i /canary/img ; docker save -o /canary/img busybox
docker commit d committed ; docker exec --env-file /canary/env d true
docker login -u canary -p canary canary.example ; docker logout ; docker context create canary --docker host=unix:///canary
docker context export default canary.ctx ; docker context import canary canary.ctx ; docker context use canary ; docker context ls
docker --config /canary ps ; docker -H ssh://canary@canary.example ps ; docker -H tcp://127.0.0.1:9 ps ; docker --tlsverify ps
docker plugin create canary /canary ; docker stack deploy -c /canary/compose.yml s ; docker stack config -c canary.yml
docker config create x /canary/x ; docker secret create x /canary/x ; docker swarm ca --ca-cert /canary/ca
docker manifest inspect canary.example/x ; docker manifest create a b ; docker buildx build . ; docker compose up ; docker canary
docker search canary ; docker push canary.example/x ; docker trust inspect x ; docker system info ; docker version
docker __complete run -e '' ; docker __complete cp '' ; docker completion bash
true
`

// allowed are the files that any Go program looks at on its own.
var allowed = regexp.MustCompile(`^(/proc/(self|[0-9]+)(/.*)?|/proc|/proc/stat|/sys/(kernel/mm|fs/cgroup|devices/system/cpu)(/.*)?|/etc/ld\.so\.[a-z.]+|/(usr/)?lib(64)?/.*\.so[.0-9]*|/dev/null(/docker/.*)?|/dev/urandom|)$`)

// call is a system call that takes a path, with the path.
var call = regexp.MustCompile(`^\d+ +(\w+)\((?:AT_FDCWD|\d+)?,? ?"((?:[^"\\]|\\.)*)"`)

func TestNothingOfTheMachineIsTouched(t *testing.T) {
	if out := watch(t, script); !strings.Contains(out, "Sending build context") {
		t.Errorf("the script did not do what it is meant to:\n%s", out)
	}
}

// What a submission may try to bring a lab down stays in the lab too.
func TestHostileScriptsStayInside(t *testing.T) {
	a, err := txtar.ParseFile("../cli/hostile.txtar")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == "hostile.sh" })
	if out := watch(t, string(a.Files[i].Data)); !strings.Contains(out, "still here") {
		t.Errorf("the bystander did not live:\n%s", out)
	}
}

// watch runs a script in a lab and looks at the system calls that dockerlab makes meanwhile. It gives what was printed.
func watch(t *testing.T, script string) string {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "dockerlab")
	build := exec.Command("go", "build", "-o", binary, "github.com/dockerlab/dockerlab/cmd/dockerlab")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}

	// What it could find, if it looked.
	work := filepath.Join(dir, "work")
	for _, name := range []string{"canary/x", "canary.Dockerfile", "Dockerfile", ".dockerignore", ".docker/config.json", "canary.env", "docker-compose.yml"} {
		name = filepath.Join(work, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	log := filepath.Join(dir, "log")
	cmd := exec.Command(strace, "-f", "-o", log, "-e", "trace=%file,execve,connect,bind", binary, "sh", "-c", script)
	cmd.Dir = work
	cmd.Env = []string{"HOME=" + work, "PATH=" + os.Getenv("PATH"), "CANARY=outside", "DOCKER_CONFIG=" + filepath.Join(work, ".docker"), "DOCKER_HOST=unix:///canary.sock"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), "outside") {
		t.Error("a variable of the machine was seen in the lab")
	}

	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	calls := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		if strings.Contains(line, "connect(") || strings.Contains(line, "bind(") {
			t.Errorf("network: %s", line)
			continue
		}
		m := call.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		calls++
		if path := m[2]; path != binary && !allowed.MatchString(path) {
			t.Errorf("file: %s", line)
		}
	}
	if calls < 5 {
		t.Errorf("only %d calls were seen; is the log read right?", calls)
	}
	return string(out)
}
