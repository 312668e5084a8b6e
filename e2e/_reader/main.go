// Reader tells the end-to-end tests what kcmgen reads in files, and what is in YAML. It is
// compiled as part of kcmgen's module, which the tests aren't part of.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/systemd/systemdtest"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/flags"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run reads a list of hosts, each with its files, and writes what starts on each. As "yaml"
// it writes a document as JSON, and as "units" units to compare with systemd.
func run(in io.Reader, out io.Writer) error {
	// On a host it stands for the program that units start.
	if printed, err := systemdtest.Print(os.Args); printed {
		return err
	}
	switch {
	case slices.Equal(os.Args[1:], []string{"yaml"}):
		doc, err := io.ReadAll(in)
		if err == nil {
			doc, err = yaml.YAMLToJSONStrict(doc)
		}
		if err == nil {
			_, err = out.Write(doc)
		}
		return err
	case slices.Equal(os.Args[1:], []string{"units"}):
		var o struct {
			Seed              uint64
			N                 int
			Program, Out, Dir string
		}
		if err := json.NewDecoder(in).Decode(&o); err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(systemdtest.Cases(o.Seed, o.N, o.Program, o.Out, o.Dir))
	case len(os.Args) > 1:
		return fmt.Errorf("%q is nothing to do", os.Args[1:])
	}
	var hosts [][]struct{ Name, Data string }
	if err := json.NewDecoder(in).Decode(&hosts); err != nil {
		return err
	}
	var answers []answer
	for _, files := range hosts {
		var inputs []command.Input
		for _, f := range files {
			inputs = append(inputs, command.Input{Name: f.Name, Data: []byte(f.Data)})
		}
		answers = append(answers, read(inputs))
	}
	return json.NewEncoder(out).Encode(answers)
}

// answer is a command line, or why there is none. Arguments are bytes, for some aren't UTF-8.
type answer struct {
	Args  [][]byte
	Notes []string
	Err   string
}

// read returns what kcmgen reads. A value that it leaves open is its expression between U+FDD0
// and U+FDD1. Beside errors of some files there may be a command line of others.
func read(files []command.Input) answer {
	set := &text.Set{}
	got, err := command.Read(set, files, command.Options{Known: flags.Exists})
	out := answer{}
	if err != nil {
		out.Err = err.Error()
	}
	if len(got) != 1 {
		out.Err += fmt.Sprintf(" %d of the files start the program", len(got))
		return out
	}
	out.Args = [][]byte{}
	for _, a := range got[0].Args {
		out.Args = append(out.Args, []byte(set.Fill(a.Text, func(h text.Hole) string { return "\ufdd0" + h.Expr + "\ufdd1" })))
	}
	for _, n := range got[0].Notes {
		out.Notes = append(out.Notes, n.Message)
	}
	return out
}
