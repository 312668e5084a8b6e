package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type imageOptions struct {
	out    string
	archs  []string
	format string
}

func newImage(std stdio) *cobra.Command {
	var o imageOptions
	cmd := &cobra.Command{
		Use:   "image [CLUSTER | DIR | DIR/...]...",
		Short: "Make container images, without a daemon",
		Long: `Image vets clusters, fetches missing programs as "kcmgen fetch" does, and makes an
image from scratch for each architecture of the nodes:

  OUT/<cluster>/image/<arch>.tar    an OCI archive, named as pod.image says

It holds the program at paths.binary, the directories of image.directories, and the
files of image.copy as the last export wrote them; no key is in it unless
image.copy says so. The same cluster gives the same bytes, and the digest is the
one that a registry shows.

` + exitCodes,
		Example: `  kcmgen image ./cue/prod                 write out/prod/image/amd64.tar
  kcmgen image --arch amd64,arm64 ./cue/prod
  buildah pull oci-archive:out/prod/image/amd64.tar`,
		ValidArgsFunction: completeClusters,
		RunE:              with(&o, std, runImage),
	}
	outFlag(cmd, &o.out)
	archFlag(cmd, &o.archs, "those of the nodes")
	formatFlag(cmd, &o.format, "how to print what was made")
	return cmd
}

func runImage(ctx context.Context, o imageOptions, args []string, now func() time.Time, std stdio) (err error) {
	at := now()
	if err := gen.CheckArchs(o.archs); err != nil {
		return err
	}
	if o.out, err = gen.OutDir(o.out, args); err != nil {
		return err
	}
	if err := gen.Writable(o.out); err != nil {
		return err
	}
	r, err := loadVetted(ctx, o.out, args, at, std)
	if err != nil {
		return err
	}
	s := newScreen(std)
	made, err := gen.MakeImages(ctx, r, gen.ImageOptions{
		Out: o.out, Archs: o.archs, Programs: programs(), Now: at, Progress: s.progress(), OnEvent: s.event,
	})
	if len(made) == 0 && err != nil {
		return err
	}
	return errors.Join(err, printImages(std.out, made, o.format))
}

func printImages(w io.Writer, made []gen.MadeImage, format string) error {
	if format == "json" {
		return terminal.List(w, "images", made)
	}
	var lines []string
	for _, m := range made {
		lines = append(lines, m.Line())
	}
	return terminal.Lines(w, lines)
}
