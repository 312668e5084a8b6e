package deploy

import (
	"slices"
	"testing"
)

func TestUnitChanges(t *testing.T) {
	was := &Set{Unit: []byte("# of 11\n[Service]\nExecStart=/bin/kcm \\\n  --v=2\nNice=1\nBindReadOnlyPaths=/home/1111111111111111:/etc/kcm\nEnvironment=A=1 \\\n  B=2\n")}
	want := &Set{Unit: []byte("# of 22\n[Service]\nExecStart=/bin/kcm \\\n  --v=3\nBindReadOnlyPaths=/home/2222222222222222:/etc/kcm\nEnvironment=A=1 \\\n  B=3\nNice=2\n")}
	expected := []string{"- Nice=1", "- Environment=…", "+ Environment=…", "+ Nice=2"}
	if got := unitChanges(was, want); !slices.Equal(got, expected) {
		t.Errorf("%q, expected %q", got, expected)
	}
	was.Generation = "found-0123456789ab" // somebody else's
	if got := unitChanges(was, want); !slices.Equal(got, []string{"- Nice=…", "- Environment=…", "+ Environment=…", "+ Nice=2"}) {
		t.Errorf("%q", got)
	}
	if got := unitChanges(was, was); len(got) > 0 {
		t.Errorf("nothing changes, and it says %q", got)
	}
	if got := unitChanges(nil, want); len(got) > 0 {
		t.Errorf("of nothing nothing is told, and it says %q", got)
	}
}
