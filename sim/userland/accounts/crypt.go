package accounts

import (
	"crypto/sha512"
	"crypto/subtle"
	"strings"

	"github.com/dockerlab/dockerlab/sim/userland/prog"
)

const cryptLetters = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// hashPassword is crypt(3) with SHA-512 and a salt of the lab's own random source. (Debian's
// default is yescrypt, which needs 16 MiB of memory for each.)
func hashPassword(c *prog.Ctx, password string) string {
	salt := make([]byte, 16)
	for i := range salt {
		salt[i] = cryptLetters[c.Kernel().Rand().IntN(len(cryptLetters))]
	}
	c.Step(20000)
	return sha512Crypt(password, string(salt))
}

// checkPassword says whether password is the one that hash was made of. An empty hash lets
// everybody in; a hash of another kind, nobody.
func checkPassword(password, hash string) bool {
	if hash == "" {
		return true
	}
	rest, ok := strings.CutPrefix(hash, "$6$")
	if !ok {
		return false
	}
	salt, _, ok := strings.Cut(rest, "$")
	return ok && !strings.HasPrefix(salt, "rounds=") && subtle.ConstantTimeCompare([]byte(sha512Crypt(password, salt)), []byte(hash)) == 1
}

// sha512Crypt is the SHA-512 method of crypt(3) with its 5000 rounds, as
// https://www.akkadia.org/drepper/SHA-crypt.txt describes it.
func sha512Crypt(password, salt string) string {
	if len(salt) > 16 {
		salt = salt[:16]
	}
	p, s := []byte(password), []byte(salt)
	b := sha512.New()
	b.Write(p)
	b.Write(s)
	b.Write(p)
	alt := b.Sum(nil)
	a := sha512.New()
	a.Write(p)
	a.Write(s)
	n := len(p)
	for ; n > 64; n -= 64 {
		a.Write(alt)
	}
	a.Write(alt[:n])
	for n := len(p); n > 0; n >>= 1 {
		if n&1 != 0 {
			a.Write(alt)
		} else {
			a.Write(p)
		}
	}
	sum := a.Sum(nil)
	repeat := func(digest []byte, n int) []byte {
		var out []byte
		for ; n > 64; n -= 64 {
			out = append(out, digest...)
		}
		return append(out, digest[:n]...)
	}
	d := sha512.New()
	for range p {
		d.Write(p)
	}
	pw := repeat(d.Sum(nil), len(p))
	d = sha512.New()
	for range 16 + int(sum[0]) {
		d.Write(s)
	}
	sl := repeat(d.Sum(nil), len(s))
	for i := range 5000 {
		r := sha512.New()
		if i&1 != 0 {
			r.Write(pw)
		} else {
			r.Write(sum)
		}
		if i%3 != 0 {
			r.Write(sl)
		}
		if i%7 != 0 {
			r.Write(pw)
		}
		if i&1 != 0 {
			r.Write(sum)
		} else {
			r.Write(pw)
		}
		sum = r.Sum(nil)
	}
	var out strings.Builder
	put := func(x, y, z byte, n int) {
		v := uint(x)<<16 | uint(y)<<8 | uint(z)
		for ; n > 0; n-- {
			out.WriteByte(cryptLetters[v&0x3f])
			v >>= 6
		}
	}
	x, y, z := 0, 21, 42
	for range 21 {
		put(sum[x], sum[y], sum[z], 4)
		x, y, z = (y+1)%63, (z+1)%63, (x+1)%63
		if x == 0 && y == 0 {
			break
		}
	}
	put(0, 0, sum[63], 2)
	return "$6$" + salt + "$" + out.String()
}
