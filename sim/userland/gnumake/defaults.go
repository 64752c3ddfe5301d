package gnumake

// defineDefaults sets what make knows without a makefile.
func (m *maker) defineDefaults() {
	m.suffixes = append([]string(nil), suffixes...)
	// Some are not taken away by -R.
	for name, value := range map[string]string{
		"SHELL": "/bin/sh", ".SHELLFLAGS": "-c", "MAKE_VERSION": "4.3", "MAKE_HOST": "x86_64-pc-linux-gnu",
		"MAKE_COMMAND": m.c.Name,
	} {
		if v := m.vars.vars[name]; v == nil {
			m.vars.set(name, value, fromDefault, false)
		}
	}
	m.vars.set("MAKE", "$(MAKE_COMMAND)", fromDefault, true)
	m.vars.set("MAKEFILE_LIST", "", fromFile, false)
	for _, kv := range variables {
		if v := m.vars.vars[kv[0]]; v == nil {
			m.vars.set(kv[0], kv[1], fromDefault, true)
		}
	}
	for name, lines := range suffixRules {
		m.builtin[name] = &recipe{lines: lines, builtin: true}
	}
}

// suffixes are those for which there are rules, in the order in which they are tried.
var suffixes = []string{".out", ".a", ".ln", ".o", ".c", ".cc", ".C", ".cpp", ".p", ".f", ".F", ".m", ".r", ".y", ".l", ".ym", ".yl", ".s", ".S", ".mod", ".sym", ".def",
	".h", ".info", ".dvi", ".tex", ".texinfo", ".texi", ".txinfo", ".w", ".ch", ".web", ".sh", ".elc", ".el"}

var variables = [][2]string{
	{"AR", "ar"}, {"ARFLAGS", "rv"}, {"AS", "as"}, {"CC", "cc"}, {"OBJC", "cc"}, {"CXX", "g++"}, {"CO", "co"}, {"CPP", "$(CC) -E"}, {"FC", "f77"}, {"GET", "get"}, {"LD", "ld"},
	{"LEX", "lex"}, {"LINT", "lint"}, {"M2C", "m2c"}, {"PC", "pc"}, {"YACC", "yacc"}, {"MAKEINFO", "makeinfo"}, {"TEX", "tex"}, {"TEXI2DVI", "texi2dvi"}, {"WEAVE", "weave"},
	{"TANGLE", "tangle"}, {"RM", "rm -f"}, {"F77", "$(FC)"}, {"F77FLAGS", "$(FFLAGS)"},
	{"COMPILE.c", "$(CC) $(CFLAGS) $(CPPFLAGS) $(TARGET_ARCH) -c"}, {"COMPILE.cc", "$(CXX) $(CXXFLAGS) $(CPPFLAGS) $(TARGET_ARCH) -c"}, {"COMPILE.C", "$(COMPILE.cc)"},
	{"COMPILE.cpp", "$(COMPILE.cc)"}, {"COMPILE.s", "$(AS) $(ASFLAGS) $(TARGET_MACH)"}, {"COMPILE.S", "$(CC) $(ASFLAGS) $(CPPFLAGS) $(TARGET_MACH) -c"},
	{"LINK.o", "$(CC) $(LDFLAGS) $(TARGET_ARCH)"}, {"LINK.c", "$(CC) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(TARGET_ARCH)"},
	{"LINK.cc", "$(CXX) $(CXXFLAGS) $(CPPFLAGS) $(LDFLAGS) $(TARGET_ARCH)"}, {"LINK.C", "$(LINK.cc)"}, {"LINK.cpp", "$(LINK.cc)"},
	{"LINK.s", "$(CC) $(ASFLAGS) $(LDFLAGS) $(TARGET_MACH)"}, {"LINK.S", "$(CC) $(ASFLAGS) $(CPPFLAGS) $(LDFLAGS) $(TARGET_MACH)"},
	{"YACC.y", "$(YACC) $(YFLAGS)"}, {"LEX.l", "$(LEX) $(LFLAGS) -t"}, {"PREPROCESS.S", "$(CC) -E $(CPPFLAGS)"}, {"OUTPUT_OPTION", "-o $@"},
	{".LIBPATTERNS", "lib%.so lib%.a"},
}

// suffixRules are the ones for C, C++, assembler and scripts; .c.o makes a .o of a .c.
var suffixRules = map[string][]string{
	".o": {"$(LINK.o) $^ $(LOADLIBES) $(LDLIBS) -o $@"}, ".s": {"$(LINK.s) $^ $(LOADLIBES) $(LDLIBS) -o $@"}, ".S": {"$(LINK.S) $^ $(LOADLIBES) $(LDLIBS) -o $@"},
	".c": {"$(LINK.c) $^ $(LOADLIBES) $(LDLIBS) -o $@"}, ".cc": {"$(LINK.cc) $^ $(LOADLIBES) $(LDLIBS) -o $@"}, ".C": {"$(LINK.C) $^ $(LOADLIBES) $(LDLIBS) -o $@"},
	".cpp": {"$(LINK.cpp) $^ $(LOADLIBES) $(LDLIBS) -o $@"}, ".sh": {"cat $< >$@ ", " chmod a+x $@"},
	".s.o": {"$(COMPILE.s) -o $@ $<"}, ".S.o": {"$(COMPILE.S) -o $@ $<"}, ".c.o": {"$(COMPILE.c) $(OUTPUT_OPTION) $<"}, ".cc.o": {"$(COMPILE.cc) $(OUTPUT_OPTION) $<"},
	".C.o": {"$(COMPILE.C) $(OUTPUT_OPTION) $<"}, ".cpp.o": {"$(COMPILE.cpp) $(OUTPUT_OPTION) $<"},
	".y.c": {"$(YACC.y) $< ", " mv -f y.tab.c $@"}, ".l.c": {"@$(RM) $@ ", " $(LEX.l) $< > $@"}, ".S.s": {"$(PREPROCESS.S) $< > $@"},
}

var builtinPatterns = []struct {
	target, dep string
	terminal    bool
	lines       []string
}{
	{"%.out", "%", false, []string{"@rm -f $@ ", " cp $< $@"}},
	{"%.c", "%.w", false, []string{"$(CTANGLE) $< - $@"}},
	{"%", "RCS/%,v", true, []string{"$(CHECKOUT,v)"}},
	{"%", "RCS/%", true, []string{"$(CHECKOUT,v)"}},
	{"%", "%,v", true, []string{"$(CHECKOUT,v)"}},
	{"%", "s.%", true, []string{"$(GET) $(GFLAGS) $(SCCS_OUTPUT_OPTION) $<"}},
	{"%", "SCCS/s.%", true, []string{"$(GET) $(GFLAGS) $(SCCS_OUTPUT_OPTION) $<"}},
}
