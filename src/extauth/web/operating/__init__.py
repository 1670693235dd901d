"""What an operator is shown, read through the store's own ports, in the operator's name."""
