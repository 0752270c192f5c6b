"""What all other rooms use: logs, steps of long work, tasks, forks."""
