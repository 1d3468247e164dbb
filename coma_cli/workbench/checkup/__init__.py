"""What `coma doctor` looks at, one module per area; each returns diagnoses and changes nothing."""
