package spec

import "testing"

// TestCredentials: the secret in a URL is found, and never printed.
func TestCredentials(t *testing.T) {
	const password, name = "a password", "a user name, which may be a token"
	for address, want := range map[string]struct{ credentials, origin string }{
		"https://x/kcm":                         {"", "https://x/kcm"},
		"https://user:s3cret@x/kcm":             {password, "https://user:xxxxx@x/kcm"},
		"https://:s3cret@x":                     {password, "https://:xxxxx@x"},
		"https://ghp_0123@x":                    {name, "https://xxxxx@x"},
		"https://user:s3@cret@x/kcm":            {password, "https://user:xxxxx@x/kcm"},
		"https://user:s3%zz@x/kcm":              {password, "its URL"},
		"https://x:s3cret/kcm":                  {"", "its URL"},
		"https://x/kcm?a=1&X-Amz-Signature=0#x": {"a signature or token (X-Amz-Signature)", "https://x/kcm?…#x"},
		"https://x/kcm?%73ig=00":                {"a signature or token (sig)", "https://x/kcm?…"},
		"https://x/kcm?a=1;TOKEN=00":            {"a signature or token (TOKEN)", "https://x/kcm?…"},
		"https://x:84/a@b?v=a:b@c&sig=&t=1#u@x": {"", "https://x:84/a@b?…#u@x"},
		"https://x?token=1#frag":                {"a signature or token (token)", "https://x?…#frag"},
	} {
		d := Download{URL: address}
		if got := d.Credentials(); got != want.credentials {
			t.Errorf("%s holds %q, want %q", address, got, want.credentials)
		}
		if got := d.Origin(); got != want.origin {
			t.Errorf("%s is printed %q, want %q", address, got, want.origin)
		}
	}
}
