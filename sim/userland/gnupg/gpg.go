// Package gnupg is gpg, as GnuPG 2.2.40 has it: keys fetched from keyservers and from files, and
// signatures checked. Keys and signatures are the lab's (package pgp). Making keys and signatures,
// and all encryption, is not simulated: those commands fail as unknown ones do.
package gnupg

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dockerlab/dockerlab/sim/linux"
	"github.com/dockerlab/dockerlab/sim/pgp"
	"github.com/dockerlab/dockerlab/sim/userland/network"
	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

// Programs is gpg.
var Programs = []prog.Program{
	{Name: "gpg", Families: prog.GNU, Run: run},
}

type gpg struct {
	c         *prog.Ctx
	home      string
	keyserver string
	output    string
	armor     bool
	yes       bool
	batch     bool
	quiet     bool
	status    int
}

const (
	optHomedir = prog.LongOnly + iota
	optKeyserver
	optKeyserverOptions
	optRecv
	optImport
	optVerify
	optFingerprint
	optExport
	optDearmor
	optBatch
	optYes
	optDelete
	optNoTTY
	optVersion
	optTrust
)

var long = []prog.Long{
	{Name: "homedir", Arg: prog.ReqArg, Val: optHomedir}, {Name: "keyserver", Arg: prog.ReqArg, Val: optKeyserver}, {Name: "keyserver-options", Arg: prog.ReqArg, Val: optKeyserverOptions},
	{Name: "recv-keys", Val: optRecv}, {Name: "receive-keys", Val: optRecv}, {Name: "recv-key", Val: optRecv}, {Name: "import", Val: optImport}, {Name: "verify", Val: optVerify}, {Name: "decrypt", Val: 'd'},
	{Name: "list-keys", Val: 'k'}, {Name: "list-public-keys", Val: 'k'}, {Name: "fingerprint", Val: optFingerprint}, {Name: "export", Val: optExport}, {Name: "dearmor", Val: optDearmor},
	{Name: "delete-keys", Val: optDelete}, {Name: "delete-key", Val: optDelete}, {Name: "output", Arg: prog.ReqArg, Val: 'o'}, {Name: "armor", Val: 'a'}, {Name: "batch", Val: optBatch},
	{Name: "yes", Val: optYes}, {Name: "quiet", Val: 'q'}, {Name: "no-tty", Val: optNoTTY}, {Name: "trust-model", Arg: prog.ReqArg, Val: optTrust}, {Name: "version", Val: optVersion},
}

// maxFile bounds what is read of a key or of a signed file.
const maxFile = 1 << 20

func run(c *prog.Ctx) int {
	g := &gpg{c: c}
	c.UsageStatus = 2
	c.OnUsage = func() { c.Exit(2) }
	command := 0
	set := func(v int) {
		if command != 0 && command != v {
			c.Errorf("gpg: conflicting commands\n")
			c.Exit(2)
		}
		command = v
	}
	for o := range c.GetoptOnly("do:akq", long) {
		switch o.Val {
		case optHomedir:
			g.home = o.Arg
		case optKeyserver:
			g.keyserver = o.Arg
		case optKeyserverOptions, optNoTTY:
		case optTrust:
			if !slices.Contains([]string{"always", "pgp", "classic", "tofu", "tofu+pgp", "direct", "auto"}, o.Arg) {
				c.Errorf("gpg: unknown trust model '%s'\n", o.Arg)
				c.Exit(2)
			}
		case 'o':
			g.output = o.Arg
		case 'a':
			g.armor = true
		case optBatch:
			g.batch = true
		case optYes:
			g.yes = true
		case 'q':
			g.quiet = true
		case optVersion:
			c.Print("gpg (GnuPG) 2.2.40\nlibgcrypt 1.10.1\n")
			return 0
		default:
			set(o.Val)
		}
	}
	g.directory()
	args := c.Args
	switch command {
	case optRecv:
		g.receive(args)
	case optImport:
		g.importFiles(args)
	case optVerify:
		g.verify(args)
	case 'd':
		g.decrypt(args)
	case 'k', optFingerprint:
		g.list(args, command == optFingerprint)
	case optExport:
		g.export(args)
	case optDearmor:
		g.dearmor(args)
	case optDelete:
		g.remove(args)
	default:
		c.Errorf("gpg: WARNING: no command supplied.  Trying to guess what you mean ...\n")
		g.decrypt(args)
	}
	return g.status
}

func (g *gpg) say(format string, a ...any) {
	g.c.Out.Flush()
	fmt.Fprintf(g.c.Err, "gpg: "+format+"\n", a...)
}

// directory makes the home directory of GnuPG, as the first call of gpg does.
func (g *gpg) directory() {
	if g.home == "" {
		g.home = g.c.Getenv("GNUPGHOME")
	}
	own := g.home == ""
	if own {
		home := g.c.Getenv("HOME")
		if home == "" {
			home = "/"
		}
		g.home = path.Join(home, ".gnupg")
	}
	if st, err := g.c.Stat(g.home); err != nil {
		if !own {
			g.say("keyblock resource '%s': %v", g.ring(), err)
			return
		}
		if err := g.c.Mkdir(g.home, 0o700); err != nil {
			g.say("Fatal: can't create directory '%s': %v", g.home, err)
			g.c.Exit(2)
		}
		g.say("directory '%s' created", g.home)
	} else if st.Mode&0o077 != 0 {
		g.say("WARNING: unsafe permissions on homedir '%s'", g.home)
	}
	if _, err := g.c.Stat(g.ring()); err == linux.ENOENT {
		if g.c.WriteFile(g.ring(), nil, 0o600) == nil {
			g.say("keybox '%s' created", g.ring())
		}
	}
}

func (g *gpg) ring() string { return path.Join(g.home, "pubring.kbx") }

// keys are those of the keyring.
func (g *gpg) keys() []pgp.Key {
	b, err := g.c.ReadFile(g.ring())
	if err != nil || len(b) == 0 {
		return nil
	}
	keys, err := pgp.ReadKeys(b)
	if err != nil {
		g.say("keyring '%s' is damaged: %v", g.ring(), err)
	}
	return keys
}

func (g *gpg) write(keys []pgp.Key) error {
	var b []byte
	for _, k := range keys {
		b = append(b, k.Bytes()...)
	}
	return g.c.WriteFile(g.ring(), b, 0o600)
}

// find is the key that a fingerprint, key ID or part of the owner's name means.
func find(keys []pgp.Key, what string) int {
	id := strings.ToUpper(strings.TrimPrefix(strings.ReplaceAll(what, " ", ""), "0x"))
	return slices.IndexFunc(keys, func(k pgp.Key) bool {
		return len(id) >= 8 && strings.HasSuffix(k.Fingerprint, id) || strings.Contains(strings.ToLower(k.Owner), strings.ToLower(what))
	})
}

// add puts keys into the keyring and counts them, as --import and --recv-keys report it.
func (g *gpg) add(found []pgp.Key) {
	keys := g.keys()
	imported, unchanged := 0, 0
	if _, err := g.c.Stat(path.Join(g.home, "trustdb.gpg")); err == linux.ENOENT {
		name := path.Join(g.home, "trustdb.gpg")
		if g.c.WriteFile(name, make([]byte, 1200), 0o600) == nil {
			g.say("%s: trustdb created", name)
		}
	}
	for _, k := range found {
		if slices.ContainsFunc(keys, func(o pgp.Key) bool { return o.Fingerprint == k.Fingerprint }) {
			g.say("key %s: \"%s\" not changed", k.ID(), k.Owner)
			unchanged++
			continue
		}
		keys = append(keys, k)
		g.say("key %s: public key \"%s\" imported", k.ID(), k.Owner)
		imported++
	}
	if err := g.write(keys); err != nil {
		g.say("error writing keyring '%s': %v", g.ring(), err)
		g.status = 2
		return
	}
	g.say("Total number processed: %d", imported+unchanged)
	if imported > 0 {
		g.say("              imported: %d", imported)
	}
	if unchanged > 0 {
		g.say("             unchanged: %d", unchanged)
	}
}

// receive fetches keys from a keyserver.
func (g *gpg) receive(ids []string) {
	if len(ids) == 0 {
		return
	}
	fail := func(why string) {
		g.say("keyserver receive failed: %s", why)
		g.status = 2
	}
	const dirmngr = "/usr/bin/dirmngr"
	if _, err := g.c.Stat(dirmngr); err != nil {
		g.say("failed to start the dirmngr '%s': %v", dirmngr, err)
		g.say("connecting dirmngr at '%s' failed: %v", path.Join(g.home, "S.dirmngr"), err)
		fail("No dirmngr")
		return
	}
	server := g.keyserver
	if server == "" {
		server = "hkps://keys.openpgp.org"
	}
	scheme, host, ok := strings.Cut(server, "://")
	if !ok {
		scheme, host = "hkp", server
	}
	host = strings.TrimSuffix(host, "/")
	switch scheme {
	case "hkp":
		scheme = "http"
		if !strings.Contains(host, ":") {
			host += ":11371"
		}
	case "hkps":
		scheme = "https"
	case "http", "https":
	default:
		fail("Invalid URI")
		return
	}
	var found []pgp.Key
	for _, id := range ids {
		hex := strings.ToUpper(strings.TrimPrefix(strings.ReplaceAll(id, " ", ""), "0x"))
		if strings.Trim(hex, "0123456789ABCDEF") != "" || len(hex) != 8 && len(hex) != 16 && len(hex) != 32 && len(hex) != 40 {
			g.say("\"%s\" not a key ID: skipping", id)
			continue
		}
		status, body, err := network.Fetch(g.c, scheme+"://"+host+"/pks/lookup?op=get&options=mr&search=0x"+hex, maxFile)
		switch {
		case err != nil:
			why := err.Error()
			if _, ok := err.(linux.Errno); !ok {
				why = "No name"
			}
			fail(why)
			return
		case status != 200:
			continue
		}
		keys, err := pgp.ReadKeys(body)
		if err == nil {
			found = append(found, keys...)
		}
	}
	if len(found) == 0 {
		fail("No data")
		return
	}
	g.add(found)
	if len(found) < len(ids) {
		g.status = 2
	}
}

// input reads a file of the arguments, or standard input.
func (g *gpg) input(args []string) ([]byte, error) {
	if len(args) > 0 && args[0] != "-" {
		return g.c.ReadFile(args[0])
	}
	return io.ReadAll(io.LimitReader(g.c.In, maxFile))
}

func (g *gpg) importFiles(args []string) {
	if len(args) == 0 {
		args = []string{"-"}
	}
	var found []pgp.Key
	for _, name := range args {
		b, err := g.input([]string{name})
		if err != nil {
			g.say("can't open '%s': %v", name, err)
			g.status = 2
			continue
		}
		keys, err := pgp.ReadKeys(b)
		if err != nil {
			g.say("no valid OpenPGP data found.")
			g.status = 2
		}
		found = append(found, keys...)
	}
	if len(found) == 0 {
		g.say("Total number processed: 0")
		return
	}
	g.add(found)
}

// check says whose a signature is and whether it is of the data. It gives gpg's exit code.
func (g *gpg) check(s pgp.Signature, data []byte) int {
	g.say("Signature made %s", s.Made.In(g.c.Zone()).Format("Mon Jan _2 15:04:05 2006 MST"))
	g.say("               using %s key %s", s.Type, s.Key)
	keys := g.keys()
	i := find(keys, s.Key)
	if i < 0 {
		g.say("Can't check signature: No public key")
		return 2
	}
	k := keys[i]
	if !s.Covers(data) {
		g.say("BAD signature from \"%s\" [unknown]", k.Owner)
		return 1
	}
	g.say("Good signature from \"%s\" [unknown]", k.Owner)
	g.say("WARNING: This key is not certified with a trusted signature!")
	g.say("         There is no indication that the signature belongs to the owner.")
	fmt.Fprintf(g.c.Err, "Primary key fingerprint: %s\n", groups(k.Fingerprint))
	return 0
}

// groups is a fingerprint as people compare it.
func groups(f string) string {
	var b strings.Builder
	for i := 0; i < len(f); i += 4 {
		if i == 20 {
			b.WriteString(" ")
		}
		if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(f[i:min(i+4, len(f))])
	}
	return b.String()
}

func (g *gpg) verify(args []string) {
	b, err := g.input(args)
	if err != nil {
		g.say("can't open '%s': %v", args[0], err)
		g.say("verify signatures failed: %v", err)
		g.status = 2
		return
	}
	if _, signed, s, err := pgp.ReadMessage(b); err == nil {
		if len(args) > 1 {
			g.say("not a detached signature")
			g.status = 2
			return
		}
		g.status = g.check(s, signed)
		if beside, ok := strings.CutSuffix(args0(args), ".asc"); ok && g.status == 0 {
			if _, err := g.c.Stat(beside); err == nil {
				g.say("WARNING: not a detached signature; file '%s' was NOT verified!", beside)
			}
		}
		return
	}
	s, err := pgp.ReadSignature(b)
	if err == pgp.ErrNoData {
		g.say("no valid OpenPGP data found.")
		g.say("the signature could not be verified.")
		fmt.Fprint(g.c.Err, "Please remember that the signature file (.sig or .asc)\nshould be the first file given on the command line.\n")
		g.status = 2
		return
	}
	if err != nil {
		g.say("verify signatures failed: %v", err)
		g.status = 2
		return
	}
	signed := args[min(1, len(args)):]
	if len(signed) == 0 {
		name, ok := strings.CutSuffix(args0(args), ".asc")
		if !ok {
			name, ok = strings.CutSuffix(args0(args), ".sig")
		}
		if !ok {
			g.say("no signed data")
			g.say("can't hash datafile: No data")
			g.status = 2
			return
		}
		g.say("assuming signed data in '%s'", name)
		signed = []string{name}
	}
	f, err := g.c.OpenInput(signed[0])
	if err != nil {
		g.say("can't open signed data '%s'", signed[0])
		g.say("can't hash datafile: %v", err)
		g.status = 2
		return
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 64<<20))
	if err != nil {
		g.say("can't hash datafile: %v", err)
		g.status = 2
		return
	}
	g.c.Step(len(data) >> 8)
	g.status = g.check(s, data)
}

func args0(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// decrypt writes the text of a message that is signed in the clear, and checks its signature.
func (g *gpg) decrypt(args []string) {
	b, err := g.input(args)
	if err != nil {
		g.say("can't open '%s': %v", args[0], err)
		g.say("decrypt_message failed: %v", err)
		g.status = 2
		return
	}
	text, signed, s, err := pgp.ReadMessage(b)
	if err != nil {
		g.say("no valid OpenPGP data found.")
		g.say("decrypt_message failed: Unknown system error")
		g.status = 2
		return
	}
	if !g.put([]byte(text)) {
		return
	}
	g.status = g.check(s, signed)
}

// put writes to --output, or to standard output.
func (g *gpg) put(b []byte) bool {
	if g.output == "" || g.output == "-" {
		g.c.Out.Write(b)
		return true
	}
	if _, err := g.c.Stat(g.output); err == nil && !g.yes {
		g.say("File '%s' exists. Overwrite? (y/N) ", g.output)
		if g.batch || !g.c.Isatty(0) {
			g.say("cannot open '/dev/tty': %v", linux.ENXIO)
			g.status = 2
			return false
		}
	}
	if err := g.c.WriteFile(g.output, b, 0o666); err != nil {
		g.say("can't create '%s': %v", g.output, err)
		g.status = 2
		return false
	}
	return true
}

func (g *gpg) list(args []string, fingerprints bool) {
	keys := g.keys()
	if len(args) > 0 {
		var some []pgp.Key
		for _, a := range args {
			if i := find(keys, a); i >= 0 {
				some = append(some, keys[i])
			} else {
				g.say("error reading key: No public key")
				g.status = 2
			}
		}
		keys = some
	} else if len(keys) > 0 {
		g.c.Printf("%s\n%s\n", g.ring(), strings.Repeat("-", len(g.ring())))
	}
	for _, k := range keys {
		f := k.Fingerprint
		if fingerprints {
			f = groups(f)
		}
		g.c.Printf("pub   %s %s [SC]\n      %s\nuid           [ unknown] %s\n\n", k.Algorithm, k.Created.In(time.UTC).Format("2006-01-02"), f, k.Owner)
	}
}

func (g *gpg) export(args []string) {
	var out []byte
	for i, k := range g.keys() {
		if len(args) > 0 && !slices.ContainsFunc(args, func(a string) bool { return find(g.keys(), a) == i }) {
			continue
		}
		if g.armor {
			out = append(out, k.Armor()...)
		} else {
			out = append(out, k.Bytes()...)
		}
	}
	if len(out) == 0 {
		g.say("WARNING: nothing exported")
		return
	}
	g.put(out)
}

func (g *gpg) dearmor(args []string) {
	b, err := g.input(args)
	if err != nil {
		g.say("can't open '%s': %v", args[0], err)
		g.status = 2
		return
	}
	keys, err := pgp.ReadKeys(b)
	if err != nil {
		g.say("no valid OpenPGP data found.")
		g.say("dearmoring failed: %v", err)
		g.status = 2
		return
	}
	var out []byte
	for _, k := range keys {
		out = append(out, k.Bytes()...)
	}
	if g.output == "" && len(args) > 0 && args[0] != "-" {
		g.output = args[0] + ".gpg"
	}
	g.put(out)
}

func (g *gpg) remove(args []string) {
	keys := g.keys()
	for _, a := range args {
		i := find(keys, a)
		if i < 0 {
			g.say("key \"%s\" not found: Not found", a)
			g.say("%s: delete key failed: Not found", a)
			g.status = 2
			continue
		}
		if g.batch && !g.yes {
			g.say("can't do this in batch mode without \"--yes\"")
			g.status = 2
			return
		}
		keys = slices.Delete(keys, i, i+1)
	}
	if err := g.write(keys); err != nil {
		g.say("error writing keyring '%s': %v", g.ring(), err)
		g.status = 2
	}
}
