package adopt

import "testing"

// TestLooksSecret: names of passwords, tokens and keys, and names that only look alike.
func TestLooksSecret(t *testing.T) {
	for _, name := range []string{"PASSWORD", "DB_PASSWD", "dbPassword", "TOKEN", "AUTH_TOKENS", "CLIENT_SECRET", "AWS_ACCESS_KEY_ID", "API_KEY", "apiKey", "APIKEY", "KEY", "GOOGLE_CREDENTIALS", "PASSPHRASE"} {
		if !LooksSecret(name) {
			t.Errorf("%s isn't called secret", name)
		}
	}
	for _, name := range []string{"", "HTTP_PROXY", "MONKEY", "KEYBOARD", "GOMAXPROCS", "BYPASS", "COMPASS", "NO_PROXY"} {
		if LooksSecret(name) {
			t.Errorf("%s is called secret", name)
		}
	}
}
