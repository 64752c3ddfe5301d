package layer

import "testing"

func TestOwnersAreNamedByTheTreesOwnAccounts(t *testing.T) {
	l, err := Read(Bytes(archive(t, []member{
		{file, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nbad\n:x:7:\nsys:x:3:3::\nagain:x:3:3::\nno:x:number:\nbig:x:99999999999:"},
		{file, "etc/groups", "root:x:0:\nstaff:x:50:me\n"}, {link, "etc/group", "/etc/groups"},
	})))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := NewTree().Apply(l)
	if err != nil {
		t.Fatal(err)
	}
	es := []Entry{{UID: 0, GID: 0}, {UID: 3, GID: 50}, {UID: 7, GID: 4}}
	tr.Accounts().Name(es)
	for i, want := range []string{"root:root", "sys:staff", ":"} {
		if got := es[i].Uname + ":" + es[i].Gname; got != want {
			t.Errorf("%d:%d is %s, want %s", es[i].UID, es[i].GID, got, want)
		}
	}
	// Without the files there are only those that the engine's machine makes up.
	es = []Entry{{UID: 0, GID: 0}, {UID: 65534, GID: 65534}, {UID: 3, GID: 50}}
	NewTree().Accounts().Name(es)
	for i, want := range []string{"root:root", "nobody:nogroup", ":"} {
		if got := es[i].Uname + ":" + es[i].Gname; got != want {
			t.Errorf("without files %d:%d is %s, want %s", es[i].UID, es[i].GID, got, want)
		}
	}
}
