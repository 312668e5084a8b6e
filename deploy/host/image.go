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
func (s *Session) PullImage(ctx context.Context, name, generation string) error {
	_, err := s.doOne(ctx, command("image_pull", name, generation))
	return err
}

// ParseInImage is [Session.Parse] for the program in an image. The version is "" if the
// host lacks the runtime's tool.
func (s *Session) ParseInImage(ctx context.Context, name string, argv []string) (string, error) {
	return s.parse(ctx, command("image_parse", append([]string{name}, argv...)...))
}
