// Package storage replays what a real engine did with files and layers: Docker Engine 20.10.24 on
// overlay2. Its cases are the documents in testdata (see package document). To record them again, with an
// engine at hand that has the image busybox:
//
//	go test ./tests/storage -record unix:///var/run/docker.sock [-run Documents/NAME]
//
// The host has the programs members, which lists the headers of a tar, and captar, which writes one.
//
// What the cases make there begins with lab-, or lab/ for an image, and is removed after each.
package storage

import (
	"flag"
	"testing"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/tests/document"
)

var record = flag.String("record", "", "record the answers of the engine at this address")

// basePath is the document that makes the image lab/base, which all others have.
const basePath = "testdata/base.md"

var programs = map[string]kernel.Program{"members": members, "captar": captar}

func TestDocuments(t *testing.T) {
	document.Suite{Engine: *record, Setting: basePath, Programs: programs}.Run(t)
}
