// Package container is the engine: images, containers, volumes and networks, and what can be done
// with them, as Docker Engine 20.10 does it.
//
// An Engine holds one State, an immutable value: every change makes a new one and puts it in the
// old one's place, so that a snapshot of the whole engine is a pointer (see Engine.Snapshot). What
// runs (processes, open streams, timers) is not part of it; a container that runs has a "live"
// half beside its record, and its file system is snapshotted into the record in constant time.
//
// Requests come from goroutines outside of the kernel, several at a time. The locks, outermost
// first: a container's op (one life-cycle change at a time), the kernel's CPU, then the Engine's mu
// and the streams' own, which are leaves. What the kernel calls back (a process ended, bytes were
// written) takes only leaves, and leaves anything longer to a goroutine that the kernel counts as
// busy.
//
// Errors are *Error where the engine refuses; their text is the engine's, word for word, since
// people and programs read it.
package container
