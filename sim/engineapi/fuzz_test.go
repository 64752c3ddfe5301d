package engineapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever is asked, the engine answers: with a status of the API, and without a panic. The seeds
// are the conversations of TestAnswers.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][3]string{
		{"POST", "/containers/create?name=x", `{"Image":"busybox","HostConfig":{"Binds":["v:/v"],"PortBindings":{"80/tcp":[{}]}}}`},
		{"GET", `/containers/json?filters={"label":{"a":true}}`, ""},
		{"POST", "/networks/create", `{"Name":"n","IPAM":{"Config":[{"Subnet":"10.0.0.0/31","IPRange":"::/0"}]}}`},
		{"PUT", "/containers/a/archive?path=/", "not a tar"},
		{"POST", "/images/load", "\x1f\x8b"},
		{"POST", "/commit?container=a&changes=ENV%20A", "null"},
		{"POST", "/containers/a/update", `{"Memory":-1}`},
		{"GET", "/v1.99/../info", ""},
		{"GET", "/events?since=1&until=2", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	h := handler(f)
	f.Fuzz(func(t *testing.T, method, target, body string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Path == "" || strings.Contains(u.Path, "attach") || strings.HasSuffix(u.Path, "/stats") || strings.HasSuffix(u.Path, "/wait") || strings.HasSuffix(u.Path, "/events") {
			return // what would wait, or take the connection over
		}
		r, err := http.NewRequest(method, "", strings.NewReader(body))
		if err != nil {
			return
		}
		r.URL = u
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code < 200 || w.Code > 503 {
			t.Errorf("%s %s: status %d", method, target, w.Code)
		}
	})
}
