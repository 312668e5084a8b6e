package rules

import "testing"

// TestSecretField: values of the environment never appear in errors of CUE.
func TestSecretField(t *testing.T) {
	for field, want := range map[string]bool{
		"pod.container.env[0].value":          true,
		"pod.container.env":                   true,
		"unit.Service.Environment":            true,
		"unit.Service.SetCredential":          true,
		"unit.Service.SetCredentialEncrypted": true,
		"pod.container.command[0]":            false,
		"unit.Service.Restart":                false,
	} {
		if got := SecretField(field); got != want {
			t.Errorf("%s: %v", field, got)
		}
	}
}
