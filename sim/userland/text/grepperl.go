package text

func (g *grepper) compilePerl() {
	g.c.Die(2, "support for the -P option is not compiled into this --disable-perl-regexp binary")
}
