package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func outFlag(cmd *cobra.Command, out *string) {
	cmd.Flags().VarP((*directory)(out), "out", "o", "directory of the clusters' trees (default out, beside cue.mod)")
}

// directory is a flag that names one: what a script's empty variable leaves isn't
// the default.
type directory string

// String is pflag.Value.String.
func (f *directory) String() string { return string(*f) }

// Type is pflag.Value.Type.
func (f *directory) Type() string { return "string" }

// Set is pflag.Value.Set.
func (f *directory) Set(s string) error {
	if s == "" {
		return errors.New("it names no directory")
	}
	*f = directory(s)
	return nil
}
