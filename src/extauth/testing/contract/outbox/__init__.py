"""What a store's outbox must keep."""
