"""The health of instances: evidence, verdicts, probes."""
