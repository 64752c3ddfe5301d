package grade

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// Format writes reports.
type Format func(w io.Writer, rs []Report) error

// Formats are the ways to write reports, by name.
var Formats = map[string]Format{"text": Text, "json": JSON, "junit": JUnit}

// Text is for people.
func Text(w io.Writer, rs []Report) error {
	var b strings.Builder
	for i, r := range rs {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s: %s, %g/%g\n", r.Submission, r.Status, r.Score, r.MaxScore)
		if r.Message != "" {
			fmt.Fprintf(&b, "  ! %s\n", r.Message)
		}
		for _, c := range r.Checks {
			mark := "-"
			if c.Passed {
				mark = "+"
			}
			fmt.Fprintf(&b, "  %s %s (%g/%g)\n", mark, c.Name, c.Score, c.MaxScore)
			if c.Message != "" {
				fmt.Fprintf(&b, "      %s\n", strings.ReplaceAll(c.Message, "\n", "\n      "))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// JSON is for programs: {"version": 1, "reports": [...]}.
func JSON(w io.Writer, rs []Report) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if rs == nil {
		rs = []Report{}
	}
	return enc.Encode(struct {
		Version int      `json:"version"`
		Reports []Report `json:"reports"`
	}{1, rs})
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
	Out      string      `xml:"system-out,omitempty"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit is the XML that CI systems read: a suite for each submission, a case for each check. Names
// are unique in it, since GitLab drops cases that share one.
func JUnit(w io.Writer, rs []Report) error {
	var all junitSuites
	for _, r := range rs {
		s := junitSuite{Name: r.Submission, Out: clean(r.Output)}
		for _, c := range r.Checks {
			jc := junitCase{Name: r.Submission + ": " + c.Name, Class: r.Assignment}
			switch {
			case r.Status == Error:
				jc.Error = &junitProblem{Message: clean(r.Message)}
				s.Errors++
			case !c.Passed:
				m := c.Message
				if m == "" {
					m = r.Message
				}
				jc.Failure = &junitProblem{Message: clean(m), Text: clean(r.Message)}
				s.Failures++
			}
			s.Cases = append(s.Cases, jc)
		}
		s.Tests = len(s.Cases)
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Suites = append(all.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// clean takes out what XML 1.0 cannot hold: control characters, a submission's terminal codes.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r != 0xfffe && r != 0xffff {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "\ufffd"))
}
