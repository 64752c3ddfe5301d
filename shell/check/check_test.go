package check_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/dockerlab/dockerlab/shell/check"
)

// oneImage knows busybox and nothing else.
func oneImage(ref reference.Named) ([]byte, digest.Digest, error) {
	if reference.FamiliarName(ref) != "busybox" {
		return nil, "", errors.New("not in the catalogue")
	}
	config := []byte(`{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":[]}}`)
	return config, digest.FromBytes(config), nil
}

func TestFindings(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"FROM busybox\nRUN echo fine\nCMD [\"sh\"]\n", ""},
		{"FROM busybox\nCMD echo x\n", "2 JSONArgsRecommended"},
		{"FROM busybox AS Upper\nCMD [\"sh\"]\n", "1 StageNameCasing"},
		{"FROM busybox as one\nCMD [\"sh\"]\n", "1 FromAsCasing"},
		{"FROM busybox\nMAINTAINER me\n", "2 MaintainerDeprecated"},
		{"FROM busybox\nENV a b\n", "2 LegacyKeyValueFormat"},
		{"FROM busybox\nWORKDIR rel\n", "2 WorkdirRelativePath"},
		{"FROM busybox\nCMD [\"a\"]\nCMD [\"b\"]\n", "2 MultipleInstructionsDisallowed"},
		{"FROM busybox\nRUN echo $nope\nLABEL a=$nope\n", "3 UndefinedVar"},
		{"FROM busybox\nENV PASSWORD=x\n", "2 SecretsUsedInArgOrEnv"},
		{"FROM busybox\nrun true\nENV a=b\nCMD [\"x\"]\n", "2 ConsistentInstructionCasing"},
		{"FROM busybox\nRUN a \\\n\n  b\n", "4 NoEmptyContinuation"},
		{"FROM busybox AS a\nFROM busybox AS a\nCMD [\"x\"]\n", "2 DuplicateStageName"},
		{"FROM busybox AS context\nCMD [\"x\"]\n", "1 ReservedStageName"},
		{"FROM busybox AS scratch\nCMD [\"x\"]\n", "1 ReservedStageName"},
		{"FROM ${BASE:-busybox}\nCMD [\"x\"]\n", "1 UndefinedArgInFrom"},
		{"FROM --platform=$TARGETPLATFORM busybox\nCMD [\"x\"]\n", "1 RedundantTargetPlatform"},
		{"FROM --platform=linux/amd64 busybox\nCMD [\"x\"]\n", "1 FromPlatformFlagConstDisallowed"},
		{"FROM busybox\nEXPOSE 80/TcP\n", "2 ExposeProtoCasing"},
		{"FROM busybox\nEXPOSE 127.0.0.1:80:80\n", "2 ExposeInvalidFormat"},
		{"FROM busybox\nARG TOKEN\n", "2 SecretsUsedInArgOrEnv"},
		{"FROM busybox\nLABEL a b\n", "2 LegacyKeyValueFormat"},
		{"FROM busybox\nENTRYPOINT x\n", "2 JSONArgsRecommended"},
		{"FROM busybox\nHEALTHCHECK CMD a\nHEALTHCHECK CMD b\n", "2 MultipleInstructionsDisallowed"},
		{"# check=experimental=InvalidDefinitionDescription\n# no name of a stage\nFROM busybox AS base\nCMD [\"x\"]\n", "3 InvalidDefinitionDescription"},
		{"# check=skip=all\nFROM busybox as One\nCMD x\nENV a b\n", ""},
		{"# check=skip=JSONArgsRecommended\nFROM busybox\nCMD echo x\n", ""},
	} {
		r, err := check.Dockerfile(context.Background(), "Dockerfile", []byte(test.text), oneImage)
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
			continue
		}
		var got []string
		for _, f := range r.Findings {
			got = append(got, fmt.Sprint(f.Line, " ", f.Rule))
		}
		if s := strings.Join(got, ", "); s != test.want || r.Error != "" {
			t.Errorf("%q: %q, error %q; want %q", test.text, s, r.Error, test.want)
		}
		if r.Clean() != (test.want == "") {
			t.Errorf("%q is clean: %v", test.text, r.Clean())
		}
	}
}

func TestWhatCannotBeBuilt(t *testing.T) {
	for text, want := range map[string]string{
		"FROM nosuch\n":             "nosuch:latest: not in the catalogue",
		"FROM busybox\nNOSUCH x\n":  "unknown instruction: NOSUCH",
		"FROM busybox\nRUN <<EOF\n": "unterminated heredoc",
		"":                          "cannot be empty",
	} {
		r, err := check.Dockerfile(context.Background(), "Dockerfile", []byte(text), oneImage)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if !strings.Contains(r.Error, want) || r.Clean() {
			t.Errorf("%q: %q; want %q", text, r.Error, want)
		}
		var out bytes.Buffer
		if err := r.WriteText(&out); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%q: the text says %q, %v", text, out.String(), err)
		}
	}
}

// An ARG without a default is a finding, and an error as well where the name that is left is none.
func TestNoDefaultForABase(t *testing.T) {
	r, err := check.Dockerfile(context.Background(), "Dockerfile", []byte("ARG TAG\nFROM busybox:${TAG}\n"), oneImage)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Findings) != 1 || r.Findings[0].Rule != "InvalidDefaultArgInFrom" || !strings.Contains(r.Error, "invalid reference format") {
		t.Errorf("%v, error %q", r.Findings, r.Error)
	}
}

func TestText(t *testing.T) {
	r, err := check.Dockerfile(context.Background(), "my.Dockerfile", []byte("FROM busybox\nCMD echo x\n"), oneImage)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	want := `Check complete, 1 warning has been found!

WARNING: JSONArgsRecommended - https://docs.docker.com/go/dockerfile/rule/json-args-recommended/
JSON arguments recommended for CMD to prevent unintended behavior related to OS signals
my.Dockerfile:2
--------------------
   1 |     FROM busybox
   2 | >>> CMD echo x
   3 |     
--------------------
`
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
}

func TestJSON(t *testing.T) {
	r, err := check.Dockerfile(context.Background(), "Dockerfile", []byte("FROM busybox\nCMD echo x\n"), oneImage)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var back check.Report
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || len(back.Findings) != 1 || back.Findings[0] != r.Findings[0] {
		t.Errorf("%v\n%s", err, out.String())
	}
}
