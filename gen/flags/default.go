package flags

// Default is what a flag is where it isn't given, as its value is written: of a minor
// version or, where there is no data of it or it doesn't have the flag, of the nearest
// one that has. It is "" for a flag that no version has.
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
