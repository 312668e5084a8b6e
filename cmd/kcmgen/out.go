package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
)

func outFlag(cmd *cobra.Command, out *string) {
	cmd.Flags().VarP((*directory)(out), "out", "o", "directory of the clusters' trees (default out, next to cue.mod)")
}

// directory is a flag's value that must not be empty: an empty variable in a script
// doesn't mean the default.
type directory string

// String implements pflag.Value.
func (f *directory) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *directory) Type() string { return "string" }

// Set implements pflag.Value.
func (f *directory) Set(s string) error {
	if s == "" {
		return errors.New("it names no directory")
	}
	*f = directory(s)
	return nil
}

// archFlag adds --arch; missing are the architectures without it.
func archFlag(cmd *cobra.Command, archs *[]string, missing string) {
	cmd.Flags().StringSliceVar(archs, "arch", nil, "architectures, such as amd64,arm64 (default "+missing+")")
	completeFlag(cmd, "arch", completeWords(gen.Archs()...))
}
