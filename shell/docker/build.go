package docker

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/docker/cli/cli/command/image/build"
	"github.com/docker/cli/cli/streams"
	"github.com/moby/go-archive/compression"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/spf13/cobra"
)

// maxDockerfile bounds a Dockerfile and a .dockerignore.
const maxDockerfile = 16 << 20

// rewriteBuild makes "docker build PATH" a "docker build -" whose input is the lab's directory,
// packed as docker/cli packs it; docker/cli then sends it and prints what the builder says.
func rewriteBuild(inv *invocation, cmd *cobra.Command) {
	fileFlag := collect(cmd, "file", nil)
	iidFile := collect(cmd, "iidfile", nil)
	buildArgs := collect(cmd, "build-arg", inv.withEnv)
	wrap(cmd, func(orig func(*cobra.Command, []string) error, cmd *cobra.Command, args []string) error {
		if err := hand(buildArgs.Value, buildArgs.values); err != nil {
			return err
		}
		if idName := last(iidFile); idName != "" {
			// A file of an earlier build must not be taken for this one's.
			if err := inv.o.Files.Remove(inv.abs(idName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("removing image ID file: %w", withName(err, idName))
			}
		}
		content, dockerfile, err := inv.buildContext(args[0], last(fileFlag))
		if err != nil {
			return err
		}
		defer content.Close()
		if err := fileFlag.Value.Set(dockerfile); err != nil {
			return err
		}
		old := inv.In()
		inv.SetIn(streams.NewIn(content))
		defer inv.SetIn(old)
		if idName := last(iidFile); idName != "" {
			inv.builtID = ""
			if err := orig(cmd, []string{"-"}); err != nil {
				return err
			}
			if inv.builtID == "" {
				return fmt.Errorf("server did not provide an image ID. Cannot write %s", idName)
			}
			return withName(inv.writeFile(inv.abs(idName), []byte(inv.builtID), 0o666), idName)
		}
		return orig(cmd, []string{"-"})
	})
}

// buildContext gives the tar archive of a build context, and the Dockerfile's name in it.
func (inv *invocation) buildContext(source, dockerfile string) (content io.ReadCloser, name string, err error) {
	if err := inv.connect(); err != nil {
		return nil, "", err
	}
	local := false
	if source != "-" {
		_, err := inv.o.Files.Stat(inv.abs(source))
		local = err == nil
	}
	switch {
	case source == "-":
		if dockerfile == "-" {
			return nil, "", errors.New("invalid argument: can't use stdin for both build context and dockerfile")
		}
		content, name, err := contextFromReader(inv.In(), dockerfile, inv.o.Now())
		if err != nil {
			return nil, "", fmt.Errorf("unable to prepare context from STDIN: %w", err)
		}
		return content, name, nil
	case local:
		return inv.localContext(source, dockerfile)
	case isRemote(source):
		return inv.remoteContext(source, dockerfile)
	}
	return nil, "", fmt.Errorf("unable to prepare context: path %q not found", source)
}

// isRemote reports whether a build context is a URL or a Git repository.
func isRemote(source string) bool {
	for _, prefix := range []string{"http://", "https://", "git://", "github.com/", "git@"} {
		if strings.HasPrefix(source, prefix) {
			return true
		}
	}
	return false
}

// contextFromReader takes a tar archive, or a Dockerfile, of which it makes a context that holds
// nothing else.
func contextFromReader(r io.Reader, dockerfile string, now time.Time) (io.ReadCloser, string, error) {
	in := bufio.NewReaderSize(r, 4096)
	head, err := in.Peek(1024)
	if err != nil && err != io.EOF {
		return nil, "", fmt.Errorf("failed to peek context header from STDIN: %w", err)
	}
	if isArchive(head) {
		return io.NopCloser(in), dockerfile, nil
	}
	if dockerfile != "" {
		return nil, "", errors.New("ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles")
	}
	text, err := io.ReadAll(io.LimitReader(in, maxDockerfile+1))
	if err != nil {
		return nil, "", err
	}
	if len(text) > maxDockerfile {
		return nil, "", errors.New("the Dockerfile is too large")
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err = w.WriteHeader(&tar.Header{
		Name: "Dockerfile", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text)),
		ModTime: now.Truncate(time.Second), Format: tar.FormatPAX,
	})
	if err == nil {
		_, err = w.Write(text)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, "", err
	}
	return io.NopCloser(&b), "Dockerfile", nil
}

// isArchive tells a tar archive, plain or compressed, by its first bytes.
func isArchive(head []byte) bool {
	if compression.Detect(head) != compression.None {
		return true
	}
	_, err := tar.NewReader(bytes.NewReader(head)).Next()
	return err == nil
}

// localContext packs a directory.
func (inv *invocation) localContext(source, dockerfile string) (io.ReadCloser, string, error) {
	files := inv.o.Files
	root, err := evalSymlinks(files, inv.abs(source))
	if err != nil {
		return nil, "", fmt.Errorf("unable to prepare context: unable to evaluate symlinks in context path: %w", err)
	}
	info, err := files.Lstat(root)
	if err != nil {
		return nil, "", fmt.Errorf("unable to prepare context: unable to stat context directory %q: %w", root, err)
	}
	if !info.IsDir() {
		return nil, "", fmt.Errorf("unable to prepare context: context must be a directory: %s", root)
	}
	name, err := inv.dockerfileIn(root, dockerfile)
	if err != nil {
		return nil, "", fmt.Errorf("unable to prepare context: %w", err)
	}

	// The Dockerfile may come from the input, or lie outside of the context.
	var extra io.Reader
	switch {
	case dockerfile == "-":
		extra = inv.In()
	case strings.HasPrefix(name, "../"):
		f, err := files.Open(inv.abs(dockerfile))
		if err != nil {
			return nil, "", fmt.Errorf("unable to open Dockerfile: %w", withName(err, dockerfile))
		}
		defer f.Close()
		extra = f
	}

	excludes, err := readDockerignore(files, root)
	if err != nil {
		return nil, "", err
	}
	if err := validateContext(files, root, excludes); err != nil {
		return nil, "", fmt.Errorf("checking context: %w", err)
	}
	excludes = build.TrimBuildFilesFromExcludes(excludes, name, dockerfile == "-")
	matcher, err := patternmatcher.New(excludes)
	if err != nil {
		return nil, "", err
	}
	p := &packer{files: files, root: root, matcher: matcher, owner: &owner{0, 0}}
	if extra != nil {
		text, err := io.ReadAll(io.LimitReader(extra, maxDockerfile+1))
		if err != nil {
			return nil, "", err
		}
		if len(text) > maxDockerfile {
			return nil, "", errors.New("the Dockerfile is too large")
		}
		name = ".dockerfile." + randomSuffix()
		p.dockerfile = &addedDockerfile{name: name, text: text, time: inv.o.Now()}
	}
	return p.pack(), name, nil
}

// dockerfileIn finds the Dockerfile, and gives its path from the context's root.
func (inv *invocation) dockerfileIn(root, given string) (string, error) {
	files := inv.o.Files
	if given == "-" {
		return given, nil
	}
	abs := path.Join(root, "Dockerfile")
	if given != "" {
		abs = inv.abs(given)
	} else if _, err := files.Lstat(abs); errors.Is(err, fs.ErrNotExist) {
		// A name in lower case is taken too, if it is there.
		if lower := path.Join(root, "dockerfile"); exists(files, lower) {
			abs = lower
		}
	}
	abs, err := evalSymlinks(files, abs)
	if err != nil {
		return "", fmt.Errorf("unable to evaluate symlinks in Dockerfile path: %w", err)
	}
	return relative(root, abs), nil
}

func exists(files Files, name string) bool {
	_, err := files.Lstat(name)
	return err == nil
}

// relative gives the path from root to name; both are absolute and clean.
func relative(root, name string) string {
	if root == "/" {
		root = ""
	}
	up := ""
	for root != "" {
		if rest, ok := strings.CutPrefix(name, root+"/"); ok {
			return up + rest
		}
		if name == root {
			return path.Join(up, ".")
		}
		root = strings.TrimSuffix(path.Dir(root), "/")
		up += "../"
	}
	return up + strings.TrimPrefix(name, "/")
}

func readDockerignore(files Files, root string) ([]string, error) {
	b, err := readFile(files, path.Join(root, ".dockerignore"), maxDockerfile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("error reading .dockerignore: %w", err)
	}
	return patterns, nil
}

// validateContext finds what cannot be read before anything is sent.
func validateContext(files Files, root string, excludes []string) error {
	matcher, err := patternmatcher.New(excludes)
	if err != nil {
		return err
	}
	return walk(files, root, ".", func(rel string, info FileInfo, err error) error {
		name := path.Join(root, rel)
		if err != nil {
			switch {
			case errors.Is(err, fs.ErrPermission):
				return fmt.Errorf("can't stat '%s'", name)
			case errors.Is(err, fs.ErrNotExist):
				return fmt.Errorf("file ('%s') not found or excluded by .dockerignore", name)
			}
			return err
		}
		if rel != "." {
			skip, err := matcher.MatchesOrParentMatches(rel)
			if err != nil {
				return err
			}
			if skip && info.IsDir() {
				return fs.SkipDir
			}
			if skip {
				return nil
			}
		}
		if !info.Mode.IsRegular() {
			return nil
		}
		f, err := files.Open(name)
		if errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("no permission to read from '%s'", name)
		}
		if err == nil {
			f.Close()
		}
		return nil
	})
}

// walk visits rel and all under it, in the order of names; rel is relative to root. An error of
// f's that is fs.SkipDir skips a directory.
func walk(files Files, root, rel string, f func(rel string, info FileInfo, err error) error) error {
	name := path.Join(root, rel)
	info, err := files.Lstat(name)
	if err != nil {
		return f(rel, info, err)
	}
	if err := f(rel, info, nil); err != nil || !info.IsDir() {
		if err == fs.SkipDir {
			return nil
		}
		return err
	}
	names, err := files.ReadDir(name)
	if err != nil {
		if err = f(rel, info, err); err != nil && err != fs.SkipDir {
			return err
		}
		return nil
	}
	for _, n := range names {
		if err := walk(files, root, path.Join(rel, n), f); err != nil {
			return err
		}
	}
	return nil
}

// randomSuffix makes the name of a Dockerfile that the context does not have.
func randomSuffix() string {
	b := make([]byte, 10)
	rand.Read(b)
	return hex.EncodeToString(b)
}
