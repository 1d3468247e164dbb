"""What happens to rows, wherever they come from."""
