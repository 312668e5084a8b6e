package report

import (
	"bufio"
	"fmt"
	"strings"
	"sync"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// maxAnnotations is how many annotations of a level GitHub shows of a step.
// https://docs.github.com/en/rest/checks/runs, and the runner's own limit.
const maxAnnotations = 10

// commands are the workflow commands of severities.
var commands = map[finding.Severity]string{finding.Error: "error", finding.Warning: "warning", finding.NotChecked: "notice"}

// github writes a workflow command for each finding.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
func (r *Report) github(w *bufio.Writer) ([]string, error) {
	n := map[string]int{}
	for _, it := range r.items() {
		command := commands[it.Severity]
		if it.Waived != "" || command == "" {
			command = "notice"
		}
		n[command]++
		title := "kcmgen: " + it.Rule
		if it.Waived != "" {
			title += ", waived"
		}
		properties := []string{"file=" + property(it.path)}
		if it.Pos.Line > 0 {
			properties = append(properties, fmt.Sprintf("line=%d", it.Pos.Line), fmt.Sprintf("col=%d", max(it.Pos.Col, 1)))
		}
		properties = append(properties, "title="+property(title))
		text := strings.Join(append([]string{it.Message}, lines(it.Finding, it.Clusters)...), "\n")
		if _, err := fmt.Fprintf(w, "::%s %s::%s\n", command, strings.Join(properties, ","), data(text)); err != nil {
			return nil, err
		}
	}
	var limits []string
	for _, command := range []string{"error", "warning", "notice"} {
		if n[command] > maxAnnotations {
			limits = append(limits, fmt.Sprintf("GitHub shows %d annotations of a level for a step, and there are %d of level %s: the log has all", maxAnnotations, n[command], command))
		}
	}
	return limits, nil
}

// data escapes the text of a workflow command: no line of it can be a command.
func data(s string) string { return dataEscapes().Replace(visible(s)) }

// property escapes a property of a workflow command.
func property(s string) string { return propertyEscapes().Replace(visible(s)) }

var (
	dataEscapes     = sync.OnceValue(func() *strings.Replacer { return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A") })
	propertyEscapes = sync.OnceValue(func() *strings.Replacer {
		return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	})
)
