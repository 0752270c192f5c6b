"""What everything else stands on: logs, steps of long work, tasks, forks."""
