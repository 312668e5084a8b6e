package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// about is what a build knows of itself. What it doesn't know is left out: the
// revision is known to builds from a checkout, not to go install ...@v0.1.0.
type about struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`     // of the revision
	Modified *bool  `json:"modified,omitempty"` // the checkout had changes besides
	Go       string `json:"go"`
	Platform string `json:"platform"`
	CUE      string `json:"cue"`
	CFSSL    string `json:"cfssl"`
}

func newVersion(std stdio) *cobra.Command {
	format := "text"
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Tell which kcmgen this is, and which CUE and cfssl are in it",
		Long: `Version tells this program's version, the revision it was built from if it was
built from a checkout, and what decides what it reads and makes: the versions of
Go, CUE and cfssl in it. A report of a fault should have it.

` + exitCodes,
		Example: `  kcmgen version
  kcmgen version --format json`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			switch format {
			case "text":
				return newAbout(info).print(std.out)
			case "json":
				enc := json.NewEncoder(std.out)
				enc.SetIndent("", "  ")
				return enc.Encode(newAbout(info))
			}
			return usageError{fmt.Errorf("--format is %q, not text or json", format)}
		},
	}
	cmd.Flags().StringVar(&format, "format", format, "how to print it: text or json")
	return cmd
}

// noArgs is for commands that take flags only.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("%s takes no arguments, and got %q", cmd.CommandPath(), args[0])}
}

// newAbout reads what the build recorded; nil is a build that recorded nothing.
func newAbout(info *debug.BuildInfo) about {
	a := about{
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

func (a about) print(w io.Writer) error {
	revision := a.Revision
	if a.Modified != nil && *a.Modified {
		revision += ", modified"
	}
	_, err := fmt.Fprintf(w, "kcmgen %s\n", a.Version)
	for _, l := range [][2]string{
		{"revision", revision}, {"time", a.Time}, {"go", a.Go}, {"platform", a.Platform}, {"cue", a.CUE}, {"cfssl", a.CFSSL},
	} {
		if l[1] != "" && err == nil {
			_, err = fmt.Fprintf(w, "  %-9s %s\n", l[0], l[1])
		}
	}
	return err
}

// version is the module's, as the build recorded it.
func version() string {
	info, _ := debug.ReadBuildInfo()
	return moduleVersion(info)
}

func moduleVersion(info *debug.BuildInfo) string {
	if info == nil {
		return "(devel)"
	}
	return cmp.Or(info.Main.Version, "(devel)")
}
