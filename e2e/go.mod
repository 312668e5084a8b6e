module github.com/kcmgen/kcmgen/e2e

go 1.26.0
