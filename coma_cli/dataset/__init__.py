"""What makes the training data: mixing, the card, exports."""
