package accounts

import "testing"

// The first is from SHA-crypt.txt, "SHA512-crypt" with the default rounds.
func TestSHA512Crypt(t *testing.T) {
	for _, c := range []struct{ password, salt, want string }{
		{"Hello world!", "saltstring", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"},
	} {
		if got := sha512Crypt(c.password, c.salt); got != c.want {
			t.Errorf("sha512Crypt(%q, %q) =\n%s, want\n%s", c.password, c.salt, got, c.want)
		}
	}
}
