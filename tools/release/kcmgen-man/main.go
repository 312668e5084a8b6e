// Kcmgen-man writes kcmgen's manual pages from what the program says of itself:
//
//	kcmgen __commands | kcmgen-man DIR
//
// Their date is SOURCE_DATE_EPOCH, so that one commit makes the same pages
// everywhere.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		fmt.Fprintf(os.Stderr, "kcmgen-man: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, epoch string) error {
	if len(args) != 1 {
		return errors.New("usage: kcmgen __commands | kcmgen-man DIR")
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH is %q, not the seconds of the commit's time: git log -1 --format=%%ct", epoch)
	}
	dec := json.NewDecoder(in)
	// A field that this doesn't know is one that the pages would lack.
	dec.DisallowUnknownFields()
	var root command
	if err := dec.Decode(&root); err != nil {
		return fmt.Errorf("reading kcmgen __commands: %w", err)
	}
	if err := os.MkdirAll(args[0], 0o777); err != nil {
		return err
	}
	date := time.Unix(seconds, 0).UTC()
	header := doc.GenManHeader{Section: "1", Date: &date, Source: "kcmgen", Manual: "kcmgen"}
	if err := doc.GenManTree(root.cobra(), &header, args[0]); err != nil {
		return err
	}
	return eachPage(args[0], func(page string) string { return tidy(page, date) })
}

// command is one as kcmgen __commands prints it.
type command struct {
	Schema   int       `json:"schema"` // of the document: the first has it
	Use      string    `json:"use"`
	Short    string    `json:"short"`
	Long     string    `json:"long"`
	Example  string    `json:"example"`
	Aliases  []string  `json:"aliases"`
	Flags    []flag    `json:"flags"`
	Commands []command `json:"commands"`
}

type flag struct {
	Name       string `json:"name"`
	Shorthand  string `json:"shorthand"`
	Type       string `json:"type"`
	Default    string `json:"default"`
	NoValue    string `json:"noValue"`
	Usage      string `json:"usage"`
	Persistent bool   `json:"persistent"`
}

// cobra builds the command again, which does nothing but be described.
func (c command) cobra() *cobra.Command {
	out := &cobra.Command{
		Use: c.Use, Short: escape(c.Short), Long: markdown(c.Long), Example: c.Example, Aliases: c.Aliases,
		DisableAutoGenTag: true,
		Run:               func(*cobra.Command, []string) {},
	}
	out.CompletionOptions.DisableDefaultCmd = true
	for _, f := range c.Flags {
		set := out.Flags()
		if f.Persistent {
			set = out.PersistentFlags()
		}
		set.AddFlag(&pflag.Flag{
			Name: f.Name, Shorthand: f.Shorthand, Usage: escape(f.Usage),
			Value: value{f.Default, f.Type}, DefValue: f.Default, NoOptDefVal: f.NoValue,
		})
	}
	for _, sub := range c.Commands {
		out.AddCommand(sub.cobra())
	}
	return out
}

// value is a flag's, known by name only.
type value struct{ def, kind string }

func (v value) String() string   { return v.def }
func (v value) Type() string     { return v.kind }
func (v value) Set(string) error { return errors.New("it is only described") }
