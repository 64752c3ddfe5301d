package catalog

import (
	"strings"
	"testing"

	"github.com/dockerlab/dockerlab/sim/catalog/alpine"
)

// popular are packages that Dockerfiles install, where the release has them.
const popular = `bash curl wget git openssl openssh-client ca-certificates tzdata tar gzip xz bzip2 unzip zip gcc g++ make musl-dev linux-headers libffi-dev
	openssl-dev python python2 python3 python3-dev python-dev py-pip py3-pip py3-setuptools py-setuptools nodejs npm nginx redis su-exec tini dumb-init sudo shadow gnupg jq vim
	nano rsync supervisor postgresql-client mysql-client mariadb-client ruby go zlib-dev pcre-dev libxml2-dev libxslt-dev geoip-dev gd-dev readline-dev
	sqlite sqlite-dev bzip2-dev xz-dev expat-dev gdbm-dev ncurses-dev tk-dev tcl-dev gmp-dev autoconf automake libtool bison flex m4 file patch cmake
	coreutils findutils grep sed gawk diffutils less procps util-linux iproute2 iptables net-tools bind-tools libcap socat strace htop memcached perl
	binutils pkgconf pkgconfig libgcc libstdc++ apache2 apache2-utils php5 php7 php81 docker yarn lua5.3 imagemagick gettext mercurial subversion logrotate
	icu-dev yaml-dev postgresql-dev mariadb-dev curl-dev freetype-dev libpng-dev libjpeg-turbo-dev libwebp-dev krb5-dev openldap-dev libmemcached-dev`

func TestAlpinesPackagesHoldWhatTheirIndexSays(t *testing.T) {
	r := Open()
	for _, release := range []string{"v3.4", "v3.10", "v3.17"} {
		repositories, err := r.alpine().Repositories(release)
		if err != nil || len(repositories) != 2 {
			t.Fatalf("%s: %v, %v", release, repositories, err)
		}
		owner, found := map[string]*alpine.Package{}, 0
		told := map[[2]*alpine.Package]bool{}
		for name := range strings.FieldsSeq(popular) {
			for _, repository := range repositories {
				for _, p := range repository.Providers(name) {
					if p.Name != name {
						continue
					}
					found++
					c, err := r.AlpineContents(release, p)
					if err != nil {
						t.Fatal(err)
					}
					var size int64
					at := map[string]bool{"/": true}
					for _, e := range c.Files {
						at[e.Path] = true
						if e.Mode.IsDir() {
							continue
						}
						size += e.Size
						if other := owner[e.Path]; other != nil && other != p && !replaces(c, other) && !told[[2]*alpine.Package{other, p}] {
							told[[2]*alpine.Package{other, p}] = true
							t.Errorf("%s: %s is of %s and of %s", release, e.Path, other, p)
						}
						owner[e.Path] = p
					}
					if want := p.InstalledSize; len(c.Files) > 0 && (size < want/2 || size > want+want/10) {
						t.Errorf("%s: the files of %s are of %d bytes, not %d", release, p, size, want)
					}
					for _, d := range p.Provides {
						if program, ok := strings.CutPrefix(d.Name, "cmd:"); ok && !at["/usr/bin/"+program] && !at["/bin/"+program] && !at["/usr/sbin/"+program] && !at["/sbin/"+program] {
							t.Errorf("%s: %s has no %s", release, p, program)
						}
					}
				}
			}
		}
		if found < 80 {
			t.Errorf("%s has %d of the packages", release, found)
		}
	}
}

func replaces(c *alpine.Contents, p *alpine.Package) bool {
	for _, d := range c.Replaces {
		if p.Satisfies(d) {
			return true
		}
	}
	return false
}

func TestAlpinesRepositoriesAreInTheWeb(t *testing.T) {
	r := Open()
	for url, want := range map[string]bool{
		"/alpine/v3.4/main/x86_64/APKINDEX.tar.gz":          true,
		"/alpine/v3.4/main/x86_64/curl-7.51.0-r0.apk":       true,
		"/alpine/latest-stable/main/x86_64/APKINDEX.tar.gz": true,
		"/alpine/v3.4/main/x86_64/curl-9-r0.apk":            false,
		"/alpine/v3.3/main/x86_64/APKINDEX.tar.gz":          false,
		"/alpine/../v3.4/main/x86_64/APKINDEX.tar.gz":       false,
	} {
		p, err := r.Page("dl-cdn.alpinelinux.org", url, "")
		if err != nil || (p != nil) != want {
			t.Errorf("%s: %v, %v", url, p, err)
		}
	}
	if files, err := r.debianFiles("no-such-package"); files != nil || err != nil {
		t.Errorf("%v, %v", files, err)
	}
}
