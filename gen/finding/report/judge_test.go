package report

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/need"
)

// TestJudges: others' schemas accept the sample, and many findings with hostile texts.
func TestJudges(t *testing.T) {
	judges := map[string][]string{
		"sarif":  {need.Program(t, "judge"), "sarif"},
		"gitlab": {need.Program(t, "judge"), "gitlab"},
		"junit":  {need.Program(t, "xmllint"), "--noout", "--schema", filepath.Join("testdata", "jenkins-junit.xsd")},
	}
	many := sample()
	many.Waived = true
	for i := range 600 {
		text := func(n int) string { return hostile[(i*n+i/len(hostile))%len(hostile)] }
		many.Shown = append(many.Shown, finding.Finding{
			Rule: "a-rule", Severity: []finding.Severity{finding.Error, finding.Warning, finding.NotChecked}[i%3], Cluster: text(1), Node: text(3), Field: text(5),
			Pos: finding.Pos{File: strings.TrimLeft(text(7), "/"), Line: i % 5, Col: i % 4}, Message: text(2), Expected: text(11), Hint: text(13), Waived: text(17),
		})
	}
	many.Findings = many.Shown
	for name, r := range map[string]*Report{"sample": sample(), "many": many, "none": {}} {
		for format, judge := range judges {
			file := filepath.Join(t.TempDir(), format)
			if err := os.WriteFile(file, []byte(write(t, r, format)), 0o600); err != nil {
				t.Fatal(err)
			}
			if said, err := exec.Command(judge[0], append(judge[1:len(judge):len(judge)], file)...).CombinedOutput(); err != nil {
				t.Errorf("%s, %s: %v\n%.2000s", name, format, err, said)
			}
		}
	}
	// A judge that accepts everything would be none.
	for format, broken := range map[string][2]string{"sarif": {`"ruleId"`, `"rule"`}, "gitlab": {`"fingerprint"`, `"print"`}, "junit": {"<failure ", "<fault "}} {
		file := filepath.Join(t.TempDir(), format)
		text := strings.ReplaceAll(write(t, sample(), format), broken[0], broken[1])
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "</failure>", "</fault>")), 0o600); err != nil {
			t.Fatal(err)
		}
		if exec.Command(judges[format][0], append(judges[format][1:], file)...).Run() == nil {
			t.Errorf("%s: the judge accepts %s", format, broken[1])
		}
	}
}
