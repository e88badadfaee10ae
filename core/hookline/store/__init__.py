"""What outlives a process: tables, migrations and the audit log."""
