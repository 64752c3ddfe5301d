// Package pgp is the lab's OpenPGP: keys and signatures that look like the real ones outside and
// hold no cryptography inside.
//
// The armor is the real one, with its checksum. What it holds is text: a key is its fingerprint and
// its owner's name; a signature is the fingerprint of the key and the SHA-256 of what was signed.
// So gpg in the lab notices a file that was changed, a key that is missing and a signature of
// something else, as in life; and whoever can write a file can also make a signature for it, as in
// life nobody can. The real gpg finds no OpenPGP data in it.
package pgp

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Key is a public key.
type Key struct {
	Fingerprint string    // 40 hex digits, upper case
	Algorithm   string    // "rsa4096"
	Owner       string    // the user ID: "A Name <name@example.com>"
	Created     time.Time // to the second
}

// ID is the long key ID: the last 16 digits of the fingerprint.
func (k Key) ID() string { return k.Fingerprint[len(k.Fingerprint)-16:] }

// Type is what gpg calls the algorithm in a sentence: "RSA".
func (k Key) Type() string {
	return strings.ToUpper(strings.TrimRight(k.Algorithm, "0123456789"))
}

// Signature is a signature of some bytes.
type Signature struct {
	Key  string // the fingerprint of the key that made it
	Type string // "RSA"
	Made time.Time
	Sum  [sha256.Size]byte
}

// Sign makes k's signature of data.
func (k Key) Sign(data []byte, made time.Time) Signature {
	return Signature{Key: k.Fingerprint, Type: k.Type(), Made: made.UTC().Truncate(time.Second), Sum: sha256.Sum256(data)}
}

// Covers says whether the signature is of these bytes.
func (s Signature) Covers(data []byte) bool { return s.Sum == sha256.Sum256(data) }

// The kinds of armored blocks.
const (
	keyBlock       = "PUBLIC KEY BLOCK"
	signatureBlock = "SIGNATURE"
	messageBlock   = "SIGNED MESSAGE"
)

// Errors of what is read.
var (
	ErrNoData  = errors.New("no valid OpenPGP data found")
	errBadData = errors.New("invalid packet")
)

// Armor writes the key as gpg --armor --export does.
func (k Key) Armor() string {
	return armor(keyBlock, fmt.Sprintf("lab key\n%s\n%s\n%d\n%s\n", k.Fingerprint, k.Algorithm, k.Created.Unix(), k.Owner))
}

// Armor writes the signature as gpg --armor --detach-sign does.
func (s Signature) Armor() string {
	return armor(signatureBlock, fmt.Sprintf("lab signature\n%s\n%s\n%d\n%x\n", s.Key, s.Type, s.Made.Unix(), s.Sum))
}

// Clearsign writes text with k's signature behind it, as gpg --clearsign does.
func (k Key) Clearsign(text string, made time.Time) string {
	var b strings.Builder
	b.WriteString("-----BEGIN PGP " + messageBlock + "-----\nHash: SHA256\n\n")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "-") {
			b.WriteString("- ")
		}
		b.WriteString(strings.TrimSuffix(line, "\n") + "\n")
	}
	return b.String() + k.Sign(canonical(text), made).Armor()
}

// canonical is what of a text is signed: lines end in CRLF, without blanks before it, and the last
// one does not end.
func canonical(text string) []byte {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " \t\r")
	}
	return []byte(strings.Join(lines, "\r\n"))
}

func armor(kind, body string) string {
	var b strings.Builder
	b.WriteString("-----BEGIN PGP " + kind + "-----\n\n")
	text := base64.StdEncoding.EncodeToString([]byte(body))
	for len(text) > 64 {
		b.WriteString(text[:64] + "\n")
		text = text[64:]
	}
	c := crc24([]byte(body))
	b.WriteString(text + "\n=" + base64.StdEncoding.EncodeToString([]byte{byte(c >> 16), byte(c >> 8), byte(c)}) + "\n-----END PGP " + kind + "-----\n")
	return b.String()
}

// crc24 is the checksum of armor (RFC 4880, 6.1).
func crc24(b []byte) uint32 {
	crc := uint32(0xb704ce)
	for _, ch := range b {
		crc ^= uint32(ch) << 16
		for range 8 {
			if crc <<= 1; crc&0x1000000 != 0 {
				crc ^= 0x1864cfb
			}
		}
	}
	return crc & 0xffffff
}

// dearmor finds the next block of a kind in text, and gives what it holds and what follows it.
func dearmor(text, kind string) (body []byte, rest string, ok bool, err error) {
	begin, end := "-----BEGIN PGP "+kind+"-----", "-----END PGP "+kind+"-----"
	i := strings.Index(text, begin)
	if i < 0 {
		return nil, "", false, nil
	}
	text = text[i+len(begin):]
	block, rest, ok := strings.Cut(text, end)
	if !ok {
		return nil, "", false, ErrNoData
	}
	// Headers end at an empty line.
	lines := strings.Split(strings.ReplaceAll(block, "\r\n", "\n"), "\n")
	var encoded, sum string
	inBody := false
	for _, l := range lines[1:] {
		l = strings.TrimSpace(l)
		switch {
		case l == "":
			inBody = true
		case !inBody:
		case strings.HasPrefix(l, "="):
			sum = l[1:]
		default:
			encoded += l
		}
	}
	body, err = base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, rest, true, errBadData
	}
	if sum != "" {
		c := crc24(body)
		if sum != base64.StdEncoding.EncodeToString([]byte{byte(c >> 16), byte(c >> 8), byte(c)}) {
			return nil, rest, true, errBadData
		}
	}
	return body, rest, true, nil
}

// ReadKeys reads the keys in a text: armored, or one after the other as they are inside.
func ReadKeys(text []byte) ([]Key, error) {
	var keys []Key
	s := string(text)
	if bytes.HasPrefix(text, []byte("lab key\n")) {
		for strings.HasPrefix(s, "lab key\n") {
			k, rest, err := readKey(s)
			if err != nil {
				return keys, err
			}
			keys, s = append(keys, k), rest
		}
		return keys, nil
	}
	for {
		body, rest, ok, err := dearmor(s, keyBlock)
		if err != nil {
			return keys, err
		}
		if !ok {
			break
		}
		k, _, err := readKey(string(body))
		if err != nil {
			return keys, err
		}
		keys, s = append(keys, k), rest
	}
	if len(keys) == 0 {
		return nil, ErrNoData
	}
	return keys, nil
}

// Bytes is the key without armor.
func (k Key) Bytes() []byte {
	return fmt.Appendf(nil, "lab key\n%s\n%s\n%d\n%s\n", k.Fingerprint, k.Algorithm, k.Created.Unix(), k.Owner)
}

func readKey(s string) (k Key, rest string, err error) {
	f := strings.SplitN(s, "\n", 6)
	var created int64
	if len(f) != 6 || f[0] != "lab key" || !fingerprint(f[1]) {
		return k, "", errBadData
	}
	if _, err := fmt.Sscan(f[3], &created); err != nil {
		return k, "", errBadData
	}
	return Key{Fingerprint: f[1], Algorithm: f[2], Created: time.Unix(created, 0).UTC(), Owner: f[4]}, f[5], nil
}

func fingerprint(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 20 && s == strings.ToUpper(s)
}

// ReadSignature reads an armored signature.
func ReadSignature(text []byte) (Signature, error) {
	body, _, ok, err := dearmor(string(text), signatureBlock)
	if err != nil {
		return Signature{}, err
	}
	if !ok {
		return Signature{}, ErrNoData
	}
	f := strings.Split(string(body), "\n")
	var s Signature
	var made int64
	if len(f) != 6 || f[0] != "lab signature" || !fingerprint(f[1]) {
		return s, errBadData
	}
	sum, err := hex.DecodeString(f[4])
	if _, err2 := fmt.Sscan(f[3], &made); err != nil || err2 != nil || len(sum) != len(s.Sum) {
		return s, errBadData
	}
	return Signature{Key: f[1], Type: f[2], Made: time.Unix(made, 0).UTC(), Sum: [sha256.Size]byte(sum)}, nil
}

// ReadMessage reads a text that is signed in the clear: the text, what of it is signed, and the
// signature.
func ReadMessage(b []byte) (text string, signed []byte, s Signature, err error) {
	_, rest, ok := strings.Cut(strings.ReplaceAll(string(b), "\r\n", "\n"), "-----BEGIN PGP "+messageBlock+"-----\n")
	if !ok {
		return "", nil, s, ErrNoData
	}
	_, rest, ok = strings.Cut(rest, "\n\n")
	body, _, ok2 := strings.Cut(rest, "-----BEGIN PGP "+signatureBlock+"-----")
	if !ok || !ok2 {
		return "", nil, s, ErrNoData
	}
	var t strings.Builder
	for line := range strings.Lines(body) {
		t.WriteString(strings.TrimPrefix(line, "- "))
	}
	s, err = ReadSignature([]byte(rest))
	return t.String(), canonical(t.String()), s, err
}
