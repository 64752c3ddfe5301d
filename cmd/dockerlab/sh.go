package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/dockerlab/dockerlab/lessons"
	"github.com/dockerlab/dockerlab/shell"
	"github.com/dockerlab/dockerlab/sim/host"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

// budgetFlags are the bounds of a lab as flags; a verb that opens labs for others' scripts has
// them.
type budgetFlags struct{ budget kernel.Budget }

func (b *budgetFlags) add(cmd *cobra.Command, w *words) {
	d := kernel.DefaultBudget
	cmd.Flags().Int64Var(&b.budget.Steps, "max-steps", d.Steps, w.maxSteps)
	cmd.Flags().IntVar(&b.budget.Processes, "max-processes", d.Processes, w.maxProcesses)
	cmd.Flags().Int64Var(&b.budget.Memory, "max-memory", d.Memory, w.maxMemory)
	cmd.Flags().Int64Var(&b.budget.Output, "max-output", d.Output, w.maxOutput)
}

func newSh(a *app, w *words) *cobra.Command {
	var command, mount string
	var seed uint64
	var limit time.Duration
	var bounds budgetFlags
	cmd := &cobra.Command{
		Use:   "sh [-c CMD | FILE | -] [ARG...]",
		Short: w.shShort,
		Long:  w.shLong,
		RunE: func(cmd *cobra.Command, args []string) error {
			script, err := readScript(a, cmd.Flags().Changed("command"), command, args)
			if err != nil {
				return err
			}
			registry, err := a.registry()
			if err != nil {
				return err
			}
			o := shell.Options{Clock: kernel.Virtual, Seed: seed, Budget: bounds.budget, Registry: registry, Lang: lessons.Lang(a.lang)}
			if mount != "" {
				root, err := os.OpenRoot(mount)
				if err != nil {
					return fmt.Errorf("--mount: %w", err)
				}
				defer root.Close()
				o.Work = root.FS()
			}
			ctx := cmd.Context()
			if limit > 0 {
				var cancel func()
				ctx, cancel = context.WithTimeoutCause(ctx, limit, timeoutError(limit))
				defer cancel()
			}
			return runScript(ctx, a, o, script)
		},
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVarP(&command, "command", "c", "", w.shCommand)
	cmd.Flags().StringVar(&mount, "mount", "", w.shMount)
	cmd.Flags().Uint64Var(&seed, "seed", 1, w.shSeed)
	cmd.Flags().DurationVar(&limit, "timeout", 5*time.Minute, w.shTimeout)
	bounds.add(cmd, w)
	a.catalogFlag(cmd, w)
	return cmd
}

// timeoutError ends a script that has run for too long on the real clock. It is a backstop: time
// in the lab is virtual, and its bounds are in steps.
type timeoutError time.Duration

func (e timeoutError) Error() string { return fmt.Sprintf("stopped after %v", time.Duration(e)) }

// script is what the command line asks to be run.
type script struct {
	args []string // of bash
	name string   // of the file that text was read from
	text []byte
}

// maxScript bounds a script file.
const maxScript = 16 << 20

// readScript sorts out "-c CMD", "FILE", "-" and nothing. What follows are the script's arguments.
func readScript(a *app, given bool, command string, args []string) (script, error) {
	switch {
	case given:
		return script{args: append([]string{"-c", command}, args...)}, nil
	case len(args) == 0:
		return script{}, nil
	case args[0] == "-":
		return script{args: append([]string{"-s", "--"}, args[1:]...)}, nil
	}
	f, err := os.Open(args[0])
	if err != nil {
		return script{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxScript+1))
	if err != nil {
		return script{}, err
	}
	if len(text) > maxScript {
		return script{}, &fs.PathError{Op: "read", Path: args[0], Err: errors.New("the script is too large")}
	}
	return script{name: args[0], text: text, args: args[1:]}, nil
}

// runScript runs a script in a fresh lab. Its exit code becomes ours.
func runScript(ctx context.Context, a *app, o shell.Options, s script) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	lab, err := shell.Open(o)
	if err != nil {
		return broken(err)
	}
	defer lab.Close()
	args := s.args
	if s.name != "" {
		name, err := lab.AddScript(s.name, s.text)
		if err != nil {
			return broken(err)
		}
		args = append([]string{name}, args...)
	}
	code, err := lab.Run(ctx, shell.Script{Args: args, Stdin: a.in, Stdout: a.out, Stderr: a.err})
	var over *kernel.BudgetError
	var killed signalError
	var late timeoutError
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	switch {
	case errors.As(err, &late):
		return &exitError{exitFailed, err}
	case errors.As(err, &over), errors.Is(err, host.ErrStalled):
		return &exitError{max(code, exitFailed), err}
	case errors.As(err, &killed):
		return &exitError{128 + killed.number(), nil}
	case err != nil:
		return broken(err)
	case code != 0:
		return &exitError{code, nil}
	}
	return nil
}
