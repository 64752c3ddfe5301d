package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/docker/cli/cli/command/image/build"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	simbuild "github.com/dockerlab/dockerlab/sim/build"
)

// Web fetches what the addresses of build contexts stand for: the lab's own web.
type Web = simbuild.Web

// maxContext bounds a build context that is an address, which is held in memory.
const maxContext = 64 << 20

// remoteContext fetches a build context that is an address, as the docker command does itself: the
// engine gets a tar and never knows.
func (inv *invocation) remoteContext(source, dockerfile string) (io.ReadCloser, string, error) {
	if inv.o.Web == nil {
		return nil, "", fmt.Errorf("unable to prepare context: %s: the lab has no network for build contexts", source)
	}
	ctx := context.Background()
	if simbuild.IsGit(source) {
		content, name, err := inv.gitContext(ctx, source, dockerfile)
		if err != nil {
			return nil, "", fmt.Errorf("unable to prepare context: %w", err)
		}
		return content, name, nil
	}
	page, err := simbuild.Get(ctx, inv.o.Web, source)
	if err != nil {
		return nil, "", fmt.Errorf("unable to prepare context: unable to download remote context %s: %w", source, err)
	}
	content, name, err := contextFromReader(page.Body, dockerfile, inv.o.Now())
	if err != nil {
		page.Body.Close()
		return nil, "", fmt.Errorf("unable to prepare context: %w", err)
	}
	return both{content, page.Body}, name, nil
}

// both reads from one and closes the other as well.
type both struct {
	io.ReadCloser
	also io.Closer
}

func (b both) Close() error { return errors.Join(b.ReadCloser.Close(), b.also.Close()) }

// gitContext is a repository, or a directory of one, as a context.
func (inv *invocation) gitContext(ctx context.Context, source, dockerfile string) (io.ReadCloser, string, error) {
	repo, ref, dir, err := simbuild.SplitGit(source)
	if err != nil {
		return nil, "", fmt.Errorf("unable to 'git clone' to temporary context directory: %w", err)
	}
	files, err := inv.o.Web.Clone(ctx, repo, ref)
	if err != nil {
		return nil, "", fmt.Errorf("unable to 'git clone' to temporary context directory: %w", err)
	}
	defer files.Close()
	members, err := membersBelow(files, dir)
	if err != nil {
		return nil, "", fmt.Errorf("unable to 'git clone' to temporary context directory: %w", err)
	}
	name := path.Clean(dockerfile)
	if dockerfile == "" {
		name = "Dockerfile"
	}
	var ignore []byte
	found := false
	for _, m := range members {
		switch m.header.Name {
		case name:
			found = true
		case ".dockerignore":
			ignore = m.body
		}
	}
	if !found {
		return nil, "", fmt.Errorf("unable to evaluate symlinks in Dockerfile path: lstat %s: no such file or directory", name)
	}
	excludes, err := ignorefile.ReadAll(bytes.NewReader(ignore))
	if err != nil {
		return nil, "", err
	}
	matcher, err := patternmatcher.New(build.TrimBuildFilesFromExcludes(excludes, name, false))
	if err != nil {
		return nil, "", err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		out, err := matcher.MatchesOrParentMatches(strings.TrimSuffix(m.header.Name, "/"))
		if err != nil {
			return nil, "", err
		}
		if out {
			continue
		}
		if err := w.WriteHeader(m.header); err != nil {
			return nil, "", err
		}
		if _, err := w.Write(m.body); err != nil {
			return nil, "", err
		}
	}
	return io.NopCloser(&b), name, w.Close()
}

// member is a file of a repository.
type member struct {
	header *tar.Header
	body   []byte
}

// membersBelow reads the members of a tar that are in a directory, by their paths from there.
func membersBelow(r io.Reader, dir string) ([]member, error) {
	dir = strings.TrimPrefix(path.Clean("/"+dir), "/")
	t := tar.NewReader(io.LimitReader(r, maxContext))
	var out []member
	isFile, there := false, dir == ""
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		name := path.Clean(h.Name)
		if name == dir {
			there, isFile = true, h.Typeflag != tar.TypeDir
			continue
		}
		if dir != "" {
			rest, ok := strings.CutPrefix(name, dir+"/")
			if !ok {
				continue
			}
			there, name = true, rest
		}
		if name == "." {
			continue
		}
		body, err := io.ReadAll(t)
		if err != nil {
			return nil, err
		}
		h.Name, h.Uid, h.Gid, h.Uname, h.Gname, h.Format = name, 0, 0, "", "", tar.FormatPAX
		if h.Typeflag == tar.TypeDir {
			h.Name += "/"
		}
		out = append(out, member{h, body})
	}
	switch {
	case isFile:
		return nil, fmt.Errorf("error setting git context, not a directory: %s", dir)
	case !there:
		return nil, fmt.Errorf("stat %s: no such file or directory", dir)
	}
	return out, nil
}
