module github.com/kcmgen/kcmgen/tools/bench

go 1.26.0
