package text

// edits compares two sequences of line classes and marks the lines that are not common: Myers'
// algorithm on what common beginnings and ends leave over, and then GNU diff's way of moving
// marked runs as far down as they go.
func edits(a, b []int, step func(int)) (delA, insB []bool) {
	delA, insB = make([]bool, len(a)+2), make([]bool, len(b)+2) // one false on each side
	lo := 0
	for lo < len(a) && lo < len(b) && a[lo] == b[lo] {
		lo++
	}
	ha, hb := len(a), len(b)
	for ha > lo && hb > lo && a[ha-1] == b[hb-1] {
		ha--
		hb--
	}
	// Lines that the other side does not have at all are marked before, as they can match nothing.
	inA, inB := map[int]bool{}, map[int]bool{}
	for _, x := range a[lo:ha] {
		inA[x] = true
	}
	for _, x := range b[lo:hb] {
		inB[x] = true
	}
	var pa, pb []int // what is left, as indexes
	for i := lo; i < ha; i++ {
		if inB[a[i]] {
			pa = append(pa, i)
		} else {
			delA[i+1] = true
		}
	}
	for i := lo; i < hb; i++ {
		if inA[b[i]] {
			pb = append(pb, i)
		} else {
			insB[i+1] = true
		}
	}
	m := &myers{a: a, b: b, pa: pa, pb: pb, delA: delA, insB: insB, step: step}
	m.compare(0, len(pa), 0, len(pb))
	shift(a, delA, insB)
	shift(b, insB, delA)
	return delA[1 : len(a)+1], insB[1 : len(b)+1]
}

// myers is the linear-space form: find the middle of a shortest path, and divide there.
type myers struct {
	a, b       []int
	pa, pb     []int
	delA, insB []bool
	step       func(int)
}

func (m *myers) same(i, j int) bool { return m.a[m.pa[i]] == m.b[m.pb[j]] }

func (m *myers) compare(x0, x1, y0, y1 int) {
	for x0 < x1 && y0 < y1 && m.same(x0, y0) {
		x0++
		y0++
	}
	for x0 < x1 && y0 < y1 && m.same(x1-1, y1-1) {
		x1--
		y1--
	}
	switch {
	case x0 == x1:
		for ; y0 < y1; y0++ {
			m.insB[m.pb[y0]+1] = true
		}
	case y0 == y1:
		for ; x0 < x1; x0++ {
			m.delA[m.pa[x0]+1] = true
		}
	default:
		x, y, ok := m.middle(x0, x1, y0, y1)
		if !ok { // too costly: everything differs
			for ; y0 < y1; y0++ {
				m.insB[m.pb[y0]+1] = true
			}
			for ; x0 < x1; x0++ {
				m.delA[m.pa[x0]+1] = true
			}
			return
		}
		m.compare(x0, x, y0, y)
		m.compare(x, x1, y, y1)
	}
}

// maxCost bounds the search for the middle.
const maxCost = 20000

// middle finds a point on a shortest path, from both ends.
func (m *myers) middle(x0, x1, y0, y1 int) (x, y int, ok bool) {
	dmin, dmax := x0-y1, x1-y0
	fmid, bmid := x0-y0, x1-y1
	size := dmax - dmin + 3
	off := -dmin + 1
	fd, bd := make([]int, size), make([]int, size)
	fd[fmid+off], bd[bmid+off] = x0, x1
	fmin, fmax, bmin, bmax := fmid, fmid, bmid, bmid
	odd := (fmid-bmid)&1 != 0
	for c := 1; c < maxCost; c++ {
		m.step(1 + c/16)
		// forward
		if fmin > dmin {
			fmin--
			fd[fmin-1+off] = -1
		} else {
			fmin++
		}
		if fmax < dmax {
			fmax++
			fd[fmax+1+off] = -1
		} else {
			fmax--
		}
		for d := fmax; d >= fmin; d -= 2 {
			tlo, thi := fd[d-1+off], fd[d+1+off]
			px := tlo + 1
			if tlo < thi {
				px = thi
			}
			py := px - d
			for px < x1 && py < y1 && m.same(px, py) {
				px++
				py++
			}
			fd[d+off] = px
			if odd && bmin <= d && d <= bmax && bd[d+off] <= px {
				return px, py, true
			}
		}
		// backward
		const inf = 1 << 60
		if bmin > dmin {
			bmin--
			bd[bmin-1+off] = inf
		} else {
			bmin++
		}
		if bmax < dmax {
			bmax++
			bd[bmax+1+off] = inf
		} else {
			bmax--
		}
		for d := bmax; d >= bmin; d -= 2 {
			tlo, thi := bd[d-1+off], bd[d+1+off]
			px := thi - 1
			if tlo < thi {
				px = tlo
			}
			py := px - d
			for x0 < px && y0 < py && m.same(px-1, py-1) {
				px--
				py--
			}
			bd[d+off] = px
			if !odd && fmin <= d && d <= fmax && px <= fd[d+off] {
				return px, py, true
			}
		}
	}
	return 0, 0, false
}

// shift moves runs of marked lines: up to join others, then down as far as they go, then back to
// where they stand opposite a run of the other side. Both slices have a false before and behind.
func shift(lines []int, marked, other []bool) {
	ch := func(i int) bool { return i >= -1 && i+1 < len(marked) && marked[i+1] }
	oc := func(j int) bool { return j >= -1 && j+1 < len(other) && other[j+1] }
	set := func(i int, v bool) { marked[i+1] = v }
	end := len(lines)
	i, j := 0, 0
	for {
		for i < end && !ch(i) {
			for oc(j) {
				j++
			}
			j++
			i++
		}
		if i == end {
			return
		}
		start := i
		for i++; ch(i); i++ {
		}
		for oc(j) {
			j++
		}
		corresponding := end
		for {
			run := i - start
			for start > 0 && lines[start-1] == lines[i-1] {
				start--
				set(start, true)
				i--
				set(i, false)
				for ch(start - 1) {
					start--
				}
				for j--; oc(j); j-- {
				}
			}
			corresponding = end
			if oc(j - 1) {
				corresponding = i
			}
			for i != end && lines[start] == lines[i] {
				set(start, false)
				start++
				set(i, true)
				i++
				for ch(i) {
					i++
				}
				for j++; oc(j); j++ {
					corresponding = i
				}
			}
			if run == i-start {
				break
			}
		}
		for corresponding < i {
			start--
			set(start, true)
			i--
			set(i, false)
			for j--; oc(j); j-- {
			}
		}
	}
}
