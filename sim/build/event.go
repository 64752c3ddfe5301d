package build

import "github.com/dockerlab/dockerlab/sim/image"

// Event is something that happened in a build. A build tells its events in order; what words they
// become is the business of a face, such as package classic.
type Event interface{ event() }

type (
	// Parsed comes first, with what the Dockerfile's reader frowned at.
	Parsed struct{ Warnings []string }

	// StepStarted is the start of an instruction.
	StepStarted struct {
		N, Of  int    // counted from 1
		Source string // the instruction, its lines joined
	}
	// Triggers comes before the ONBUILD triggers of a base image are run.
	Triggers struct{ N int }
	// CacheHit says that Image is what the instruction would make.
	CacheHit struct{ Image image.ID }
	// CacheMiss says why no image would do. The classic builder is silent about it.
	CacheMiss struct{ Miss }
	// Running says that a container was made for an instruction.
	Running struct{ Container string }
	// Output is what a RUN wrote. Data belongs to the receiver.
	Output struct {
		Stderr bool
		Data   []byte
	}
	// Removed says that an intermediate container is gone; Err is why it is not.
	Removed struct {
		Container string
		Err       error
	}
	// ImageMade is the end of an instruction: what follows stands on Image, which may be the
	// image that was there before, and is empty after FROM scratch.
	ImageMade struct{ Image image.ID }
	// StageDone is the end of a stage.
	StageDone struct{ Image image.ID }

	// Warning is what the engine said when it made a container.
	Warning struct{ Text string }
	// HealthcheckReplaced says that HEALTHCHECK took the place of an earlier one.
	HealthcheckReplaced struct{ Test []string }
	// ArgsUnused names, sorted, the --build-arg that no ARG declares.
	ArgsUnused struct{ Names []string }

	// Pulling is progress of the pull of a base image.
	Pulling struct{ Progress }
	// Downloading is progress of a download: of an ADD, or of the context. Last says that it came
	// to an end that was not known before, because the server did not say how much there is.
	Downloading struct {
		Progress
		Last bool
	}
	// Downloaded is the end of the download of an ADD.
	Downloaded struct{ URL string }

	// Cancelled says that the caller has gone away.
	Cancelled struct{}
	// Built is the end of a build.
	Built struct{ Image image.ID }
	// Tagged comes after Built for each name given, in its familiar form.
	Tagged struct{ Name string }
)

func (Parsed) event()              {}
func (StepStarted) event()         {}
func (Triggers) event()            {}
func (CacheHit) event()            {}
func (CacheMiss) event()           {}
func (Running) event()             {}
func (Output) event()              {}
func (Removed) event()             {}
func (ImageMade) event()           {}
func (StageDone) event()           {}
func (Warning) event()             {}
func (HealthcheckReplaced) event() {}
func (ArgsUnused) event()          {}
func (Pulling) event()             {}
func (Downloading) event()         {}
func (Downloaded) event()          {}
func (Cancelled) event()           {}
func (Built) event()               {}
func (Tagged) event()              {}
