package main

import (
	"fmt"
	"io"
	"math"
	"os"
)

// point is a figure of a curve.
type point struct {
	x int     // nodes
	y float64 // seconds of CPU time
}

// curve is how a side's time grows with the nodes of a cluster.
type curve struct {
	name   string
	points []point
}

// add adds the times of a row to the curves, by the names of its sides.
func add(curves []curve, w row, all []stats) []curve {
sides:
	for i, s := range w.sides {
		p := point{w.nodes, all[i].median(cpu).Seconds()}
		for k := range curves {
			if curves[k].name == s.name {
				curves[k].points = append(curves[k].points, p)
				continue sides
			}
		}
		curves = append(curves, curve{s.name, []point{p}})
	}
	return curves
}

// The picture's size and its axes, both logarithmic.
const (
	pictureWidth, pictureHeight = 760, 420
	left, right, top, bottom    = 70.0, 560.0, 50.0, 370.0
	fewest, most                = 2.0, 7000.0 // nodes
	shortest, longest           = 0.03, 100.0 // seconds
)

var colours = []string{"#0b6e4f", "#8a6d1f", "#b3261e"}

func place(p point) (x, y float64) {
	along := func(v, from, to float64) float64 { return math.Log(v/from) / math.Log(to/from) }
	return left + (right-left)*along(float64(p.x), fewest, most), bottom - (bottom-top)*along(p.y, shortest, longest)
}

// draw writes the curves as an SVG picture.
func draw(w io.Writer, curves []curve) {
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", pictureWidth, pictureHeight)
	fmt.Fprintf(w, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", pictureWidth, pictureHeight)
	fmt.Fprintf(w, `<text x="%g" y="28" font-size="15">CPU time of a vet, by the nodes of one cluster</text>`+"\n", left)
	for _, x := range []int{3, 10, 100, 1000, 5000} {
		at, _ := place(point{x, shortest})
		fmt.Fprintf(w, `<line x1="%.1f" y1="%g" x2="%.1f" y2="%g" stroke="#dddddd"/><text x="%.1f" y="%g" text-anchor="middle">%d</text>`+"\n", at, top, at, bottom, at, bottom+20, x)
	}
	for _, y := range []float64{0.1, 1, 10, 100} {
		_, at := place(point{1, y})
		fmt.Fprintf(w, `<line x1="%g" y1="%.1f" x2="%g" y2="%.1f" stroke="#dddddd"/><text x="%g" y="%.1f" text-anchor="end">%g s</text>`+"\n", left, at, right, at, left-8, at+4, y)
	}
	for i, c := range curves {
		colour := colours[i%len(colours)]
		line := ""
		var x, y float64
		for _, p := range c.points {
			x, y = place(p)
			line += fmt.Sprintf("%.1f,%.1f ", x, y)
			fmt.Fprintf(w, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", x, y, colour)
		}
		fmt.Fprintf(w, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", line, colour)
		fmt.Fprintf(w, `<text x="%.1f" y="%.1f" fill="%s">%s</text>`+"\n", x+10, y+4, colour, c.name)
	}
	fmt.Fprintln(w, "</svg>")
}

// drawFile writes the picture to a file.
func drawFile(name string, curves []curve) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	draw(f, curves)
	return nil
}
