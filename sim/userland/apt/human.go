package apt

import (
	"fmt"
	"math"
	"strings"
)

// size is a number of bytes as APT shows it, to be followed by a B: "52.5 k".
func size(n int64) string {
	a := math.Abs(float64(n))
	for i := 0; ; i++ {
		unit := strings.TrimSpace(" kMGTPEZY"[i : i+1])
		if a < 100 && i != 0 {
			return fmt.Sprintf("%.1f %s", a, unit)
		}
		if a < 10000 {
			return fmt.Sprintf("%.0f %s", a, unit)
		}
		a /= 1000
	}
}

// width is that of the screen, less one column for the cursor.
const width = 80 - 1

// list shows a title and names below it, as many on a line as fit. It shows nothing where there are
// none.
func (s *session) list(title string, names []string) {
	if len(names) == 0 {
		return
	}
	var b strings.Builder
	b.WriteString(title)
	used := 0
	for _, n := range names {
		switch {
		case used == 0 || used+len(n) >= width-3:
			b.WriteString("\n  ")
			used = 0
		default:
			b.WriteString(" ")
			used++
		}
		b.WriteString(n)
		used += len(n)
	}
	s.say("%s\n", b.String())
}
