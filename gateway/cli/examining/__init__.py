"""What `lockgate doctor` looks at: what is configured, and what runs; each finding says what to do."""
