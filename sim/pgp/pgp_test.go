package pgp

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

var key = Key{Fingerprint: "B42F6819007F00F88E364FD4036A9C25BF357DD4", Algorithm: "rsa4096", Owner: "Some One <one@example.com>", Created: time.Date(2014, 3, 4, 5, 6, 7, 0, time.UTC)}

func TestAKeyIsReadAsItWasWritten(t *testing.T) {
	other := key
	other.Owner, other.Fingerprint = "Ångström", strings.Repeat("0A", 20)
	for name, text := range map[string]string{
		"armored":               key.Armor() + "\n" + other.Armor(),
		"with text around":      "from a mail:\n" + key.Armor() + "-- \n" + other.Armor(),
		"with Windows' lines":   strings.ReplaceAll(key.Armor()+other.Armor(), "\n", "\r\n"),
		"as it is inside":       string(key.Bytes()) + string(other.Bytes()),
		"with a header":         strings.Replace(key.Armor(), "BLOCK-----\n", "BLOCK-----\nVersion: 1\n", 1) + other.Armor(),
		"without the checksums": regexpSums(key.Armor() + other.Armor()),
	} {
		got, err := ReadKeys([]byte(text))
		if err != nil || !reflect.DeepEqual(got, []Key{key, other}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if key.ID() != "036A9C25BF357DD4" || key.Type() != "RSA" {
		t.Errorf("%s %s", key.ID(), key.Type())
	}
}

func regexpSums(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if !strings.HasPrefix(line, "=") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestASignatureCoversWhatWasSigned(t *testing.T) {
	made := time.Date(2016, 11, 22, 17, 0, 0, 0, time.UTC)
	s, err := ReadSignature([]byte(key.Sign([]byte("data"), made).Armor()))
	if err != nil {
		t.Fatal(err)
	}
	if s.Key != key.Fingerprint || !s.Made.Equal(made) || !s.Covers([]byte("data")) || s.Covers([]byte("date")) {
		t.Errorf("%+v", s)
	}
}

func TestATextSignedInTheClear(t *testing.T) {
	const text = "first  \n- dashed\n\nlast\n"
	message := key.Clearsign(text, time.Unix(1, 0))
	got, signed, s, err := ReadMessage([]byte(message))
	if err != nil || got != text || !s.Covers(signed) {
		t.Errorf("%q, %v, %v", got, s.Covers(signed), err)
	}
	_, signed, s, err = ReadMessage([]byte(strings.Replace(message, "first", "First", 1)))
	if err != nil || s.Covers(signed) {
		t.Errorf("a changed text: covers %v, %v", s.Covers(signed), err)
	}
}

func TestWhatIsNotOurs(t *testing.T) {
	armored := key.Armor()
	for name, text := range map[string]string{
		"nothing":         "",
		"text":            "hello\n",
		"no end":          armored[:len(armored)/2],
		"a bad checksum":  strings.Replace(armored, "\n=", "\n=A", 1),
		"bad base64":      strings.Replace(armored, "bGFi", "!!!!", 1),
		"a real one":      armor(keyBlock, "\x99\x01\x0d\x04"),
		"a short":         armor(keyBlock, "lab key\nB42F\n"),
		"another's block": armor(signatureBlock, "lab key\n"),
	} {
		if keys, err := ReadKeys([]byte(text)); err == nil {
			t.Errorf("%s: read as %v", name, keys)
		}
		if s, err := ReadSignature([]byte(text)); err == nil {
			t.Errorf("%s: read as %v", name, s)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(key.Armor())
	f.Add(key.Clearsign("text\n", time.Unix(1, 0)))
	f.Add(string(key.Bytes()))
	f.Fuzz(func(t *testing.T, s string) {
		keys, err := ReadKeys([]byte(s))
		for _, k := range keys {
			if again, err2 := ReadKeys([]byte(k.Armor())); err == nil && (err2 != nil || again[0] != k) {
				t.Errorf("%+v is read as %+v, %v", k, again, err2)
			}
		}
		ReadSignature([]byte(s))
		ReadMessage([]byte(s))
	})
}
