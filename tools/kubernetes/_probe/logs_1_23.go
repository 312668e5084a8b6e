//go:build kube1_23 && !kube1_25

package main

import "k8s.io/component-base/logs"

func validateLogs(s *settings) error {
	return logs.ValidateLoggingConfiguration(&s.options.Logs.Config, nil).ToAggregate()
}
