package deploy

import (
	"strings"

	"github.com/kcmgen/kcmgen/deploy/show"
)

// ShowLog returns entries as lines. Changes of the leader stand out, and a known error is
// explained once for each node: explained has those that were, and gets more.
func ShowLog(entries []LogEntry, explained map[string]bool) []Line {
	var out []Line
	for _, e := range entries {
		head := e.Time.Format("15:04:05.000") + " " + e.Node + " "
		for i, text := range strings.Split(e.Text, "\n") {
			if i > 0 {
				text = "    " + text
			}
			out = append(out, Line{Text: head + text})
		}
		last := &out[len(out)-1]
		switch {
		case e.Leader == "leads":
			last.Style = show.Bold
			out = append(out, Line{Text: "------------ " + e.Node + " leads", Style: show.Bold})
		case e.Leader == "lost":
			last.Style = show.Bold
			out = append(out, Line{Text: "------------ " + e.Node + " doesn't lead any more", Style: show.Bold})
		case e.Known != nil:
			last.Style = show.Yellow
		}
		if k := e.Known; k != nil && !explained[e.Node+" "+k.ID] {
			explained[e.Node+" "+k.ID] = true
			out = append(out, Line{Mark: "    that is:", Text: k.Means + "; " + k.Hint, Style: show.Yellow})
		}
	}
	return out
}
