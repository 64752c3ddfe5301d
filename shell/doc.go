// Package shell is what a person meets: a session on the lab's host, at a prompt or without a
// terminal, with the docker command in it.
package shell
