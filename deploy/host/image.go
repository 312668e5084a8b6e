package host

import (
	"context"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// ImportImage imports an image's archive on the host into its runtime, as the image of a
// generation, and removes the archive's directory.
func (s *Session) ImportImage(ctx context.Context, archive string, i *plan.Image, generation string) error {
	_, err := s.doOne(ctx, command("image_import", archive, i.Name, i.Digest, generation))
	return err
}

// PullImage has the host's runtime pull an image, unless it has it, as the image of a
// generation. It does nothing without the runtime's tool.
func (s *Session) PullImage(ctx context.Context, i plan.ImageOf) error {
	_, err := s.doOne(ctx, command("image_pull", i.Name, i.Generation))
	return err
}

// KeepImage makes what an image's name means the image of a generation, unless it has one.
func (s *Session) KeepImage(ctx context.Context, i plan.ImageOf) error {
	_, err := s.doOne(ctx, command("image_name_kept", i.Name, i.Generation))
	return err
}

// ParseInImage is [Session.Parse] for the program in a generation's image. The version is ""
// if the host lacks the runtime's tool.
func (s *Session) ParseInImage(ctx context.Context, i plan.ImageOf, argv []string) (string, error) {
	return s.parse(ctx, command("image_parse", append([]string{i.Name, i.Generation}, argv...)...))
}
