"""CodeSearchNet: functions with their documentation in six languages."""
