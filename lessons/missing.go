package lessons

import (
	"context"
	"slices"
	"strings"

	"github.com/moby/moby/client"
)

// noImage says of an image that is not here what may have gone wrong.
func noImage(ctx context.Context, lab Lab, name string) (*Finding, error) {
	r, err := lab.Engine().ImageList(ctx, client.ImageListOptions{})
	if err != nil {
		return nil, err
	}
	repo, _, _ := strings.Cut(name, ":")
	var here, tags []string
	for _, img := range r.Items {
		for _, t := range img.RepoTags {
			here = append(here, t)
			if strings.HasPrefix(t, repo+":") {
				tags = append(tags, t)
			}
		}
	}
	slices.Sort(here)
	slices.Sort(tags)
	switch {
	case len(tags) > 0:
		return find(imageOtherTag, name, strings.Join(tags, ", ")), nil
	case len(here) > 0:
		return find(imageMissing, name, strings.Join(here, ", ")), nil
	}
	return find(noImages, name), nil
}

// noContainer does so of a container; of is the image that it should have come from, if known.
func noContainer(ctx context.Context, lab Lab, name, of string) (*Finding, error) {
	r, err := lab.Engine().ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return nil, err
	}
	var here []string
	for _, c := range r.Items {
		n := ""
		if len(c.Names) > 0 {
			n = strings.TrimPrefix(c.Names[0], "/")
		}
		if of != "" && sameImage(c.Image, of) {
			return find(containerOtherName, name, n, of), nil
		}
		here = append(here, n)
	}
	slices.Sort(here)
	if len(here) > 0 {
		return find(containerMissing, name, strings.Join(here, ", ")), nil
	}
	return find(noContainers, name), nil
}

// judgeNoImage says why an image that should be gone is not.
func (c *Check) judgeNoImage(ctx context.Context, lab Lab) (*Finding, error) {
	img, err := lab.Engine().ImageInspect(ctx, c.NoImage)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	r, err := lab.Engine().ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return nil, err
	}
	for _, con := range r.Items {
		if con.ImageID == img.ID && len(con.Names) > 0 {
			return find(imageInUse, c.NoImage, strings.TrimPrefix(con.Names[0], "/")), nil
		}
	}
	return find(imageStillThere, c.NoImage), nil
}
