package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	_ "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif" // has the schema
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// holder is the module that has the schema, and where: it is a constant that the module
// keeps to itself, and its own check would not see what its types leave out.
const (
	holder     = "github.com/owenrumney/go-sarif/v3"
	holderFile = "pkg/report/v210/sarif/schema.go"
	constant   = "schema"
)

// isSARIF holds a log against the schema.
func isSARIF(data []byte) error {
	text, err := sarifSchema()
	if err != nil {
		return err
	}
	const name = "sarif-2.1.0.json"
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat() // addresses are addresses
	if err := c.AddResource(name, schema); err != nil {
		return err
	}
	compiled, err := c.Compile(name)
	if err != nil {
		return err
	}
	if err := compiled.Validate(doc); err != nil {
		return fmt.Errorf("%#v", err)
	}
	return nil
}

// sarifSchema reads the schema in the module, at the version that this program was built
// with.
func sarifSchema() (string, error) {
	info, _ := debug.ReadBuildInfo()
	version := ""
	for _, m := range info.Deps {
		if m.Path == holder {
			version = m.Version
		}
	}
	out, err := exec.Command("go", "mod", "download", "-json", holder+"@"+version).Output()
	var module struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(out, &module)
	}
	if err != nil {
		return "", fmt.Errorf("go mod download %s@%s: %w", holder, version, err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(module.Dir, filepath.FromSlash(holderFile)), nil, 0)
	if err != nil {
		return "", err
	}
	if o := file.Scope.Lookup(constant); o != nil {
		if spec, ok := o.Decl.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if text, ok := spec.Values[0].(*ast.BasicLit); ok {
				return strconv.Unquote(text.Value)
			}
		}
	}
	return "", fmt.Errorf("%s has no constant %s", holderFile, constant)
}
