package host

// Script is what lies on hosts as recover.
var Script = script

// ParseReplies reads what a host answers.
func ParseReplies(about, files, state string) {
	_ = parseAbout(about)
	_, _ = parseFiles(files)
	_ = parseProcess(state).From("0123456789abcdef")
}
