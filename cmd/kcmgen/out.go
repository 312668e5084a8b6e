package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func outFlag(cmd *cobra.Command, out *string) {
	cmd.Flags().VarP((*folder)(out), "out", "o", "folder of the clusters' trees (default out, beside cue.mod)")
}

// folder is a flag that names one: what a script's empty variable leaves isn't
// the default.
type folder string

// String is pflag.Value.String.
func (f *folder) String() string { return string(*f) }

// Type is pflag.Value.Type.
func (f *folder) Type() string { return "string" }

// Set is pflag.Value.Set.
func (f *folder) Set(s string) error {
	if s == "" {
		return errors.New("it names no folder")
	}
	*f = folder(s)
	return nil
}
