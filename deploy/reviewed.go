package deploy

// Reviewed is a plan that was read from a file: no other may be carried out. Without one,
// nil, every plan may.
type Reviewed struct{ plan *Plan }

// ReadReviewed reads the plan that WritePlan wrote.
func ReadReviewed(file string) (*Reviewed, error) {
	p, err := ReadPlan(file)
	if err != nil {
		return nil, err
	}
	return &Reviewed{p}, nil
}

// Check returns a StalePlanError if a plan that was made now differs.
func (r *Reviewed) Check(p *Plan) error {
	if r == nil {
		return nil
	}
	if moves := Changes(r.plan, p); len(moves) > 0 {
		return &StalePlanError{Changes: moves}
	}
	return nil
}

// Moved makes a StalePlanError of an error that asks for a new plan.
func (r *Reviewed) Moved(err error) error {
	if r != nil && NeedsNewPlan(err) {
		return &StalePlanError{Changes: []Change{{Text: err.Error()}}}
	}
	return err
}
