package deploy

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/host"
)

// TestOnlyProcess: a host where several things start the program is refused with their names, and
// one where nothing does, with the processes of that name.
func TestOnlyProcess(t *testing.T) {
	unit := host.FoundProcess{PID: 7, Unit: "kcm.service"}
	for name, c := range map[string]struct {
		found host.Found
		says  []string // nothing: it is taken
		none  bool     // nothing starts it
	}{
		"one":               {host.Found{Processes: []host.FoundProcess{unit}}, nil, false},
		"one, and a user's": {host.Found{Processes: []host.FoundProcess{unit}, Strays: []int{9}}, nil, false},
		"nothing":           {host.Found{}, []string{"nothing starts one", "ExecStart"}, true},
		"a user's":          {host.Found{Strays: []int{9, 10}}, []string{"process 9, process 10", "no unit and no static pod starts it"}, true},
		"several": {
			host.Found{Processes: []host.FoundProcess{unit, {PID: 8, Manifests: []string{"/m/a.yaml"}}, {Unit: "old.service"}}},
			[]string{"3 things there", "kcm.service (process 7)", "the static pod of /m/a.yaml (process 8)", "old.service (not running)"},
			false,
		},
	} {
		p, err := onlyProcess(&c.found)
		if (err == nil) != (len(c.says) == 0) || (p == nil) != (err != nil) {
			t.Errorf("%s: %v, %v", name, p, err)
			continue
		}
		for _, says := range c.says {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%s: it doesn't say %q: %v", name, says, err)
			}
		}
		if none := (*NoProgramError)(nil); errors.As(err, &none) != c.none {
			t.Errorf("%s: %T", name, err)
		}
	}
}

// TestEnvFileError: it names the unit and the file, and says what to do.
func TestEnvFileError(t *testing.T) {
	err := error(&EnvFileError{"kcm.service", "/etc/kcm.env", fs.ErrNotExist})
	for _, says := range []string{"kcm.service", "/etc/kcm.env", "EnvironmentFile=-/etc/kcm.env", "file does not exist"} {
		if !strings.Contains(err.Error(), says) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it doesn't say %q: %v", says, err)
		}
	}
}
