// Kcmgen-sbom writes a CycloneDX bill of materials of a Go binary, from what its
// build recorded in it: what is linked, not what go.mod would allow.
//
//	kcmgen-sbom BINARY kcmgen.cdx.json
//
// It has neither serial number nor time, so one binary has one bill.
package main

import (
	"cmp"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "kcmgen-sbom: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: kcmgen-sbom BINARY FILE")
	}
	info, err := buildinfo.ReadFile(args[0])
	if err != nil {
		return err
	}
	if info.Main.Path == "" || len(info.Deps) == 0 {
		return fmt.Errorf("%s: its build recorded no modules", args[0])
	}
	f, err := os.Create(args[1])
	if err != nil {
		return err
	}
	err = cdx.NewBOMEncoder(f, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).Encode(bill(info))
	return errors.Join(err, f.Close())
}

// bill is the binary's module, and every module and the standard library that
// are linked into it.
func bill(info *debug.BuildInfo) *cdx.BOM {
	main := component(&info.Main)
	main.Type = cdx.ComponentTypeApplication
	main.Properties = settings(info)
	std := component(&debug.Module{Path: "std", Version: info.GoVersion})
	parts := []cdx.Component{std}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		parts = append(parts, component(m))
	}
	slices.SortFunc(parts, func(a, b cdx.Component) int { return cmp.Compare(a.BOMRef, b.BOMRef) })
	refs := make([]string, len(parts))
	for i, p := range parts {
		refs[i] = p.BOMRef
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &main}
	bom.Components = &parts
	bom.Dependencies = &[]cdx.Dependency{{Ref: main.BOMRef, Dependencies: &refs}}
	return bom
}

func component(m *debug.Module) cdx.Component {
	purl := "pkg:golang/" + m.Path
	if m.Version != "" {
		purl += "@" + m.Version
	}
	c := cdx.Component{Type: cdx.ComponentTypeLibrary, BOMRef: purl, Name: m.Path, Version: m.Version, PackageURL: purl}
	if m.Sum != "" { // go.sum's: over a list of files, so not one of CycloneDX' hashes
		c.Properties = &[]cdx.Property{{Name: "go:sum", Value: m.Sum}}
	}
	return c
}

// settings are those of the build that say how it was made.
func settings(info *debug.BuildInfo) *[]cdx.Property {
	out := []cdx.Property{{Name: "go:version", Value: info.GoVersion}}
	for _, s := range info.Settings {
		out = append(out, cdx.Property{Name: "go:build:" + s.Key, Value: s.Value})
	}
	return &out
}
