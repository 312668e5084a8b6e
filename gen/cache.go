package gen

import (
	"fmt"
	"os"
	"path/filepath"
)

// cacheVariable is the environment variable that names kcmgen's cache directory.
const cacheVariable = "KCMGEN_CACHE"

// CacheDir returns the directory of this name below KCMGEN_CACHE or, if that isn't set, in
// the user's cache directory.
func CacheDir(name string) (string, error) {
	dir := os.Getenv(cacheVariable)
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("there is no cache directory for %s: %w; %s names one", name, err, cacheVariable)
		}
		dir = filepath.Join(cache, "kcmgen")
	}
	return filepath.Join(dir, name), nil
}
