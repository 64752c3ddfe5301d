package text

import (
	"bytes"
	"testing"
)

// The answers are those of shuf --random-source.
func TestChooserFollowsItsSource(t *testing.T) {
	items := []string{"1", "2", "3", "4", "5"}
	ch := &chooser{r: bytes.NewReader(make([]byte, 64))}
	ch.permute(items, len(items))
	if ch.err != nil || items[0] != "1" || items[4] != "5" {
		t.Errorf("zeros shuffle to %v, %v", items, ch.err)
	}
	ch = &chooser{r: bytes.NewReader(nil)}
	if ch.choose(3); ch.err == nil {
		t.Error("an empty source is not an error")
	}
}
