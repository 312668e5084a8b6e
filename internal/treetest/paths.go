package treetest

// HostilePaths are paths that no tree and no manifest may hold.
var HostilePaths = []string{
	"", ".", "..", "/", "/a", "../a", "a/..", "a/../b", "a/../../b", "./a", "a/.", "a/./b", "a//b", "a/", "//a",
	"a\x00b", "a\nb", "a\rb", "a\tb", "a\x1b[31m", "a\x7fb", "a\u0085b", "a\u009bb", "a\xffb", "\xc3\x28", "a\ufffdb",
	`a\b`, `..\a`, `C:\a`, "-a", "a/-rf", "a/--/b", "-",
}
