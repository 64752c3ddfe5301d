// Package lessons_test proves the lessons that dockerlab brings along in the lab that they are
// taught in.
package lessons_test

import (
	"context"
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/content"
	"github.com/dockerlab/dockerlab/lessons"
	"github.com/dockerlab/dockerlab/shell"
	"github.com/dockerlab/dockerlab/sim/kernel"
)

func open(t *testing.T) *shell.Lab {
	t.Helper()
	l, err := shell.Open(shell.Options{Clock: kernel.Virtual, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func book(t *testing.T) *lessons.Book {
	t.Helper()
	b, err := lessons.Load(content.FS)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLessonsAreAsTheyShouldBe(t *testing.T) {
	problems, err := lessons.Lint(context.Background(), book(t), func(context.Context) (lessons.Lab, func(), error) {
		l, err := shell.Open(shell.Options{Clock: kernel.Virtual, Seed: 1})
		if err != nil {
			return nil, nil, err
		}
		return l, func() { l.Close() }, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

// wrong are three wrong states of each step: what the learner did instead, and how the hint begins
// that he gets. The hints of a step differ, and each names what is at fault.
var wrong = []struct {
	lesson, step string
	states       [3][2]string
}{
	{"images-and-layers", "pull", [3][2]string{
		{"", "There is no image nginx:latest yet: no image is here at all."},
		{"docker pull httpd", "There is no image nginx:latest yet; here are httpd:latest."},
		{"docker pull httpd; docker tag httpd nginx:v9", "There is no image nginx:latest; of that repository, nginx:v9 is here."},
	}},
	{"images-and-layers", "list", [3][2]string{
		{"", "Have a look with `docker images`."},
		{"docker ps", "That was `docker ps`. Have a look with `docker images`."},
		{"docker history nginx", "That was `docker history nginx`. Have a look with `docker images`."},
	}},
	{"images-and-layers", "share", [3][2]string{
		{"", "There is no image httpd:latest yet; here are nginx:latest."},
		{"docker tag nginx httpd:v1", "There is no image httpd:latest; of that repository, httpd:v1 is here."},
		{"docker rmi nginx", "There is no image httpd:latest yet: no image is here at all."},
	}},
	{"images-and-layers", "history", [3][2]string{
		{"", "Have a look with `docker history nginx`."},
		{"docker history httpd", "That was `docker history httpd`."},
		{"docker rmi nginx httpd", "There is no image nginx yet: no image is here at all."},
	}},
	{"images-and-layers", "run", [3][2]string{
		{"", "There is no image ubuntu:14.04 yet; here are"},
		{"docker create --name made ubuntu:14.04 true", "The container made was made from ubuntu:14.04, but never started."},
		{"docker pull ubuntu:14.04; docker run --rm nginx true", "A container ran from nginx, and none from ubuntu:14.04 yet."},
	}},
	{"images-and-layers", "stay", [3][2]string{
		{"", "There is no container kept: `docker ps -a` shows none at all."},
		{"docker run --name other ubuntu:14.04 true", "There is no container kept, but other was made from ubuntu:14.04"},
		{"docker create --name kept ubuntu:14.04 true", "The container kept is created, not exited."},
	}},
	{"images-and-layers", "clean", [3][2]string{
		{"", "The container kept has ended, but is still here"},
		{"docker rm kept", "The image ubuntu:14.04 is still here."},
		{"docker rm kept; docker rmi ubuntu:14.04", "The image httpd:latest is still here."},
	}},
	{"change-and-commit", "serve", [3][2]string{
		{"", "There is no container webserver: `docker ps -a` shows none at all."},
		{"docker run --name webserver -d nginx", "The container webserver does not publish 80:80"},
		{"docker create --name webserver -p 80:80 nginx", "The container webserver is created, not running."},
	}},
	{"change-and-commit", "change", [3][2]string{
		{"", "The file /usr/share/nginx/html/index.html in webserver does not contain"},
		{"docker exec webserver rm /usr/share/nginx/html/index.html", "There is no file /usr/share/nginx/html/index.html in webserver."},
		{"docker rm -f webserver", "There is no container webserver"},
	}},
	{"change-and-commit", "diff", [3][2]string{
		{"", "Have a look with `docker diff webserver`."},
		{"docker ps", "That was `docker ps`. Have a look with `docker diff webserver`."},
		{"docker rm -f webserver; docker run --name webserver -d -p 80:80 nginx", "In container webserver, /usr/share/nginx/html/index.html is unchanged"},
	}},
	{"change-and-commit", "commit", [3][2]string{
		{"", "There is no image nginx:v2; of that repository, nginx:latest is here."},
		{"docker tag nginx nginx:v2", "The image nginx:v2 has 0 layers more than nginx, not 1."},
		{"docker commit webserver nginx:v2", `The author of image nginx:v2 is ""`},
	}},
	{"change-and-commit", "history", [3][2]string{
		{"", "Have a look with `docker history nginx:v2`."},
		{"docker history nginx", "That was `docker history nginx`."},
		{"docker rmi nginx:v2", "There is no image nginx:v2; of that repository, nginx:latest is here."},
	}},
	{"change-and-commit", "second", [3][2]string{
		{"", "There is no container web2; here are webserver."},
		{"docker run --name web2 -d -p 81:80 nginx", "The container web2 was made from nginx, not from nginx:v2."},
		{"docker run --name web2 -d -p 82:80 nginx:v2", "The container web2 does not publish 81:80"},
	}},
	{"change-and-commit", "clean", [3][2]string{
		{"", "The container webserver still runs"},
		{"docker rm -f webserver; docker stop web2", "The container web2 has ended, but is still here"},
		{"docker rm -f webserver web2", "The image nginx:v2 is still here."},
	}},
}

func TestHintsSayWhatIsAtFault(t *testing.T) {
	b := book(t)
	covered := map[string]bool{}
	ctx := context.Background()
	for _, w := range wrong {
		covered[w.lesson+"/"+w.step] = true
		l, err := b.Lesson(w.lesson)
		if err != nil {
			t.Fatal(err)
		}
		text := l.In(lessons.English)
		at := text.Step(w.step)
		if at < 0 {
			t.Fatalf("%s has no step %s", w.lesson, w.step)
		}
		seen := map[string]bool{}
		for _, st := range w.states {
			lab := open(t)
			var done []string
			for _, s := range text.Steps[:at] {
				done = append(done, s.ID)
			}
			s := lessons.Open(l, lessons.English, lab, done)
			if err := s.Replay(ctx); err != nil {
				t.Fatal(err)
			}
			if out, code, err := lab.RunHost(ctx, st[0]); err != nil || code != 0 {
				t.Fatalf("%s/%s: %q: %d %v\n%s", w.lesson, w.step, st[0], code, err, out)
			}
			hint, err := s.Hint(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(hint, st[1]) {
				t.Errorf("%s/%s after %q:\n got  %s\n want %s", w.lesson, w.step, st[0], hint, st[1])
			}
			if seen[st[1]] {
				t.Errorf("%s/%s: two wrong states have one hint", w.lesson, w.step)
			}
			seen[st[1]] = true
		}
	}
	for _, l := range b.Lessons {
		for _, s := range l.In(lessons.English).Steps {
			if !covered[l.ID+"/"+s.ID] {
				t.Errorf("no wrong states of %s/%s are tried", l.ID, s.ID)
			}
		}
	}
}

// A step is done as soon as its state is reached, by whatever way; one command can do several.
func TestStepsAreSeenByAnyWay(t *testing.T) {
	ctx := context.Background()
	l, err := book(t).Lesson("images-and-layers")
	if err != nil {
		t.Fatal(err)
	}
	lab := open(t)
	s := lessons.Open(l, lessons.English, lab, nil)
	if done, why, err := s.Observe(ctx); len(done) != 0 || len(why) == 0 || err != nil {
		t.Errorf("at first: %v %v %v", done, why, err)
	}
	// an image can come by create, too
	lab.RunHost(ctx, "docker create --name x nginx; docker image ls; docker pull httpd")
	done, _, err := s.Observe(ctx)
	if err != nil || len(done) == 0 || done[0].ID != "pull" {
		t.Errorf("done %v, %v", done, err)
	}
}
