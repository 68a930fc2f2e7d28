"""What networks are made of, with PyTorch's names and defaults. Each draws as one box."""
