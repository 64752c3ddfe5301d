package build

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// Web fetches what http, https and Git addresses stand for.
type Web interface {
	// Get fetches a page. Its error is worded as Go's HTTP client does.
	Get(ctx context.Context, url string) (*Page, error)
	// Clone gives the files of a Git repository at a branch, tag or commit, as a tar. Its error is
	// worded as the engine words a failing git.
	Clone(ctx context.Context, url, ref string) (io.ReadCloser, error)
}

// Page is an answer of a web server.
type Page struct {
	Status             int    // 200
	Reason             string // "OK"; empty for the usual words
	ContentType        string // as in the header; empty where the server sent none
	ContentDisposition string
	LastModified       string
	Length             int64 // of the body; -1 where the server did not say
	Body               io.ReadCloser
}

// isURL tells addresses as the engine does (its pkg/urlutil).
func isURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

var gitSuffix = regexp.MustCompile(".git(?:#.+)?$")

// IsGit says whether an address is one of a Git repository.
func IsGit(s string) bool {
	for _, p := range []string{"git://", "github.com/", "git@"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return isURL(s) && gitSuffix.MatchString(s)
}

// StatusError is a page's answer that it is not to be had.
type StatusError struct {
	Status int // of HTTP, 400 or more
	text   string
}

func (e *StatusError) Error() string { return e.text }

// Get fetches a page. An answer with an error's status is a *StatusError.
func Get(ctx context.Context, w Web, url string) (*Page, error) {
	if w == nil {
		return nil, fmt.Errorf("Get %q: there is no network", url)
	}
	p, err := w.Get(ctx, url)
	if err != nil {
		return nil, err
	}
	if p.Status < 400 {
		return p, nil
	}
	defer p.Body.Close()
	const most = 64 << 10
	body, err := io.ReadAll(io.LimitReader(p.Body, most))
	reason := p.Reason
	if reason == "" {
		reason = http.StatusText(p.Status)
	}
	msg := fmt.Sprintf("failed to GET %s with status %d %s", url, p.Status, reason)
	if err != nil {
		return nil, &StatusError{p.Status, msg + ": error reading body"}
	}
	return nil, &StatusError{p.Status, msg + ": " + strings.TrimSpace(string(body))}
}
