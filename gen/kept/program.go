package kept

import (
	"fmt"
	"os"
	"runtime/debug"
	"sync"

	"github.com/kcmgen/kcmgen/gen/disk"
)

// Program identifies this program: results of another one are none. A released program is
// known by its version and checksums, one that was built from a clean checkout by its
// revision, and any other by its file. It returns "" if it can't be told.
var Program = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	clean := settings["vcs.revision"] != "" && settings["vcs.modified"] == "false"
	if clean || info.Main.Sum != "" {
		return info.String()
	}
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	file, err := disk.ID(exe)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s\n%s", info, file)
})
