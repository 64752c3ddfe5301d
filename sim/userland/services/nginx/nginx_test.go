package nginx

import "testing"

func FuzzParse(f *testing.F) {
	f.Add("events {} http { server { listen 80; location / { return 200 \"x\"; } } }")
	f.Add("user nginx; include x; events { worker_connections 1; }")
	f.Fuzz(func(t *testing.T, src string) {
		p := &parser{dir: "/etc/nginx", read: func(string) ([]byte, error) { return []byte(src), nil }, glob: func(string) []string { return nil }}
		ds, err := p.parse("nginx.conf", inMain)
		if err != nil {
			return
		}
		if d := find(ds, "http"); d != nil {
			makeSite(d.block)
		}
	})
}
