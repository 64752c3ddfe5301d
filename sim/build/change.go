package build

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/dockerlab/dockerlab/sim/build/dockerfile"
)

// changes are the instructions that docker commit and docker import take.
var changes = []string{"cmd", "entrypoint", "healthcheck", "env", "expose", "label", "onbuild", "user", "volume", "workdir"}

// ChangeConfig gives the config that results when lines of a Dockerfile are applied to c, as docker
// commit and docker import do for --change. c itself is left alone.
func ChangeConfig(c *container.Config, lines []string) (*container.Config, error) {
	if len(lines) == 0 {
		return c, nil
	}
	cs, err := dockerfile.Commands(strings.Join(lines, "\n"), func(name string) error {
		if !slices.Contains(changes, name) {
			return fmt.Errorf("%s is not a valid change command", name)
		}
		return nil
	})
	if err != nil {
		return nil, inputError{err}
	}
	st := &stage{config: frozen(c), args: newArgs(nil), lex: dockerfile.Expander{Escape: '\\'}}
	for _, cmd := range cs {
		env := st.config.Env
		err := expand(cmd, func(w string) (string, error) { return st.lex.Word(w, env) })
		if err == nil {
			if w, ok := cmd.(*instructions.WorkdirCommand); ok {
				st.config.WorkingDir, err = newWorkdir(st.config.WorkingDir, w.Path)
			} else {
				_, err = change(st, cmd, env)
			}
		}
		if err != nil {
			return nil, inputError{err}
		}
	}
	return st.config, nil
}
