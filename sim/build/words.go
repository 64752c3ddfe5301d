package build

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-connections/nat"

	"github.com/dockerlab/dockerlab/sim/linux"
)

// Words that mean something by themselves: ports, signals, platforms. The libraries of today word
// what is wrong with them otherwise than those of 20.10.

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// parsePorts reads what EXPOSE names: "80", "80/udp", "8000-8010/tcp"; and, since the engine reads
// it as docker run reads -p, "ip:host:container", of which it keeps the last.
func parsePorts(specs []string) (nat.PortSet, error) {
	out := nat.PortSet{}
	for _, s := range specs {
		if err := parsePort(s, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func parsePort(spec string, into nat.PortSet) error {
	parts := strings.Split(spec, ":")
	last := len(parts) - 1
	ports := parts[last]
	var ip, host string
	if last > 0 {
		host = parts[last-1]
	}
	if last > 1 {
		ip = strings.Join(parts[:last-1], ":")
	}
	ports, proto := splitProto(ports)
	if bare := strings.TrimSuffix(strings.TrimPrefix(ip, "["), "]"); ip != "" {
		if strings.Contains(ip, ":") && bare == ip {
			return fmt.Errorf("Invalid ip address %v: address %s:: too many colons in address", ip, ip)
		}
		if _, err := netip.ParseAddr(bare); err != nil {
			return fmt.Errorf("Invalid ip address: %s", bare)
		}
	}
	if ports == "" {
		return fmt.Errorf("No port specified: %s<empty>", spec)
	}
	first, end, err := portRange(ports)
	if err != nil {
		return fmt.Errorf("Invalid containerPort: %s", ports)
	}
	if host != "" {
		hostFirst, hostEnd, err := portRange(host)
		if err != nil {
			return fmt.Errorf("Invalid hostPort: %s", host)
		}
		// One container port may be given a range of host ports to choose from.
		if hostEnd-hostFirst != end-first && end != first {
			return fmt.Errorf("Invalid ranges specified for container and host Ports: %s and %s", ports, host)
		}
	}
	if !slices.Contains([]string{"tcp", "udp", "sctp"}, strings.ToLower(proto)) {
		return fmt.Errorf("Invalid proto: %s", proto)
	}
	for p := first; p <= end; p++ {
		into[nat.Port(fmt.Sprintf("%d/%s", p, strings.ToLower(proto)))] = struct{}{}
	}
	return nil
}

// splitProto splits "80/udp"; what comes after a second slash is ignored.
func splitProto(s string) (port, proto string) {
	parts := strings.Split(s, "/")
	switch {
	case parts[0] == "":
		return "", ""
	case len(parts) == 1 || parts[1] == "":
		return parts[0], "tcp"
	}
	return parts[0], parts[1]
}

func portRange(s string) (first, last uint64, err error) {
	a, b, isRange := strings.Cut(s, "-")
	if first, err = strconv.ParseUint(a, 10, 16); err != nil || !isRange {
		return first, first, err
	}
	b, _, _ = strings.Cut(b, "-")
	if last, err = strconv.ParseUint(b, 10, 16); err != nil {
		return 0, 0, err
	}
	if last < first {
		return 0, 0, errors.New("range runs backwards")
	}
	return first, last, nil
}

// isSignal says whether STOPSIGNAL takes s: any number but 0, and names with or without SIG.
func isSignal(s string) bool {
	if n, err := strconv.Atoi(s); err == nil {
		return n != 0
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	if rest, ok := strings.CutPrefix(name, "RTMIN"); ok {
		return rest == "" || realTime(rest, "+", 15)
	}
	if rest, ok := strings.CutPrefix(name, "RTMAX"); ok {
		return rest == "" || realTime(rest, "-", 14)
	}
	if name == "CLD" || name == "POLL" || name == "UNUSED" {
		return name != "UNUSED"
	}
	_, ok := linux.ParseSignal(name)
	return ok && name != "" && (name[0] < '0' || name[0] > '9')
}

// realTime reads "+3" with a number from 1 to most.
func realTime(s, sign string, most int) bool {
	digits, ok := strings.CutPrefix(s, sign)
	n, err := strconv.Atoi(digits)
	return ok && err == nil && n >= 1 && n <= most && strconv.Itoa(n) == digits
}

var platformPart = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// parsePlatform reads "os", "arch", "os/arch" and "os/arch/variant", and gives the normal form.
func parsePlatform(s string) (string, error) {
	if strings.Contains(s, "*") {
		return "", fmt.Errorf("%q: wildcards not yet supported: invalid argument", s)
	}
	parts := strings.Split(s, "/")
	for _, p := range parts {
		if !platformPart.MatchString(p) {
			return "", fmt.Errorf("%q is an invalid component of %q: platform specifier component must match %q: invalid argument", p, s, platformPart)
		}
	}
	switch len(parts) {
	case 1:
		name := strings.ToLower(parts[0])
		if name == "macos" {
			name = "darwin"
		}
		if slices.Contains(knownOS, name) {
			return name + "/amd64", nil
		}
		if arch := normalArch(name); slices.Contains(knownArch, strings.Split(arch, "/")[0]) {
			return "linux/" + arch, nil
		}
		return "", fmt.Errorf("%q: unknown operating system or architecture: invalid argument", s)
	case 2, 3:
		goos := strings.ToLower(parts[0])
		if goos == "macos" {
			goos = "darwin"
		}
		arch := normalArch(strings.ToLower(parts[1]))
		if len(parts) == 3 && !strings.Contains(arch, "/") {
			arch += "/" + strings.ToLower(parts[2])
		}
		return goos + "/" + arch, nil
	}
	return "", fmt.Errorf("%q: cannot parse platform specifier: invalid argument", s)
}

var (
	knownOS   = strings.Fields("aix android darwin dragonfly freebsd hurd illumos js linux nacl netbsd openbsd plan9 solaris windows zos")
	knownArch = strings.Fields("386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm")
)

// normalArch gives an architecture the name that Go has for it.
func normalArch(a string) string {
	switch a {
	case "i386":
		return "386"
	case "x86_64", "x86-64":
		return "amd64"
	case "aarch64":
		return "arm64"
	case "armhf":
		return "arm/v7"
	case "armel":
		return "arm/v6"
	}
	return a
}
