package command

import (
	"errors"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// parseYAML is yamltext.Parse, whose error says no word that a value of the file may have: it
// may be a password.
func parseYAML(set *text.Set, t text.Text) ([]*yamltext.Node, error) {
	docs, err := yamltext.Parse(set, t)
	var e *yamltext.Error
	if errors.As(err, &e) && strings.HasPrefix(e.Message, "there is no anchor called ") {
		err = &yamltext.Error{At: e.At, Message: "there is no anchor of this name"}
	}
	return docs, err
}

var quotedWord = lazy.Regexp("`[^`]*`")

// shellWord matches what a syntax error of a shell may say of a script: keywords and operators.
var shellWord = lazy.Regexp("^`(?:[^A-Za-z0-9]{1,3}|if|then|elif|else|fi|for|do|done|while|until|in|case|esac|function|select|time)`$")

// quietShell returns a syntax error's message without words of the script's own.
func quietShell(message string) string {
	return quotedWord().ReplaceAllStringFunc(message, func(word string) string {
		if shellWord().MatchString(word) {
			return word
		}
		return "a word"
	})
}
