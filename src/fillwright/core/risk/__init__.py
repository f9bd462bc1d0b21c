"""Risk: ordered checks that approve or deny, nested limits, sizing, the circuit breaker. Trading rules §5."""
