package host

// Script is what lies on hosts as recover.
var Script = script

// ParseReplies reads what a host answers.
func ParseReplies(about, files, state string) {
	_ = parseAbout(about)
	_, _ = parseFiles(files)
	_ = parseProcess(state).Sees("0123456789abcdef")
}

// Raw is a line for the host as it stands.
func Raw(line string) Command { return Command{line: line, name: "raw"} }
