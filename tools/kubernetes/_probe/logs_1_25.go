//go:build kube1_25

package main

import (
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	logsapi "k8s.io/component-base/logs/api/v1"
)

func validateLogs(s *settings) error {
	return logsapi.Validate(s.options.Logs, utilfeature.DefaultFeatureGate, nil).ToAggregate()
}
