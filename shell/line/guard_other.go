//go:build !unix

package line

func modes(int) string { return "" }

func restore(int, string) error { return nil }

func ignoreSignals() {}
