package text

import "io"

// chooser draws numbers from a source of random bytes as GNU's randint does, so that
// --random-source with the same bytes gives the same answer as in life.
type chooser struct {
	r        io.Reader
	num, max uint64 // num is evenly spread over 0 to max
	err      error  // what the source met
}

// choose is a number from 0 to n-1.
func (ch *chooser) choose(n int) int {
	last, choices := uint64(n-1), uint64(n)
	for ch.err == nil {
		if ch.max < last {
			k := 0
			for m := ch.max; m < last; k++ {
				m = m<<8 | 0xff
			}
			buf := make([]byte, k)
			if _, ch.err = io.ReadFull(ch.r, buf); ch.err != nil {
				return 0
			}
			for _, b := range buf {
				ch.num, ch.max = ch.num<<8+uint64(b), ch.max<<8+0xff
			}
		}
		if ch.max == last {
			n := ch.num
			ch.num, ch.max = 0, 0
			return int(n)
		}
		excess := ch.max - last
		unusable := excess % choices
		chosen := ch.num % choices
		if ch.num <= ch.max-unusable {
			ch.num, ch.max = ch.num/choices, excess/choices
			return int(chosen)
		}
		ch.num, ch.max = chosen, unusable-1
	}
	return 0
}

// permute puts n of items, chosen at random, in front.
func (ch *chooser) permute(items []string, n int) {
	for i := range min(n, len(items)) {
		j := i + ch.choose(len(items)-i)
		items[i], items[j] = items[j], items[i]
	}
}
