"""Real data in, trained models out: tables, hold-out splits, training loops, history."""
