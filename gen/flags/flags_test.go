package flags

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	isBool := func(name string) bool { return name == "profiling" || name == "leader-elect" }
	for name, tc := range map[string]struct {
		args []string
		want []Flag
		err  bool
	}{
		"name=value":             {[]string{"--v=2"}, []Flag{{"v", "2"}}, false},
		"name value":             {[]string{"--v", "2"}, []Flag{{"v", "2"}}, false},
		"bare bool":              {[]string{"--profiling", "--v=2"}, []Flag{{"profiling", "true"}, {"v", "2"}}, false},
		"bool false":             {[]string{"--profiling=false"}, []Flag{{"profiling", "false"}}, false},
		"underscores":            {[]string{"--leader_elect=true"}, []Flag{{"leader-elect", "true"}}, false},
		"= in the value":         {[]string{"--vmodule=a=1,b=2"}, []Flag{{"vmodule", "a=1,b=2"}}, false},
		"empty value":            {[]string{"--cluster-cidr="}, []Flag{{"cluster-cidr", ""}}, false},
		"twice":                  {[]string{"--v=2", "--v=3"}, []Flag{{"v", "2"}, {"v", "3"}}, false},
		"value missing":          {[]string{"--v"}, nil, true},
		"positional":             {[]string{"--profiling", "false"}, nil, true},
		"two dashes and no flag": {[]string{"--"}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tc.args, isBool)
			if (err != nil) != tc.err {
				t.Fatalf("error is %v, want one: %v", err, tc.err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
		})
	}
}
