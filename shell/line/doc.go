// Package line reads lines at a terminal, with editing, completion and history, through go-prompt.
//
// go-prompt v0.2.6 does three things that a program with a life after the prompt cannot have: it
// takes the terminal for itself (it opens /dev/tty, and panics where there is none), it ends the
// program on a signal, and it takes whatever one read brings as one key, so that a pasted block
// or fast typing is lost or misread. Here it gets a parser and a writer of ours, and decides
// nothing but what is on the line:
//
//   - Terminal owns the terminal. It is in raw mode from Open to Close, one goroutine reads it,
//     and what it reads goes to whoever holds it: the editor, or a Lease.
//   - keys cuts input into keys as go-prompt wants them, and a pasted block into its lines.
//   - Editor reads one line at a time.
package line
