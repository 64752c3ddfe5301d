package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// environment is what dockerlab takes from the environment that it was started in. It is read
// once; then the process's own environment is emptied, because the docker client that runs
// inside would read it, and what it is told must come from the lab.
type environment map[string]string

// kept names the variables that the Go runtime and the operating system need to go on working.
var kept = []string{"GODEBUG", "GOTRACEBACK", "GOCOVERDIR", "SystemRoot", "TMPDIR", "TEMP", "TMP"}

func takeEnvironment() environment {
	env := make(environment)
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	os.Clearenv()
	for _, name := range kept {
		if value, ok := env[name]; ok {
			os.Setenv(name, value)
		}
	}
	return env
}

// language is the language of the locale: "zh" or "en".
func (e environment) language() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := e[name]; value != "" {
			if strings.HasPrefix(strings.ToLower(value), "zh") {
				return "zh"
			}
			return "en"
		}
	}
	return "en"
}

// stateDir is where dockerlab keeps what lasts between runs: $XDG_STATE_HOME/dockerlab, or what
// stands for it. It need not exist.
func (e environment) stateDir() (string, error) {
	if dir := e["XDG_STATE_HOME"]; filepath.IsAbs(dir) {
		return filepath.Join(dir, "dockerlab"), nil
	}
	if runtime.GOOS == "windows" {
		if dir := e["LocalAppData"]; dir != "" {
			return filepath.Join(dir, "dockerlab"), nil
		}
	}
	home := e["HOME"]
	if home == "" {
		return "", errors.New("neither XDG_STATE_HOME nor HOME is set")
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "dockerlab"), nil
	}
	return filepath.Join(home, ".local", "state", "dockerlab"), nil
}

// seedOfNow is a seed for a lab that is to be like no other.
func seedOfNow() uint64 { return uint64(time.Now().UnixNano()) }
