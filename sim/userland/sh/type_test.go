package sh_test

import (
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/userland/progtest"
)

// What a user types at a prompt, and what the screen shows of it.
func TestTyped(t *testing.T) {
	for _, c := range []struct {
		name, family, shell, keys string
		want                      []string
	}{
		{"echo", "gnu", "bash", "echo hi\rexit 3\r", []string{"# echo hi\r\n\x1b[?2004l\rhi\r\n", "exit\r\n"}},
		{"end", "gnu", "bash", "\x04", []string{"exit\r\n"}},
		{"cursor", "gnu", "bash", "ehco hi\x01\x1b[C\x1b[C\x1b[C\x7f\x7f\x7fech\x05!!\x7f\x7f\rexit\r", []string{"\rhi\r\n"}},
		{"interrupt", "gnu", "bash", "echo no\x03echo $?\rexit\r", []string{"^C\r\n", "\r130\r\n"}},
		{"history", "gnu", "bash", "echo one\r\x1b[A two\rexit\r", []string{"\rone two\r\n"}},
		{"search", "gnu", "bash", "echo alpha\recho beta\r\x12alp\rexit\r", []string{"reverse-i-search", "echo alpha\x1b[J\r\n"}},
		{"complete", "gnu", "bash", "cat /etc/host\tname\rexit\r", []string{"\rbox\r\n"}},
		{"continue", "gnu", "bash", "for i in 1 2\rdo echo n$i; done\rexit\r", []string{"> do echo", "\rn1\r\nn2\r\n"}},
		{"chinese", "gnu", "bash", "echo 你好\x7f们\rexit\r", []string{"\r你们\r\n"}},
		{"background", "gnu", "bash", "sleep 100 &\rjobs\rkill %1\rwait\rexit\r", []string{"[1] ", "Running"}},
		{"stop", "gnu", "bash", "set -o | grep monitor\rexit\r", []string{"monitor"}},
		{"error", "gnu", "bash", "nosuch\recho $?\rif )\recho $?\rexit\r", []string{"bash: nosuch: command not found\r\n", "\r127\r\n", "bash: syntax error near unexpected token `)'\r\n"}},
		{"ash", "busybox", "sh", "echo hi\rcd /tmp\rexit\r", []string{"/t # echo hi\r\nhi\r\n", "/tmp # "}},
		{"dash", "gnu", "dash", "echo hi\rexit\r", []string{"# echo hi\r\n", "hi\r\n"}},
		{"ash error", "busybox", "sh", "nosuch\r)\rexit\r", []string{"sh: nosuch: not found\r\n", "sh: syntax error: unexpected \")\"\r\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := progtest.NewWorld(t, c.family)
			got := w.Type(c.keys, c.shell)
			for _, want := range c.want {
				if !strings.Contains(got.Output, want) {
					t.Errorf("%q is not in\n%q", want, got.Output)
				}
			}
		})
	}
}
