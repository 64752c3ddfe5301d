package views

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/dockerlab/dockerlab/sim/image"
)

// maxDockerfile is the most of a Dockerfile that is read, in bytes.
const maxDockerfile = 4 << 20

// dockerfileLines finds the line of a Dockerfile that each row of an image's history was made of:
// rows are counted from 1. Rows of the base image, which was made of another, have none.
//
// A history does not say where it comes from. But every instruction after the last FROM makes one
// row, so the two are laid side by side from the end, as far as their instructions agree.
func dockerfileLines(r io.Reader, history []image.History) (map[int]int, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxDockerfile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxDockerfile {
		return nil, fmt.Errorf("more than %d bytes", maxDockerfile)
	}
	parsed, err := parser.Parse(strings.NewReader(string(text)))
	if err != nil {
		return nil, err
	}
	nodes := parsed.AST.Children
	for i, n := range slices.Backward(nodes) {
		if strings.EqualFold(n.Value, "FROM") {
			nodes = nodes[i+1:]
			break
		}
	}
	lines := map[int]int{}
	row := len(history)
	for _, n := range slices.Backward(nodes) {
		word := strings.ToUpper(n.Value)
		// docker build --label puts its own after the last instruction.
		for row > 0 && len(lines) == 0 && word != "LABEL" && verb(history[row-1].CreatedBy) == "LABEL" {
			row--
		}
		if row == 0 || verb(history[row-1].CreatedBy) != word {
			break
		}
		lines[row] = n.StartLine
		row--
	}
	if len(lines) == 0 {
		return nil, errors.New("the image was not made of it: their last instructions differ")
	}
	return lines, nil
}

// verbs are the instructions that a history names; what begins otherwise is the command of a RUN.
var verbs = strings.Fields("ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL MAINTAINER ONBUILD SHELL STOPSIGNAL USER VOLUME WORKDIR")

// verb is the instruction that a row of a history was made of.
func verb(createdBy string) string {
	word, _, _ := strings.Cut(instruction(createdBy), " ")
	if slices.Contains(verbs, word) {
		return word
	}
	return "RUN"
}
