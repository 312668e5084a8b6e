package spec

// Unit is the systemd unit's own directives, by section.
type Unit struct {
	Hardened               bool
	Unit, Service, Install []Directive // sorted by name; of one name, in their order
	// Omitted are the names, by section, whose defaults the user takes away.
	Omitted struct{ Unit, Service, Install []string }
}

// Directive is one line of a unit, in systemd's syntax.
type Directive struct{ Name, Value string }

// Image says how the container image is built.
type Image struct {
	Base        string
	Directories []string
	Copy        []Role
}

// Copies reports whether the image holds the file of a role.
func (i *Image) Copies(r Role) bool {
	if i == nil {
		return false
	}
	for _, c := range i.Copy {
		if c == r {
			return true
		}
	}
	return false
}
