// Package tap prints test results in the Test Anything Protocol, with the functions that the OCI validation suite
// calls. The library that it was written with is not in Debian.
package tap

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// T counts and prints the results of one program.
type T struct {
	// Writer gets the output; os.Stdout if it is nil.
	Writer io.Writer

	state *state
	todo  bool
}

type state struct {
	count int
}

// New returns a T that has printed nothing yet.
func New() *T {
	return &T{state: &state{}}
}

// Header begins the output. A count below 1 leaves the plan to AutoPlan.
func (t *T) Header(count int) {
	t.printf("TAP version 13\n")
	if count > 0 {
		t.printf("1..%d\n", count)
	}
}

// AutoPlan prints how many results there have been.
func (t *T) AutoPlan() {
	t.printf("1..%d\n", t.state.count)
}

// Ok prints one result.
func (t *T) Ok(passed bool, description string) {
	t.result(passed, description, "")
}

// Pass prints a result that is good.
func (t *T) Pass(description string) {
	t.Ok(true, description)
}

// Fail prints a result that is not.
func (t *T) Fail(description string) {
	t.Ok(false, description)
}

// Skip prints count results that could not be had.
func (t *T) Skip(count int, description string) {
	for ; count > 0; count-- {
		t.result(true, "", "SKIP "+description)
	}
}

// Todo returns a T whose results are known not to be good yet; they count with those of t.
func (t *T) Todo() *T {
	return &T{Writer: t.Writer, state: t.state, todo: true}
}

// Diagnostic prints text as comments.
func (t *T) Diagnostic(text string) {
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		t.printf("# %s\n", line)
	}
}

// Diagnosticf is Diagnostic with a format.
func (t *T) Diagnosticf(format string, values ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, values...))
}

// YAML prints a value below the last result. JSON is YAML.
func (t *T) YAML(value interface{}) error {
	text, err := json.MarshalIndent(value, "  ", "  ")
	if err != nil {
		return err
	}
	t.printf("  ---\n  %s\n  ...\n", text)
	return nil
}

func (t *T) result(passed bool, description string, directive string) {
	t.state.count++
	word := "ok"
	if !passed {
		word = "not ok"
	}
	line := fmt.Sprintf("%s %d", word, t.state.count)
	if description != "" {
		line += " - " + strings.ReplaceAll(description, "#", "\\#")
	}
	if t.todo && directive == "" {
		directive = "TODO"
	}
	if directive != "" {
		line += " # " + directive
	}
	t.printf("%s\n", line)
}

func (t *T) printf(format string, values ...interface{}) {
	writer := t.Writer
	if writer == nil {
		writer = os.Stdout
	}
	fmt.Fprintf(writer, format, values...)
}
