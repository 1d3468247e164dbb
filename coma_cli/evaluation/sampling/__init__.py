"""What `coma sample` plans, asks and writes down."""
