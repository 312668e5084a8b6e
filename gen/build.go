package gen

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// Build describes a build of kcmgen. Unknown fields are left out: builds from a
// checkout have a revision, those by go install ...@v0.1.0 don't.
type Build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`     // of the revision
	Modified *bool  `json:"modified,omitempty"` // the checkout had uncommitted changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
	CUE      string `json:"cue"`
	CFSSL    string `json:"cfssl"`
}

// ReadBuild returns the build information of this program.
func ReadBuild() Build {
	info, _ := debug.ReadBuildInfo()
	return buildOf(info)
}

func buildOf(info *debug.BuildInfo) Build {
	a := Build{
		Version:  moduleVersion(info),
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		CUE:      "unknown",
		CFSSL:    "unknown",
	}
	if info == nil {
		return a
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			a.Revision = s.Value
		case "vcs.time":
			a.Time = s.Value
		case "vcs.modified":
			modified := s.Value == "true"
			a.Modified = &modified
		}
	}
	for _, m := range info.Deps {
		used := m
		if m.Replace != nil {
			used = m.Replace
		}
		switch m.Path {
		case "cuelang.org/go":
			a.CUE = cmp.Or(used.Version, "(devel)")
		case "github.com/cloudflare/cfssl":
			a.CFSSL = cmp.Or(used.Version, "(devel)")
		}
	}
	return a
}

func moduleVersion(info *debug.BuildInfo) string {
	if info == nil {
		return "(devel)"
	}
	return cmp.Or(info.Main.Version, "(devel)")
}
