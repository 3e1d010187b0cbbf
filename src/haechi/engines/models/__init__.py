"""The model gateway's engine: one protocol, fair shares, budgets, and models that can be swapped behind their names."""
