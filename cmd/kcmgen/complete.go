package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
)

// completer returns words for the shell, from the CUE module around the working directory.
type completer func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective)

// completeClusters offers the names of clusters, and lets the shell offer directories.
func completeClusters(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, c := range gen.OutlinesOf(nil) {
		if c.Name != "" && strings.HasPrefix(c.Name, begun) && !slices.Contains(args, c.Name) {
			out = append(out, c.Name+"\t"+c.Dir)
		}
	}
	return out, cobra.ShellCompDirectiveDefault
}

func completeNodes(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	return wordsOf(args, begun, func(c gen.Outline) []string { return c.Nodes })
}

// completeNodeList completes the last node of a list with commas.
func completeNodeList(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	list := begun[:strings.LastIndex(begun, ",")+1]
	nodes, directive := completeNodes(cmd, args, begun[len(list):])
	out := []string{}
	for _, n := range nodes {
		if !slices.Contains(strings.Split(list, ","), n) {
			out = append(out, list+n)
		}
	}
	return out, directive
}

// completeFlagNames offers the flags of the named clusters' nodes. It evaluates the
// clusters. Where that fails, or would take long, it offers the flags in their CUE.
func completeFlagNames(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	derived := map[string]bool{}
	few := len(args) > 0 || len(gen.OutlinesOf(nil)) <= 10
	if few {
		for _, name := range gen.FlagNames(cmd.Context(), gen.Request{Args: args, Version: version()}) {
			derived[name] = true
		}
	}
	return wordsOf(args, begun, func(c gen.Outline) []string {
		return append(slices.Sorted(maps.Keys(derived)), c.Flags...)
	})
}

// completeWords offers fixed words.
func completeWords(words ...string) completer {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

func completeFlag(cmd *cobra.Command, flag string, c completer) {
	if err := cmd.RegisterFlagCompletionFunc(flag, c); err != nil {
		panic(err) // no such flag: the first test fails
	}
}

// wordsOf returns the words of the clusters that the command line names, or of all.
func wordsOf(args []string, begun string, of func(gen.Outline) []string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, c := range gen.OutlinesOf(args) {
		for _, word := range of(c) {
			if strings.HasPrefix(word, begun) && !slices.Contains(out, word) {
				out = append(out, word)
			}
		}
	}
	slices.Sort(out)
	return out, cobra.ShellCompDirectiveNoFileComp
}
