package main

import (
	"os"
	"strings"
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
