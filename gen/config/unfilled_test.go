package config

import (
	"fmt"
	"slices"
	"testing"
)

// TestUnfilled: a field that the package leaves open is one finding, wherever it is used.
func TestUnfilled(t *testing.T) {
	const paths = `cluster: paths: {tlsCert: "/x/\(values.HOST).crt", tlsKey: "/x/\(values.HOST)/\(values.KEY)", ca: values.CA}
cluster: flags: {"cluster-name": "\(values.HOST)-\(values.NAME)", v: values.V}
`
	for _, c := range []struct {
		name, values string
		want         []string
	}{
		{"none has a value", `{HOST!: _, KEY!: _, CA!: _, NAME!: _, V!: _}`, []string{"values.CA must be given", "values.HOST must be given", "values.KEY must be given", "values.NAME must be given", "values.V must be given"}},
		{"a type isn't a value", `{HOST: "h", KEY: string, CA: "/ca", NAME: "n", V: int}`, []string{"values.KEY must be given", "values.V must be given"}},
		{"all have one", `{HOST: "h", KEY: "k", CA: "/ca", NAME: "n", V: 2}`, nil},
		{"one that isn't allowed", `{HOST: "a b", KEY: "k", CA: "/ca", NAME: "n", V: 2}`, []string{`paths.tlsCert is "/x/\(values.HOST).crt"`, `paths.tlsKey is "/x/\(values.HOST)/\(values.KEY)"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := module(t, map[string]string{"prod/values.cue": fmt.Sprintf("package prod\n\nvalues: %s\n%s", c.values, paths)})
			found, _ := findings(t, root)
			var got []string
			for _, f := range found {
				if f.Rule == "cue-missing" || f.Rule == "cue-type" {
					got = append(got, f.Message)
				}
				if f.Message == "values.HOST must be given" && (f.Rule != "cue-missing" || len(f.Also) != 2 || f.Pos.Line == 0) {
					t.Errorf("%+v", f)
				}
			}
			if slices.Sort(got); !slices.Equal(got, c.want) {
				t.Errorf("got %q, not %q", got, c.want)
			}
		})
	}
}
