// Reader tells the end-to-end tests what kcmgen reads in files, and what is in YAML. It is
// compiled as part of kcmgen's module, which the tests aren't part of.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
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
// it writes a document as JSON.
func run(in io.Reader, out io.Writer) error {
	if len(os.Args) == 2 && os.Args[1] == "yaml" {
		doc, err := io.ReadAll(in)
		if err == nil {
			doc, err = yaml.YAMLToJSONStrict(doc)
		}
		if err == nil {
			_, err = out.Write(doc)
		}
		return err
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

func read(files []command.Input) answer {
	got, err := command.Read(&text.Set{}, files, command.Options{Known: flags.Exists})
	if err == nil && len(got) != 1 {
		err = fmt.Errorf("%d of the files start the program", len(got))
	}
	if err != nil {
		return answer{Err: errors.Join(err).Error()}
	}
	out := answer{Args: [][]byte{}}
	for _, a := range got[0].Args {
		out.Args = append(out.Args, []byte(a.String()))
	}
	for _, n := range got[0].Notes {
		out.Notes = append(out.Notes, n.Message)
	}
	return out
}
