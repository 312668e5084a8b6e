package flags

// Default returns a flag's default in a minor version or, without data of it or if it
// lacks the flag, in the nearest version that has it; "" if no version has it.
func Default(minor int, name string) string {
	if m := Of(minor); m != nil {
		if d, ok := m.Flag(name); ok {
			return d.Default
		}
	}
	life, ok := LifeOf(name)
	if !ok {
		return ""
	}
	d, _ := Of(min(max(minor, life.First), life.Last)).Flag(name)
	return d.Default
}

// Newest is the newest minor version that there is data of.
func Newest() int { return Minors()[len(Minors())-1] }
