package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// manyNodes exports one cluster of many nodes to memory. Ten times the nodes must take
// at most about ten times as long.
func (b *bench) manyNodes() ([]row, error) {
	var rows []row
	for _, perNode := range []bool{false, true} {
		hundred := work{nodes: 100, algorithm: "ecdsa", perNode: perNode}
		thousand := hundred
		thousand.nodes = 1000
		small, err := b.export(hundred, b.scratch)
		if err != nil {
			return nil, err
		}
		big, err := b.export(thousand, b.scratch)
		if err != nil {
			return nil, err
		}
		if !perNode {
			rows = append(rows,
				row{title: "100 nodes, " + hundred.String(), rounds: 5, sides: []side{small, b.pipeline(hundred, b.scratch)}},
				row{
					title: "1,000 nodes, " + thousand.String(), rounds: 3, sides: []side{big, b.pipeline(thousand, b.scratch)},
					bounds: []bound{timesLess(2.5), memoryAtMost(300)},
				})
		}
		big.name += ", 1,000 nodes"
		small.name += ", 100 nodes"
		rows = append(rows, row{
			title: "linear: " + thousand.String(), rounds: 5, sides: []side{big, small},
			bounds: []bound{timesAtMost(12), memoryAtMost(300)},
		})
	}
	return rows, nil
}

// manyClusters is the number of clusters in one call.
const manyClusters = 300

// clusterNodes returns the nodes of the i-th of many clusters, as arguments of the
// pipeline. Each cluster has its own addresses.
func clusterNodes(i int) []string {
	var nodes []string
	for n := range 3 {
		nodes = append(nodes, fmt.Sprintf("cp-%d=172.%d.%d.%d", n+1, 16+i/250, i%250, n+1))
	}
	return nodes
}

// clusters writes n packages c001, c002 … of three nodes with one shared certificate and
// a given CA, and returns the pattern for all of them.
func (b *bench) clusters(n int) (string, error) {
	w := work{nodes: 3, algorithm: "ecdsa"}
	one, err := b.cluster(w)
	if err != nil {
		return "", err
	}
	waived, err := os.ReadFile(filepath.Join(b.scratch, one, waivers))
	if err != nil {
		return "", err
	}
	for i := range n {
		name := fmt.Sprintf("c%03d", i+1)
		dir := filepath.Join(b.scratch, "many", name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
		nodes := string(b.nodesFile(w))
		for k, node := range clusterNodes(i) {
			_, address, _ := strings.Cut(node, "=")
			nodes = strings.Replace(nodes, fmt.Sprintf("%q", w.address(k)), fmt.Sprintf("%q", address), 1)
		}
		for file, text := range map[string][]byte{"cluster.cue": seed, "nodes.cue": []byte(nodes), waivers: waived} {
			text = bytes.Replace(text, []byte("package bench"), []byte("package "+name), 1)
			text = bytes.Replace(text, []byte(`name:    "bench"`), []byte(`name:    "`+name+`"`), 1)
			if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
				return "", err
			}
		}
	}
	return "./many/...", nil
}

// exportClusters returns kcmgen's side of many clusters: all in one call.
func (b *bench) exportClusters(base string) (side, error) {
	pattern, err := b.clusters(manyClusters)
	if err != nil {
		return side{}, err
	}
	s := b.fresh(base, 3*manyClusters, func(out string) []string {
		return []string{b.kcmgen, "export", "-o", out, pattern}
	})
	s.name = "kcmgen export, one call"
	return s, nil
}

// manyClusters exports all clusters of an organisation. The pipeline runs once for each.
func (b *bench) manyClusters() ([]row, error) {
	ours, err := b.exportClusters(b.scratch)
	if err != nil {
		return nil, err
	}
	script := filepath.Join(b.repo, "tools/bench/pipeline.sh")
	theirs := b.fresh(b.scratch, 3*manyClusters, func(out string) []string {
		text := "set -e\n"
		for i := range manyClusters {
			text += fmt.Sprintf("sh %q %q shared ecdsa %q %s\n", script, fmt.Sprintf("%s/c%03d", out, i+1), b.authorityDir("ecdsa"), strings.Join(clusterNodes(i), " "))
		}
		return []string{"sh", "-c", text}
	})
	theirs.name = fmt.Sprintf("cfssl, kubectl config, sed, cp × %d", manyClusters)
	return []row{{
		title:  fmt.Sprintf("%d clusters, first export to memory, %s", manyClusters, work{algorithm: "ecdsa"}),
		rounds: 1, // the peer takes a minute
		sides:  []side{ours, theirs},
		bounds: []bound{timesLess(10), memoryAtMost(300)},
	}}, nil
}

// manyOnDisk prints the cost of a disk: the time of an export to a disk minus that of an
// export to memory, where a sync does nothing.
func (b *bench) manyOnDisk() ([]row, error) {
	w := work{nodes: 1000, algorithm: "ecdsa"}
	nodesDisk, err1 := b.export(w, b.disk)
	nodesMemory, err2 := b.export(w, b.scratch)
	clustersDisk, err3 := b.exportClusters(b.disk)
	clustersMemory, err4 := b.exportClusters(b.scratch)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	pair := func(title string, disk, memory side) row {
		disk.name += " to a disk"
		memory.name += " to memory"
		return row{
			title: title, rounds: 3, sides: []side{disk, memory}, bounds: []bound{memoryAtMost(300)},
			note: func(s []stats) string {
				return fmt.Sprintf("disk and syncs cost %.1f s of its %.1f s", (s[0].median(wall) - s[1].median(wall)).Seconds(), s[0].median(wall).Seconds())
			},
		}
	}
	return []row{
		pair("1,000 nodes, "+w.String(), nodesDisk, nodesMemory),
		pair(fmt.Sprintf("%d clusters, %s", manyClusters, w), clustersDisk, clustersMemory),
	}, nil
}
