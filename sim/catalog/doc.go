// Package catalog is all that the lab would fetch from outside: the images of its registry, the
// packages that these are made of, the pages and archives of its web. It is data, embedded in the
// program; README.md describes its format, in which a teacher can write more.
//
//	folder ─▶ Registry ─▶ Image ─▶ layer.Layer ◀─ packages (package debian)
//	          (Resolve)            (lazy)      ◀─ manifest (package manifest)
//	                                           ◀─ rootfs: files as they are
//
// Names, modes, owners, sizes, links and dependencies are those of the real distributions. What is
// in the files is not: programs are stubs (package elfnote), other files are generated when they
// are read, and the few whose text matters are written for the lab.
//
// Nothing is read before it is asked for. Opening a registry costs nothing; pulling an image reads
// the descriptions of its layers, whose diff IDs are computed beforehand; a layer's list of files
// is put together when a tree is made of it.
package catalog
