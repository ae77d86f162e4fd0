// Checks what Prometheus reads, with its own code, as `promtool check metrics` and `promtool check rules` do.
//
//	prometheus-check METRICS.txt RULES.yaml...
package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/prometheus/model/rulefmt"
)

func main() {
	failed := false
	complain := func(file string, problem any) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", file, problem)
		failed = true
	}
	for i, file := range os.Args[1:] {
		text, err := os.ReadFile(file)
		if err != nil {
			complain(file, err)
			continue
		}
		if i == 0 {
			problems, err := promlint.New(bytes.NewReader(text)).Lint()
			if err != nil {
				complain(file, err)
			}
			for _, problem := range problems {
				complain(file, problem.Metric+": "+problem.Text)
			}
			continue
		}
		_, errs := rulefmt.Parse(text, false)
		for _, err := range errs {
			complain(file, err)
		}
	}
	if failed {
		os.Exit(1)
	}
}
