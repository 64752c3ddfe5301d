// Package api replays what clients of a real engine, Docker Engine 20.10.24, were answered about
// running containers. Its cases are the documents in testdata (see package document). To record them
// again, with an engine at hand that has the images busybox and debian:
//
//	go test ./tests/api -record unix:///var/run/docker.sock [-run Documents/NAME]
//
// The host has two programs besides its own: ask, which makes one request, and raw, which sends what it
// reads and shows what comes back.
//
// What the cases make there begins with lab-, or lab/ for an image, and is removed after each.
package api

import (
	"flag"
	"regexp"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/kernel"
	"github.com/dockerlab/dockerlab/tests/document"
)

var record = flag.String("record", "", "record the answers of the engine at this address")

func TestDocuments(t *testing.T) {
	document.Suite{
		Engine:   *record,
		Programs: map[string]kernel.Program{"ask": ask, "raw": raw},
		Mask:     mask,
	}.Run(t)
}

// moment is what an answer has of the moment, and what stands for it.
var moment = []struct {
	pattern *regexp.Regexp
	stand   string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[+-]\d\d:?\d\d)( UTC)?)?`), "<time>"},
	{regexp.MustCompile(`(Less than a second|About an? \w+|\d+ (second|minute|hour|day|week|month|year)s?)( ago)?`), "<age>$3"},
	{regexp.MustCompile(`\b172\.\d+\.\d+\.\d+`), "<ip>"},
	{regexp.MustCompile(`(0\.0\.0\.0|\[::\]|:::?):(3[2-9]|4\d|5\d|6\d)\d{3}\b`), "$1:<port>"},
}

func mask(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	for _, m := range moment {
		s = m.pattern.ReplaceAllString(s, m.stand)
	}
	return s
}
