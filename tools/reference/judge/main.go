// Command judge says whether a report is what its readers accept, by their own schemas.
//
//	judge sarif|gitlab FILE
//
// sarif is the JSON schema of SARIF 2.1.0, errata 01, by OASIS, as a Go module has it. GitLab publishes no schema
// of code quality in a package: gitlab.go has what its server and its documents demand.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: judge sarif|gitlab FILE")
		os.Exit(2)
	}
	data, err := os.ReadFile(os.Args[2])
	if err == nil {
		err = judge(os.Args[1], data)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[2], err)
		os.Exit(1)
	}
}

func judge(format string, data []byte) error {
	switch format {
	case "sarif":
		return isSARIF(data)
	case "gitlab":
		return isCodeQuality(data)
	}
	return fmt.Errorf("there is no judge of %q", format)
}
