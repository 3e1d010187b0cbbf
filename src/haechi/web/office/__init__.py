"""Pages for those who answer for the AI of the city: shares, budgets, use."""
