package host

// Script is the script that hosts have as recover.
var Script = script

// ParseReplies parses a host's answers.
func ParseReplies(about, files, state string) {
	_ = parseAbout(about)
	_, _ = parseFiles(files)
	_ = parseProcess(state).Sees("0123456789abcdef")
}

// Raw is a line that is sent to the host as it is.
func Raw(line string) Command { return Command{line: line, name: "raw"} }

// ParseJournal and ParsePodLog parse what hosts answer to entries.
var (
	ParseJournal = parseJournal
	ParsePodLog  = parsePodLog
)

// ParseFound parses what a host answers to found.
var ParseFound = parseFound
