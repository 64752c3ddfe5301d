// Package check looks at a Dockerfile as "docker build --check" does: with buildkit's own rules, in
// buildkit's words. The base images that it names are looked up in the lab's catalogue, so that
// nothing is fetched.
//
// It judges Dockerfiles as the BuildKit of today reads them, and so knows instructions and forms
// that the lab's engine, of version 20.10, refuses.
package check

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/subrequests/lint"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Images gives the configuration of the image that a name leads to, as JSON, and its digest.
type Images func(ref reference.Named) (config []byte, d digest.Digest, err error)

// Report is what was found in one Dockerfile.
type Report struct {
	// Findings are in the order of their lines.
	Findings []Finding `json:"findings"`
	// Error is why the Dockerfile cannot be built at all; empty where it can, as far as is known.
	Error string `json:"error,omitempty"`

	results *lint.LintResults
}

// Finding is a rule that a Dockerfile breaks.
type Finding struct {
	Rule        string `json:"rule"` // "JSONArgsRecommended"
	Line        int    `json:"line"` // the first that it concerns; 0 where it is none in particular
	Detail      string `json:"detail"`
	Description string `json:"description"`
	URL         string `json:"url"`
}

// platform is what Dockerfiles are checked for.
var platform = ocispecs.Platform{OS: "linux", Architecture: "amd64"}

// Dockerfile checks a Dockerfile. name is what it is called in the report.
func Dockerfile(ctx context.Context, name string, text []byte, images Images) (*Report, error) {
	target := platform
	source := llb.NewSourceMap(nil, name, "Dockerfile", text)
	source.Definition = &llb.Definition{} // where it came from, which DockerfileLint wants to know
	opt := dockerfile2llb.ConvertOpt{
		SourceMap:      source,
		MetaResolver:   resolver{images},
		TargetPlatform: &target,
	}
	opt.BuildPlatforms = []ocispecs.Platform{platform}
	results, err := dockerfile2llb.DockerfileLint(ctx, text, opt)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", name, err)
	}
	r := &Report{Findings: []Finding{}, results: results}
	// Printing sorts the warnings.
	if err := results.PrintTo(io.Discard, nil); err != nil {
		return nil, fmt.Errorf("check %s: %w", name, err)
	}
	for _, w := range results.Warnings {
		f := Finding{Rule: w.RuleName, Detail: w.Detail, Description: w.Description, URL: w.URL}
		if rs := w.Location.GetRanges(); len(rs) > 0 {
			f.Line = int(rs[0].GetStart().GetLine())
		}
		r.Findings = append(r.Findings, f)
	}
	if results.Error != nil {
		r.Error = results.Error.Message
	}
	return r, nil
}

// Clean says that there is nothing to report.
func (r *Report) Clean() bool { return len(r.Findings) == 0 && r.Error == "" }

// WriteText writes the report as docker build --check prints it, each finding with its lines.
func (r *Report) WriteText(w io.Writer) error {
	switch n := len(r.Findings); n {
	case 0:
		fmt.Fprintln(w, "Check complete, no warnings found.")
	case 1:
		fmt.Fprintln(w, "Check complete, 1 warning has been found!")
	default:
		fmt.Fprintf(w, "Check complete, %d warnings have been found!\n", n)
	}
	if err := r.results.PrintTo(w, nil); err != nil {
		return err
	}
	if r.Error != "" {
		fmt.Fprintln(w)
		r.results.PrintErrorTo(w, nil)
	}
	return nil
}

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// resolver answers buildkit's questions about base images.
type resolver struct{ images Images }

func (r resolver) ResolveImageConfig(_ context.Context, name string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return "", "", nil, err
	}
	config, d, err := r.images(reference.TagNameOnly(ref))
	if err != nil {
		return "", "", nil, fmt.Errorf("%s: %w", reference.FamiliarString(ref), err)
	}
	return name, d, config, nil
}
