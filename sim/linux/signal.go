package linux

import (
	"strconv"
	"strings"
)

// Signal is a Linux signal number.
type Signal int

// The signals of Linux on amd64.
const (
	SIGHUP Signal = iota + 1
	SIGINT
	SIGQUIT
	SIGILL
	SIGTRAP
	SIGABRT
	SIGBUS
	SIGFPE
	SIGKILL
	SIGUSR1
	SIGSEGV
	SIGUSR2
	SIGPIPE
	SIGALRM
	SIGTERM
	SIGSTKFLT
	SIGCHLD
	SIGCONT
	SIGSTOP
	SIGTSTP
	SIGTTIN
	SIGTTOU
	SIGURG
	SIGXCPU
	SIGXFSZ
	SIGVTALRM
	SIGPROF
	SIGWINCH
	SIGIO
	SIGPWR
	SIGSYS

	SIGRTMIN Signal = 34
	SIGRTMAX Signal = 64
)

var signals = [...]struct{ name, text string }{
	SIGHUP: {"HUP", "Hangup"}, SIGINT: {"INT", "Interrupt"}, SIGQUIT: {"QUIT", "Quit"},
	SIGILL: {"ILL", "Illegal instruction"}, SIGTRAP: {"TRAP", "Trace/breakpoint trap"}, SIGABRT: {"ABRT", "Aborted"},
	SIGBUS: {"BUS", "Bus error"}, SIGFPE: {"FPE", "Floating point exception"}, SIGKILL: {"KILL", "Killed"},
	SIGUSR1: {"USR1", "User defined signal 1"}, SIGSEGV: {"SEGV", "Segmentation fault"}, SIGUSR2: {"USR2", "User defined signal 2"},
	SIGPIPE: {"PIPE", "Broken pipe"}, SIGALRM: {"ALRM", "Alarm clock"}, SIGTERM: {"TERM", "Terminated"},
	SIGSTKFLT: {"STKFLT", "Stack fault"}, SIGCHLD: {"CHLD", "Child exited"}, SIGCONT: {"CONT", "Continued"},
	SIGSTOP: {"STOP", "Stopped (signal)"}, SIGTSTP: {"TSTP", "Stopped"}, SIGTTIN: {"TTIN", "Stopped (tty input)"},
	SIGTTOU: {"TTOU", "Stopped (tty output)"}, SIGURG: {"URG", "Urgent I/O condition"}, SIGXCPU: {"XCPU", "CPU time limit exceeded"},
	SIGXFSZ: {"XFSZ", "File size limit exceeded"}, SIGVTALRM: {"VTALRM", "Virtual timer expired"}, SIGPROF: {"PROF", "Profiling timer expired"},
	SIGWINCH: {"WINCH", "Window changed"}, SIGIO: {"IO", "I/O possible"}, SIGPWR: {"PWR", "Power failure"}, SIGSYS: {"SYS", "Bad system call"},
}

// Name is the short name: "TERM", "RTMIN+3".
func (s Signal) Name() string {
	if s > 0 && int(s) < len(signals) {
		return signals[s].name
	}
	switch {
	case s == SIGRTMIN:
		return "RTMIN"
	case s == SIGRTMAX:
		return "RTMAX"
	case s > SIGRTMIN && s < SIGRTMAX:
		return "RTMIN+" + strconv.Itoa(int(s-SIGRTMIN))
	}
	return strconv.Itoa(int(s))
}

// String is strsignal's text: "Terminated".
func (s Signal) String() string {
	if s > 0 && int(s) < len(signals) {
		return signals[s].text
	}
	if s >= SIGRTMIN && s <= SIGRTMAX {
		return "Real-time signal " + strconv.Itoa(int(s-SIGRTMIN))
	}
	return "Unknown signal " + strconv.Itoa(int(s))
}

// ParseSignal reads a number or a name, with or without SIG, in any case. Signal 0 (which only
// probes) has no name. ok is false for anything else.
func ParseSignal(text string) (s Signal, ok bool) {
	if n, err := strconv.Atoi(text); err == nil {
		return Signal(n), n >= 0 && n <= int(SIGRTMAX)
	}
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	switch name {
	case "IOT":
		return SIGABRT, true
	case "CLD":
		return SIGCHLD, true
	case "POLL":
		return SIGIO, true
	}
	for s := SIGHUP; s <= SIGRTMAX; s++ {
		if s.Name() == name {
			return s, true
		}
	}
	return 0, false
}
